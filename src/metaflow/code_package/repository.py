"""Whether a folder belongs to a Git repository; most of what Git takes is loaded only if so."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metaflow.code_package.git import GitState


def repository_of(folder: str) -> GitState | None:
    """Read the state of the repository that a folder belongs to.

    Parameters
    ----------
    folder : str
        Absolute path.

    Returns
    -------
    GitState or None
        None when the folder is in no repository, or in one that cannot be read.
    """
    top = os.path.realpath(folder)
    while not os.path.exists(os.path.join(top, ".git")):
        above = os.path.dirname(top)
        if above == top:
            return None
        top = above
    from metaflow.code_package.git import read_git

    return read_git(top)
