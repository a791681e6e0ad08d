"""The items of a foreach as one part, from which each task reads just its own."""

from __future__ import annotations

import struct
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from blake3 import blake3

from metaflow.artifact_store.batch import OUT_OF_BAND_FROM
from metaflow.artifact_store.formats.plain import decode, encode_container, encode_scalar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow.artifact_store.formats.pickles import Pickles
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
AS_JSON: Final = 1 << 63
"""Set in the number that says where an item ends: it is JSON, perhaps with marks."""

_SCALARS: Final = frozenset((int, float, bool, str, type(None)))
_CONTAINERS: Final = frozenset((list, dict))
_MARK: Final = b'{"$'
"""Without this there is no mark in a text."""


def short_digest(data: bytes) -> bytes:
    """Return what a table keeps of an item's digest."""
    return blake3(data).digest(DIGEST_BYTES)


def placed_item(table: bytes, items: ItemsRef) -> tuple[int, int, bytes | None, bool]:
    """Read from its part of the table where an item is, and its digest if there is one.

    Returns
    -------
    tuple of int, int, bytes or None, and bool
        Its offset in the part, its length, what the table keeps of its digest, and whether it
        is JSON.

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
    is_json = bool(end & AS_JSON)
    start, end = start & ~AS_JSON, end & ~AS_JSON
    if not start <= end <= items.part.stored - begin:
        raise ValueError(start, end)
    return begin + start, end - start, digest, is_json


def encode_items(items: Iterable[object], pickles: Pickles) -> tuple[int, bytes] | None:
    """Encode each item alone; return their number and the bytes of the part.

    None when an item is large or can only be pickled and must not or cannot be, or when all
    together are large: then the artifact itself has to serve, or to report what is wrong.
    """
    encoded = []
    marks = []
    total = 0
    for item in items:
        data = _as_json(item)
        marks.append(0 if data is None else AS_JSON)
        if data is None:
            data = _pickle(item) if pickles.unsealed else None
            if data is None:
                return None
        total += len(data)
        if total > MAX_BYTES:
            return None
        encoded.append(data)
    ends = map(int.__or__, accumulate(map(len, encoded)), marks)
    entries = map(ENTRY.pack, ends, map(short_digest, encoded))
    return len(encoded), b"".join([bytes(ENTRY.size), *entries, *encoded])


def decode_item(data: bytes) -> Any:
    """Make an item of its JSON.

    Raises
    ------
    ValueError
        It is no JSON.
    """
    if _MARK not in data:
        return decode(data)
    from metaflow.artifact_store.formats.marked import decode_marked

    return decode_marked(data)


def unpickle_item(data: bytes) -> Any:
    """Make an item of its pickle."""
    import pickle

    return pickle.loads(data)


def _as_json(item: Any) -> bytes | None:
    kind = type(item)
    data = None
    if kind in _SCALARS:
        data = encode_scalar(item)
    elif kind in _CONTAINERS:
        data = encode_container(item, at_any_length=False)
    if data is not None and _MARK not in data:
        return data
    from metaflow.artifact_store.formats.marked import encode_marked

    return encode_marked(item, at_any_length=False)


def _pickle(item: object) -> bytes | None:
    """Pickle an item; None if it has a large buffer or cannot be pickled."""
    import pickle

    large: list[pickle.PickleBuffer] = []

    def is_small(buffer: pickle.PickleBuffer) -> bool:
        if len(buffer.raw()) >= OUT_OF_BAND_FROM:
            large.append(buffer)
        return not large

    try:
        data = pickle.dumps(item, 5, buffer_callback=is_small)
    except Exception:
        return None
    return None if large else data
