"""How a file that nothing refers to is deleted beside writers that may begin to refer to it.

A writer that finds its content stored already changes the file's time, and stores the content
anew if the file is gone by then. So a file is first put aside, where no writer finds it; if its
time has changed before that, it is put back.
"""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from metaflow.artifact_store.pack import parts_of
from metaflow.artifact_store.writing import storage_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow.retention.references import References

ASIDE: Final = "aside"
"""Folder of files that are about to be deleted; those in it are put back after a crash."""
CLOCK: Final = "clock"
"""A file that is there for a moment."""
KEEP_SIZE, PUNCH_HOLE = 1, 2
"""How `fallocate` gives the room of a range back."""
ZEROS: Final = bytes(1 << 16)


def delete_unless_touched(root: str, name: str, mtime_ns: int) -> bool:
    """Delete a file, unless somebody has begun to use it.

    Parameters
    ----------
    root : str
        Root of the store.
    name : str
        The file, relative to the root.
    mtime_ns : int
        Its time of change when it was found to be garbage; with another one it is in use.

    Returns
    -------
    bool
        Whether the file is gone.

    Raises
    ------
    StorageUnavailable
        It cannot be deleted.
    """
    path, aside = f"{root}/{name}", _aside(root, name)
    try:
        if os.stat(path).st_mtime_ns != mtime_ns:
            return False
        os.makedirs(os.path.dirname(aside), exist_ok=True)
        os.rename(path, aside)
        if os.stat(aside).st_mtime_ns != mtime_ns:
            put_back(root, name)
            return False
        os.unlink(aside)
    except FileNotFoundError:
        return True
    except OSError as error:
        raise storage_error(error, path) from error
    with suppress(OSError):  # a folder that has become empty, or has not
        os.rmdir(os.path.dirname(path))
    return True


def file_clock_ns(root: str) -> int:
    """Ask the file system for its time, which is that of the files' times of change."""
    path = f"{root}/{CLOCK}"
    try:
        with open(path, "wb") as file:
            os.utime(file.fileno())
            return os.fstat(file.fileno()).st_mtime_ns
    except OSError as error:
        raise storage_error(error, path) from error
    finally:
        with suppress(OSError):
            os.unlink(path)


def put_back(root: str, name: str) -> None:
    """Put a file back that was about to be deleted, unless there is another in its place."""
    with suppress(FileExistsError, FileNotFoundError):
        os.makedirs(os.path.dirname(f"{root}/{name}"), exist_ok=True)
        os.link(_aside(root, name), f"{root}/{name}")
    with suppress(FileNotFoundError):
        os.unlink(_aside(root, name))


def left_aside(root: str) -> Iterator[str]:
    """List the files that a collector has put aside that was killed."""
    with suppress(FileNotFoundError):
        for written in os.listdir(f"{root}/{ASIDE}"):
            yield written.replace("%2F", "/").replace("%25", "%")


def _aside(root: str, name: str) -> str:
    return f"{root}/{ASIDE}/{name.replace('%', '%25').replace('/', '%2F')}"


def empty_unused(root: str, pack: str, used: References) -> int:
    """Overwrite the parts of a pack that nothing refers to, and give their room back.

    The pack keeps its length, so that what is in use stays where it is.

    Parameters
    ----------
    root : str
        Root of the store.
    pack : str
        The pack of a run that is gone, but to which other runs refer.
    used : References
        What is in use.

    Returns
    -------
    int
        Bytes that were overwritten.
    """
    path = f"{root}/{pack}"
    emptied = 0
    try:
        parts = [part for part in parts_of(path, pack) if not used.has_digest(part.digest)]
        fd = os.open(path, os.O_RDWR)
        try:
            for part in parts:
                _overwrite(fd, part.offset, part.stored)
                emptied += part.stored
        finally:
            os.close(fd)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise storage_error(error, path) from error
    return emptied


def _overwrite(fd: int, offset: int, length: int) -> None:
    place, left = offset, length
    while left:
        written = os.pwrite(fd, ZEROS[:left] if left < len(ZEROS) else ZEROS, place)
        place, left = place + written, left - written
    # Not every file system gives room back; the bytes are gone all the same.
    library = ctypes.CDLL(None)
    library.fallocate(
        fd, KEEP_SIZE | PUNCH_HOLE, ctypes.c_longlong(offset), ctypes.c_longlong(length)
    )
