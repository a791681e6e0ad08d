"""A folder of this machine as a tree of files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from metaflow.errors.storage import StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable


class Folder:
    """Files below a directory.

    Parameters
    ----------
    root : str
        The directory, absolute.
    """

    __slots__ = ("root",)

    notes_beside: bool = True

    def __init__(self, root: str) -> None:
        self.root: str = root

    def names(self, folder: str) -> list[tuple[str, bool]]:
        """List one level: each name, and whether it is a folder; nothing if there is no such."""
        try:
            with os.scandir(f"{self.root}/{folder}") as entries:
                return [(entry.name, entry.is_dir()) for entry in entries]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise self._unreadable(folder, error) from error

    def read(self, path: str) -> bytes | None:
        """Read a whole file; None if there is none."""
        try:
            fd = os.open(f"{self.root}/{path}", os.O_RDONLY)
            try:
                # Nearly all files are small: one call reads them, and a second one sees the end.
                pieces = []
                while piece := os.read(fd, 1 << 16):
                    pieces.append(piece)
                return b"".join(pieces)
            finally:
                os.close(fd)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._unreadable(path, error) from error

    def size(self, path: str) -> int:
        """Length of a file that is there, in bytes."""
        return os.stat(f"{self.root}/{path}").st_size

    def changed_at(self, path: str) -> float | None:
        """When a file or folder was last written to, in seconds since the epoch."""
        try:
            return os.stat(f"{self.root}/{path}").st_mtime
        except FileNotFoundError:
            return None

    def fetch(self, paths: Iterable[str]) -> None:
        """Do nothing: files are read quickly enough one by one."""

    def _unreadable(self, path: str, error: OSError) -> StorageUnavailable:
        return StorageUnavailable(f"{self.root}/{path}", error.strerror or str(error))
