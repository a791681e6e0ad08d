"""The log of a run: one append-only file for the output of all its tasks."""

from __future__ import annotations

import os
from typing import Final

from metaflow.artifact_store.writing import SLICE, open_to_append, storage_error, write_all
from metaflow.errors.storage import StorageUnavailable
from metaflow.settings.durability import force, force_folder, survives_power_loss

FOLDER: Final = "logs"


def log_path(root: str, flow: str, run_id: str) -> str:
    """Say where the log of a run is."""
    return f"{root}/{FOLDER}/{flow}/{run_id}"


class RunLogWriter:
    """Appends to the log of a run of which this process is the only launcher.

    Parameters
    ----------
    path : str
        Path of the log; the file is made by the first append.
    """

    __slots__ = ("_fd", "path")

    def __init__(self, path: str) -> None:
        self.path: str = path
        self._fd = -1

    def append(self, data: bytes | memoryview) -> int:
        """Append some output and return the offset where it begins.

        Raises
        ------
        StorageFull
            There is no room.
        """
        try:
            if self._fd < 0:
                self._fd = open_to_append(self.path)
            # Asked anew each time, because an append that failed may have left bytes.
            offset = os.lseek(self._fd, 0, os.SEEK_END)
            write_all(self._fd, data)
        except OSError as error:
            raise storage_error(error, self.path) from error
        return offset

    def settle(self) -> None:
        """Wait until what was appended is on the disk, if the settings ask for it."""
        if self._fd >= 0 and survives_power_loss():
            try:
                force(self._fd)
                force_folder(os.path.dirname(self.path))
            except OSError as error:
                raise storage_error(error, self.path) from error

    def close(self) -> None:
        """Close the file; a later append opens it again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class SharedLogWriter(RunLogWriter):
    """Appends to the log of a run whose tasks are started one by one, perhaps at the same time."""

    __slots__ = ()

    def append(self, data: bytes | memoryview) -> int:
        """Append some output while nobody else does, and return the offset where it begins.

        Raises
        ------
        StorageFull
            There is no room.
        """
        import fcntl

        try:
            if self._fd < 0:
                self._fd = open_to_append(self.path)
            fcntl.flock(self._fd, fcntl.LOCK_EX)
        except OSError as error:
            raise storage_error(error, self.path) from error
        try:
            return super().append(data)
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)


def read_log(path: str, offset: int, length: int) -> bytes:
    """Read a range of a run's log.

    Raises
    ------
    StorageUnavailable
        The log is not there or shorter than that.
    """
    pieces = []
    try:
        fd = os.open(path, os.O_RDONLY)
        try:
            while length and (piece := os.pread(fd, length, offset)):
                pieces.append(piece)
                offset += len(piece)
                length -= len(piece)
        finally:
            os.close(fd)
    except OSError as error:
        raise storage_error(error, path) from error
    if length:
        raise StorageUnavailable(path, f"it ends {length} bytes too early")
    return b"".join(pieces)


def erase_log(path: str, offset: int, length: int) -> None:
    """Overwrite a range of a run's log, for good.

    Raises
    ------
    StorageUnavailable
        The log is not there or cannot be written.
    """
    try:
        fd = os.open(path, os.O_WRONLY)
        try:
            while length:
                written = os.pwrite(fd, bytes(min(length, SLICE)), offset)
                offset += written
                length -= written
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        raise storage_error(error, path) from error
