"""What survives when: the setting DURABILITY, and how bytes are forced to the disk by it.

Each process asks once. The order of things is that of their callers: bytes before the fact that
refers to them, a file before its name, and a folder's name before what is in it counts.
"""

from __future__ import annotations

import os
import sys
from functools import cache

from metaflow.settings.load import POWER, load_settings


@cache
def survives_power_loss() -> bool:
    """Say whether what is acknowledged has to survive the end of the whole machine."""
    return load_settings().durability == POWER


def force(descriptor: int) -> None:
    """Wait until a file is on the disk, if the settings ask for it."""
    if survives_power_loss():
        _sync(descriptor)


def force_folder(path: str) -> None:
    """Wait until the names in a folder are on the disk, if the settings ask for it."""
    if survives_power_loss():
        force_path(path or ".")


def force_path(path: str) -> None:
    """Wait until a file or folder that is there already is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        _sync(descriptor)
    finally:
        os.close(descriptor)


def make_folders(path: str) -> None:
    """Make a folder and those above it, for sure if the settings ask for it."""
    if not survives_power_loss():
        os.makedirs(path, exist_ok=True)
        return
    missing = []
    while path and not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for folder in reversed(missing):
        os.makedirs(folder, exist_ok=True)
        force_folder(os.path.dirname(folder))


def _sync(descriptor: int) -> None:
    if sys.platform == "darwin":
        import fcntl

        # An ordinary sync leaves the bytes in the disk's own memory there.
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)
