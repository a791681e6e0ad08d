"""Collects the garbage of a local root: what was garbage the last time goes, the rest is noted.

Between the two lies at least a period of grace. So whatever a run finds stored and is about to
refer to is recorded as in use long before it could be deleted.
"""

from typing import TYPE_CHECKING, NamedTuple

from metaflow.metadata_store.facts import GarbageNote
from metaflow.retention.inventory import is_used, stored_files, stored_packs
from metaflow.retention.references import References
from metaflow.retention.sweeping import (
    delete_unless_touched,
    empty_unused,
    file_clock_ns,
    left_aside,
    put_back,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow.metadata_store.sqlite.removal import Removal


class Collected(NamedTuple):
    """What a collection has done."""

    deleted: int
    """Files that are gone."""
    deleted_bytes: int
    noted: int
    """Files that will go the next time, unless they come to be used."""
    noted_bytes: int


def collect_garbage(
    root: str, store: "Removal", used: References, packs: set[str], now: float, grace_s: float
) -> Collected:
    """Delete what has been garbage for a while, and note what has become garbage.

    Parameters
    ----------
    root : str
        Root of the store.
    store : Removal
        Where the facts of its runs are.
    used : References
        What is in use.
    packs : set of str
        Names of the packs of all runs there are.
    now : float
        Seconds since the epoch.
    grace_s : float
        How long ago garbage must have been noted to be deleted. With 0 it is deleted at once;
        then no run may go on.

    Raises
    ------
    StorageUnavailable
        A file cannot be deleted.
    MetaflowException
        The metadata store cannot be used.
    """
    for name in list(left_aside(root)):
        put_back(root, name)
    gone, gone_bytes = sweep(root, store, used, now - grace_s)
    noted, noted_bytes = _mark(root, store, used, now)
    if grace_s == 0:
        more, more_bytes = sweep(root, store, used, now)
        gone, gone_bytes = gone + more, gone_bytes + more_bytes
        noted, noted_bytes = noted - more, noted_bytes - more_bytes
    _empty_packs(root, packs, used)
    return Collected(gone, gone_bytes, noted, noted_bytes)


def sweep(root: str, store: "Removal", used: References, before: float) -> tuple[int, int]:
    """Delete what was noted before a moment and is garbage still."""
    gone = gone_bytes = 0
    for page in store.garbage():
        settled: list[str] = []
        for note in page:
            if is_used(note.name, used):
                settled.append(note.name)
            elif note.found_at <= before:
                if delete_unless_touched(root, note.name, note.mtime_ns):
                    gone += 1
                    gone_bytes += note.size
                settled.append(note.name)
        store.forget_garbage(settled)
    return gone, gone_bytes


def _mark(root: str, store: "Removal", used: References, now: float) -> tuple[int, int]:
    """Note what is garbage; the count is of all that is."""
    noted = noted_bytes = 0
    newest = file_clock_ns(root)

    def found() -> "Iterator[GarbageNote]":
        nonlocal noted, noted_bytes
        for file in stored_files(root):
            # What is being written now may be in use in a moment.
            if file.mtime_ns < newest and not file.is_used(used):
                noted += 1
                noted_bytes += file.size
                yield GarbageNote(file.name, file.size, file.mtime_ns, now)

    store.note_garbage(found())
    return noted, noted_bytes


def _empty_packs(root: str, owned: set[str], used: References) -> None:
    """Of packs whose run is gone, only keep what others refer to."""
    for file in stored_packs(root):
        if file.name not in owned and file.is_used(used):
            empty_unused(root, file.name, used)
