"""Which files below a folder are the user's code."""

from __future__ import annotations

import os
from copy import copy
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SKIPPED: Final = frozenset({"__pycache__", ".mf_code", ".mf_meta"})
ENVIRONMENT_MARK: Final = "pyvenv.cfg"
"""A folder with this file is a virtual environment: not code, but where code is installed."""
EXECUTABLE: Final = 0o100
"""Bit of a file's mode: its owner may run it."""
MOST_ENTRIES: Final = 200_000
"""A folder with more entries than this holds data; going through it would take seconds."""


class Found:
    """A file that belongs to a package.

    Parameters
    ----------
    name : str
        In the package: relative to the folder, with slashes.
    path : str
        On the disk.
    status : os.stat_result
        What the system says of it.
    """

    __slots__ = ("ctime_ns", "executable", "mtime_ns", "name", "path", "size")

    def __init__(self, name: str, path: str, status: os.stat_result) -> None:
        self.name: str = name
        self.path: str = path
        self.size: int = status.st_size
        self.mtime_ns: int = status.st_mtime_ns
        self.ctime_ns: int = status.st_ctime_ns
        self.executable: bool = bool(status.st_mode & EXECUTABLE)

    def renamed(self, name: str) -> Found:
        """Return the same file under another name in the package."""
        found = copy(self)
        found.name = name
        return found

    def looks(self) -> tuple[object, ...]:
        """Return all that tells whether the file has changed, without reading it."""
        return (self.name, self.path, self.size, self.mtime_ns, self.ctime_ns, self.executable)


def suffix_filter(suffixes: Sequence[str]) -> Callable[[str], bool]:
    """Make the test that a file's name must pass.

    A name must end with one of the suffixes, whatever their case. A name that begins with a
    dot must be one of them.
    """
    endings = tuple(suffix.lower() for suffix in suffixes)

    def accepts(name: str) -> bool:
        lower = name.lower()
        return lower in endings if lower.startswith(".") else lower.endswith(endings)

    return accepts


def find_files(folder: str, suffixes: Sequence[str], most: int = MOST_ENTRIES) -> list[Found]:
    """Find all files below a folder whose names end as they should.

    Links are followed, but never back to a folder on the way. Hidden folders, compiled
    modules and virtual environments are left out.

    Parameters
    ----------
    folder : str
        Where to look, absolute.
    suffixes : sequence of str
        Endings of names.
    most : int
        How many entries of folders may be looked at.

    Returns
    -------
    list of Found
        In no order.

    Raises
    ------
    PackageTooLarge
        There are too many entries to go through.
    """
    walk = _Walk(folder, suffix_filter(suffixes), most)
    return list(walk.files(folder, "", ()))


class _Walk:
    __slots__ = ("_accepts", "_left", "_most", "_top")

    def __init__(self, top: str, accepts: Callable[[str], bool], most: int) -> None:
        self._top = top
        self._accepts = accepts
        self._most = most
        self._left = most

    def files(self, folder: str, prefix: str, above: tuple[str, ...]) -> Iterator[Found]:
        try:
            with os.scandir(folder) as listing:
                entries = list(listing)
        except OSError:
            # What cannot be listed cannot be imported either.
            return
        if prefix and any(entry.name == ENVIRONMENT_MARK for entry in entries):
            return
        self._left -= len(entries)
        if self._left < 0:
            from metaflow.errors.package import PackageTooLarge

            raise PackageTooLarge(
                self._top,
                f"more than {self._most:,} entries",
                "keep data in another folder than code",
            )
        path_here = (*above, folder)
        for entry in entries:
            yield from self._entry(entry, prefix, path_here)

    def _entry(
        self, entry: os.DirEntry[str], prefix: str, above: tuple[str, ...]
    ) -> Iterator[Found]:
        name = entry.name
        try:
            if entry.is_dir():
                hidden = name.startswith(".") or name in SKIPPED
                if not hidden and not (entry.is_symlink() and _leads_back(entry, above)):
                    yield from self.files(entry.path, f"{prefix}{name}/", above)
            elif self._accepts(name) and entry.is_file():
                yield Found(prefix + name, entry.path, entry.stat())
        except OSError:
            # A link to nowhere, or a file that has just gone.
            return


def _leads_back(entry: os.DirEntry[str], above: tuple[str, ...]) -> bool:
    target = _identity(entry.stat())
    return any(_identity(os.stat(folder)) == target for folder in above)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
