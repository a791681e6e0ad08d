"""How the directory of a project is found: upward from where one stands."""

from __future__ import annotations

import os
from typing import Final

LOCAL_DIRECTORY: Final = ".metaflow"
"""Name of the directory that holds a local store and a project's configuration file."""

SPIN_DIRECTORY: Final = ".metaflow_spin"
"""Name of the directory that holds what spun tasks have left behind."""


def nearest_local_directory(start_dir: str, name: str = LOCAL_DIRECTORY) -> str | None:
    """Find the `.metaflow` directory of this directory or of the nearest one above it.

    Parameters
    ----------
    start_dir : str
        Where to begin.
    name : str, default ".metaflow"
        Name of the directory to find.

    Returns
    -------
    str, optional
        Absolute path, or None when there is none up to the root of the file system.
    """
    here = os.path.abspath(start_dir)
    while True:
        candidate = os.path.join(here, name)
        if os.path.isdir(candidate):
            return candidate
        above = os.path.dirname(here)
        if above == here:
            return None
        here = above
