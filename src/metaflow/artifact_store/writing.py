"""What a failed file operation means to the user, and how bytes are written for sure."""

from __future__ import annotations

import errno
import os
from typing import Final

from metaflow.errors.storage import DataException, StorageFull, StorageUnavailable
from metaflow.settings.durability import make_folders

SLICE: Final = 8 << 20
"""Bytes handed to the kernel at a time, so that a large buffer needs no second copy."""

_NO_ROOM: Final = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


def storage_error(error: OSError, path: str) -> DataException:
    """Translate what the operating system said about a file of the store."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in _NO_ROOM:
        return StorageFull(path, reason)
    return StorageUnavailable(path, reason)


def write_all(fd: int, data: bytes | bytearray | memoryview) -> None:
    """Write all bytes to a file that nobody else writes to."""
    view = memoryview(data)
    position, end = 0, len(view)
    while position < end:
        position += os.write(fd, view[position : position + SLICE])


def open_to_append(path: str) -> int:
    """Open a file for appending; make it and its folders when they are not there."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    try:
        return os.open(path, flags, 0o644)
    except FileNotFoundError:
        make_folders(os.path.dirname(path))
        return os.open(path, flags, 0o644)
