"""The items of a foreach as one part, from which each task reads just its own."""

from __future__ import annotations

import pickle
import struct
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from metaflow.artifact_store.pickling import OUT_OF_BAND_FROM

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_BYTES: Final = 16 << 20
"""Items that take more together are better stored as the artifact that they are."""

OFFSET: Final = struct.Struct("<Q")
RANGE: Final = struct.Struct("<QQ")
"""Where an item begins and ends: two neighbours in the table of offsets."""


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
    offsets = [0, *accumulate(map(len, pickles))]
    table = struct.pack(f"<{len(offsets)}Q", *offsets)
    return len(pickles), b"".join([table, *pickles])
