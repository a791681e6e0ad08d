"""What lies in a local root: blobs, packs and logs, and what writers have left behind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from metaflow.artifact_store.blobs import TEMPORARY
from metaflow.artifact_store.hashing import BLOBS
from metaflow.artifact_store.logs import FOLDER as LOGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow.retention.references import References

PACKS: Final = "packs"
SHARD: Final = 2
"""Length of the names of the folders that blobs lie in."""


class Stored:
    """A file of the store.

    Parameters
    ----------
    name : str
        Path relative to the root.
    status : os.stat_result
        What the system says of it.
    """

    __slots__ = ("digest", "mtime_ns", "name", "size")

    def __init__(self, name: str, status: os.stat_result) -> None:
        self.name: str = name
        self.digest: str = _digest_in(name)
        """Of the content, for a blob; else empty."""
        self.size: int = status.st_blocks * 512
        """Bytes that are free once it is deleted."""
        self.mtime_ns: int = status.st_mtime_ns

    def is_used(self, used: References) -> bool:
        """Tell whether something refers to it."""
        return is_used(self.name, used)


def stored_files(root: str) -> Iterator[Stored]:
    """Go through all files of a local root that garbage can be.

    Parameters
    ----------
    root : str
        Root of the store.
    """
    for entry in _entries(f"{root}/{BLOBS}"):
        name = f"{BLOBS}/{entry.name}"
        if len(entry.name) == SHARD:
            for blob in _entries(entry.path):
                yield from _stored(blob, f"{name}/{blob.name}")
        elif entry.name.startswith(TEMPORARY):
            yield from _stored(entry, name)
    yield from stored_packs(root)
    yield from _of_runs(root, LOGS)


def stored_packs(root: str) -> Iterator[Stored]:
    """Go through the packs of a local root."""
    return _of_runs(root, PACKS)


def is_used(name: str, used: References) -> bool:
    """Tell whether something refers to the file of this name."""
    digest = _digest_in(name)
    return used.has_digest(digest) if digest else used.has_name(name)


def _digest_in(name: str) -> str:
    """Read the digest off the name of a blob; empty for anything else."""
    folder, _, last = name.rpartition("/")
    return last.partition(".")[0] if folder.startswith(f"{BLOBS}/") else ""


def _of_runs(root: str, folder: str) -> Iterator[Stored]:
    for flow in _entries(f"{root}/{folder}"):
        for entry in _entries(flow.path):
            yield from _stored(entry, f"{folder}/{flow.name}/{entry.name}")


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as listing:
            yield from listing
    except (FileNotFoundError, NotADirectoryError):
        return


def _stored(entry: os.DirEntry[str], name: str) -> Iterator[Stored]:
    try:
        yield Stored(name, entry.stat(follow_symlinks=False))
    except FileNotFoundError:
        return
