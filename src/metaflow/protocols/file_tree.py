"""What reading a tree of files promises, be it a folder or a bucket."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class FileTree(Protocol):
    """Files below a root, named by paths relative to it with `/` between their parts."""

    @property
    def notes_beside(self) -> bool:
        """Whether a blob may have a note beside it that tells how it is stored."""
        ...

    def names(self, folder: str) -> list[tuple[str, bool]]:
        """List one level: each name, and whether it is a folder; nothing if there is no such."""
        ...

    def read(self, path: str) -> bytes | None:
        """Read a whole file; None if there is none."""
        ...

    def size(self, path: str) -> int:
        """Length of a file that is there, in bytes."""
        ...

    def changed_at(self, path: str) -> float | None:
        """When a file or folder was last written to, in seconds since the epoch, if known."""
        ...

    def fetch(self, paths: Iterable[str]) -> None:
        """Make many small files that will be read soon come quickly, where that takes effort."""
        ...
