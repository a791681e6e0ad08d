"""A root that is gone after use, whatever becomes of its user."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from metaflow.artifact_store.writing import storage_error

FOLDER: Final = "scratch"
LOCK: Final = "lock"


class ScratchRoot:
    """A directory under a root that lives as long as this object is entered.

    The user holds a lock on it. A scratch directory without a lock has lost its user, and is
    taken away by the next one.

    Parameters
    ----------
    root : str
        The root to make it under; both come into being when entered.
    """

    def __init__(self, root: str) -> None:
        self._folder = f"{root}/{FOLDER}"
        self._fd = -1
        self.path: str = f"{self._folder}/{os.getpid()}-{os.urandom(4).hex()}"

    def __enter__(self) -> Self:
        try:
            os.makedirs(self._folder, exist_ok=True)
            # Nobody takes for abandoned what is not locked yet.
            guard = os.open(self._folder, os.O_RDONLY)
            try:
                fcntl.flock(guard, fcntl.LOCK_EX)
                for name in os.listdir(self._folder):
                    _remove_abandoned(f"{self._folder}/{name}")
                os.makedirs(self.path)
                self._fd = os.open(f"{self.path}/{LOCK}", os.O_RDWR | os.O_CREAT, 0o644)
                fcntl.flock(self._fd, fcntl.LOCK_EX)
            finally:
                os.close(guard)
        except OSError as error:
            raise storage_error(error, self.path) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _remove(self.path)
        os.close(self._fd)


def _remove_abandoned(path: str) -> None:
    try:
        fd = os.open(f"{path}/{LOCK}", os.O_RDWR)
    except FileNotFoundError:
        _remove(path)
        return
    except OSError:
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        _remove(path)
    finally:
        os.close(fd)


def _remove(path: str) -> None:
    """Take a directory away, as far as that is possible."""
    with suppress(OSError):
        for folder, folders, files in os.walk(path, topdown=False):
            for name in files:
                os.unlink(f"{folder}/{name}")
            for name in folders:
                os.rmdir(f"{folder}/{name}")
        os.rmdir(path)
