"""The items of a foreach as one part, from which each task reads just its own."""

from __future__ import annotations

import pickle
import struct
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from blake3 import blake3

from metaflow.artifact_store.pickling import OUT_OF_BAND_FROM

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow.model.artifact import ItemsRef

MAX_BYTES: Final = 16 << 20
"""Items that take more together are better stored as the artifact that they are."""

ENTRY: Final = struct.Struct("<Q8s")
RANGE: Final = struct.Struct("<QQ")
"""Where an item begins and ends, in a table without digests: two neighbours in it."""
CHECKED_RANGE: Final = struct.Struct("<Q8xQ8s")
"""The same where there are digests, and the beginning of the item's own."""
DIGEST_BYTES: Final = 8
OFFSET_BYTES: Final = 8


def short_digest(data: bytes) -> bytes:
    """Return what a table keeps of an item's digest."""
    return blake3(data).digest(DIGEST_BYTES)


def placed_item(table: bytes, items: ItemsRef) -> tuple[int, int, bytes | None]:
    """Read from its part of the table where an item is, and its digest if there is one.

    Returns
    -------
    tuple of int, int and bytes or None
        Its offset in the part, its length, what the table keeps of its digest.

    Raises
    ------
    ValueError
        The table makes no sense.
    """
    digest: bytes | None = None
    size = OFFSET_BYTES
    if items.with_digests:
        start, end, digest = CHECKED_RANGE.unpack(table)
        size = ENTRY.size
    else:
        start, end = RANGE.unpack(table)
    begin = (items.count + 1) * size
    if not start <= end <= items.part.stored - begin:
        raise ValueError(start, end)
    return begin + start, end - start, digest


def encode_items(items: Iterable[object]) -> tuple[int, bytes] | None:
    """Pickle each item alone; return their number and the bytes of the part.

    None when an item is large or cannot be pickled, or when all together are large: then
    the artifact itself has to serve, or to report what is wrong.
    """
    pickles = []
    total = 0
    buffers: list[pickle.PickleBuffer] = []

    def is_small(buffer: pickle.PickleBuffer) -> bool:
        if len(buffer.raw()) >= OUT_OF_BAND_FROM:
            buffers.append(buffer)
        return not buffers

    for item in items:
        try:
            data = pickle.dumps(item, 5, buffer_callback=is_small)
        except Exception:
            return None
        total += len(data)
        if buffers or total > MAX_BYTES:
            return None
        pickles.append(data)
    entries = map(ENTRY.pack, accumulate(map(len, pickles)), map(short_digest, pickles))
    return len(pickles), b"".join([bytes(ENTRY.size), *entries, *pickles])
