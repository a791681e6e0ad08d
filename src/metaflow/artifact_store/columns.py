"""How a column of Python objects is stored: as text, as numbered texts, or pickled alone.

Texts are joined by a character that none of them holds, which is several times faster than
pickling them one by one and leaves a single buffer to address, store and share.

A stored column is a tuple of plain values that begins with its kind. Kinds are part of the
stored format: one may be added, none changed.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np

TEXT: Final = "text"
NUMBERED: Final = "numbered"
PICKLED: Final = "pickled"

_SEPARATORS: Final = ("\0", "\x1f", "\n", "\ue000")
_SAMPLE: Final = 1000
_REPEATED: Final = 0.5
"""A sample with fewer distinct objects than this part of its length is numbered."""

_HIGHEST: Final = {"i1": 1 << 7, "i2": 1 << 15, "i4": 1 << 31}

# What stands in for a missing text, by its number in the stored column.
_NONE, _NAN, _NA = 0, 1, 2


def encode_objects(values: np.ndarray[Any, Any]) -> tuple[Any, ...] | None:
    """Encode an object column; None when its cells may share objects with other values.

    Such a column is left to the pickler of the whole value, which keeps shared objects
    shared.
    """
    cells = values.tolist()
    kinds = set(map(type, cells))
    if kinds == {str}:
        return _encode_texts(cells)
    if str in kinds and (missing := _fill_missing(values, cells, kinds)) is not None:
        encoded = _encode_texts(cells)
        return None if encoded is None else (*encoded, *missing)
    if kinds <= _atoms():
        return PICKLED, pickle.PickleBuffer(pickle.dumps(values.tolist(), 5))
    return None


def decode_objects(column: tuple[Any, ...]) -> np.ndarray[Any, Any]:
    """Rebuild the object array of a stored column."""
    import numpy as np
    import pandas as pd

    kind, *rest = column
    if kind == PICKLED:
        return _object_array(pickle.loads(rest[0]))
    if kind == TEXT:
        separator, joined, *missing = rest
        values = _object_array(_split(joined, separator))
    else:
        separator, joined, codes, *missing = rest
        values = _object_array(_split(joined, separator)).take(codes)
    if missing:
        positions, numbers = missing
        values[positions] = _object_array([None, np.nan, pd.NA]).take(numbers)
    return values


def _encode_texts(cells: list[str]) -> tuple[Any, ...] | None:
    sample = cells[:: max(len(cells) // _SAMPLE, 1)]
    if len(set(sample)) > len(sample) * _REPEATED:
        joined = _join(cells)
        return None if joined is None else (TEXT, *joined)
    import pandas as pd

    codes, distinct = pd.factorize(_object_array(cells))
    joined = _join(distinct.tolist())
    width = next(width for width in ("i1", "i2", "i4") if len(distinct) <= _HIGHEST[width])
    return None if joined is None else (NUMBERED, *joined, codes.astype(width))


def _join(texts: list[str]) -> tuple[str, pickle.PickleBuffer] | None:
    for separator in _SEPARATORS:
        joined = separator.join(texts)
        if joined.count(separator) == len(texts) - 1:
            return separator, pickle.PickleBuffer(joined.encode("utf-8", "surrogatepass"))
    return None


def _split(joined: Any, separator: str) -> list[str]:
    return str(joined, "utf-8", "surrogatepass").split(separator)


def _fill_missing(
    values: np.ndarray[Any, Any], cells: list[Any], kinds: set[type]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None:
    """Put an empty text wherever there is None, NaN or NA, and return where and what was.

    None when there are other cells than these and texts.
    """
    import numpy as np
    import pandas as pd

    numbers = {type(None): _NONE, float: _NAN, type(pd.NA): _NA}
    if not kinds - {str} <= numbers.keys():
        return None
    positions = np.flatnonzero(pd.isna(values))
    found = []
    for position in positions.tolist():
        found.append(numbers[type(cells[position])])
        cells[position] = ""
    # A number among the texts is not missing and is still there.
    return (positions, np.array(found, "u1")) if set(map(type, cells)) == {str} else None


def _object_array(cells: list[Any]) -> np.ndarray[Any, Any]:
    import numpy as np

    array: np.ndarray[Any, Any] = np.empty(len(cells), object)
    array[:] = cells
    return array


def _atoms() -> frozenset[type]:
    """Types whose values are immutable and hold no other objects that could be shared."""
    from datetime import date, datetime, time, timedelta
    from decimal import Decimal

    import pandas as pd

    plain = (str, bytes, bool, int, float, complex, type(None), Decimal)
    times = (date, datetime, time, timedelta, pd.Timestamp, pd.Timedelta, type(pd.NaT))
    return frozenset((*plain, *times, type(pd.NA)))
