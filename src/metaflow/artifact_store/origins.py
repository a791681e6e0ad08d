"""Other roots whose bytes a root refers to, so that nothing of theirs has to be copied.

A root of spun tasks holds only what these have made; what they were given lies where it
was. The file `origins` in such a root names those places, one per line: relative to the
root for a neighbour in the same folder, so that both can be moved together.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from metaflow.artifact_store.writing import open_to_append, storage_error, write_all

if TYPE_CHECKING:
    from collections.abc import Iterator

ORIGINS: Final = "origins"
"""Name of the file, in the root that has the references."""
REFERRERS: Final = "referrers"
"""Name of the file in the other root that names those that refer to it."""


def origins_of(root: str) -> tuple[str, ...]:
    """Return the roots that this one refers to, absolute, and those that they refer to.

    Parameters
    ----------
    root : str
        The root that has the references; nearly always it refers to no other.
    """
    here = os.path.abspath(root)
    found = {here: None}
    for known in _following(found):
        for line in _lines(f"{known}/{ORIGINS}"):
            remote = "://" in line
            found[line if remote else os.path.normpath(os.path.join(known, line))] = None
    del found[here]
    return tuple(found)


def _following(found: dict[str, None]) -> Iterator[str]:
    """Go through keys of a dict that grows meanwhile."""
    place = 0
    while place < len(found):
        yield list(found)[place]
        place += 1


def referrers_of(root: str) -> tuple[str, ...]:
    """Return the roots that refer to the bytes of this one, absolute, if they are still there."""
    here = os.path.abspath(root)
    lines = dict.fromkeys(_lines(f"{here}/{REFERRERS}"))
    paths = (os.path.normpath(os.path.join(here, line)) for line in lines)
    return tuple(path for path in paths if os.path.isdir(path))


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().splitlines()
    except OSError:
        return []


def add_origin(root: str, other: str) -> None:
    """Let a root refer to the bytes of another one.

    Parameters
    ----------
    root : str
        The root that will have the references; it exists.
    other : str
        The root that has the bytes: a directory, or an address in an object store.

    Raises
    ------
    StorageUnavailable
        The file cannot be written.
    """
    remote = "://" in other
    root, other = os.path.abspath(root), other if remote else os.path.abspath(other)
    if other == root or other in origins_of(root):
        return
    from metaflow.artifact_store.scratch import FOLDER

    # The other root learns of it first: what it must keep is never told too late. A root that
    # is gone after use only refers to what runs of the other one have.
    passing = remote or os.path.basename(os.path.dirname(root)) == FOLDER
    if not passing and root not in referrers_of(other):
        _add_line(other, REFERRERS, root)
    _add_line(root, ORIGINS, other)


def _add_line(root: str, name: str, other: str) -> None:
    beside = "://" not in other and os.path.dirname(other) == os.path.dirname(root)
    line = os.path.join(os.pardir, os.path.basename(other)) if beside else other
    path = f"{root}/{name}"
    try:
        fd = open_to_append(path)
        try:
            write_all(fd, os.fsencode(line) + b"\n")
        finally:
            os.close(fd)
    except OSError as error:
        raise storage_error(error, path) from error


def open_in_origins(root: str, name: str) -> int:
    """Open for reading the file of this name that is in one of a root's origins.

    Raises
    ------
    FileNotFoundError
        It is in none of them.
    """
    for origin in origins_of(root):
        with suppress(FileNotFoundError):
            if "://" in origin:
                from metaflow.artifact_store.remote_place import open_remote_file

                return open_remote_file(origin, name)
            return os.open(f"{origin}/{name}", os.O_RDONLY)
    raise FileNotFoundError(name)
