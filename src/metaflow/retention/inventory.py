"""What lies in a local root: blobs, packs and logs, and what writers have left behind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from metaflow.artifact_store import logs
from metaflow.artifact_store.blobs import TEMPORARY
from metaflow.artifact_store.hashing import BLOBS

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
    digest : str
        For a blob, the digest of its content.
    status : os.stat_result
        What the system says of it.
    """

    __slots__ = ("digest", "mtime_ns", "name", "size")

    def __init__(self, name: str, digest: str, status: os.stat_result) -> None:
        self.name: str = name
        self.digest: str = digest
        self.size: int = status.st_blocks * 512
        """Bytes that are free once it is deleted."""
        self.mtime_ns: int = status.st_mtime_ns

    def is_used(self, used: References) -> bool:
        """Tell whether something refers to it."""
        return used.has_digest(self.digest) if self.digest else used.has_name(self.name)


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
                yield from _stored(blob, f"{name}/{blob.name}", blob.name.partition(".")[0])
        elif entry.name.startswith(TEMPORARY):
            yield from _stored(entry, name, "")
    for folder in (PACKS, logs.FOLDER):
        for flow in _entries(f"{root}/{folder}"):
            for entry in _entries(flow.path):
                yield from _stored(entry, f"{folder}/{flow.name}/{entry.name}", "")


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as listing:
            yield from listing
    except (FileNotFoundError, NotADirectoryError):
        return


def _stored(entry: os.DirEntry[str], name: str, digest: str) -> Iterator[Stored]:
    try:
        yield Stored(name, digest, entry.stat(follow_symlinks=False))
    except FileNotFoundError:
        return
