"""Columns and indices of pandas as arrays of Arrow: those that come back exactly.

A vector is stored as an array and a short JSON note of what it was. Plain numbers and times
never pass through Arrow: their memory is a buffer as it is, and is mapped when loaded.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from metaflow.artifact_store.formats.buffers import BufferReader, BufferWriter, NotInArrow

if TYPE_CHECKING:
    from collections.abc import Sequence

_NUMBERS: Final = "iuf"
_WIDEST: Final = 8
_UNITS: Final = frozenset(("s", "ms", "us", "ns"))
_NAMES: Final = frozenset((str, int, type(None)))
_SAMPLE: Final = 1000
_REPEATED: Final = 0.5
"""A sample of texts with fewer distinct ones than this part of it is stored as a dictionary."""

Note = dict[str, Any]
Column = tuple[Any, list[list[Any]], Note]
"""A type of Arrow, the nodes of the chunks, and the note."""


def write_vector(writer: BufferWriter, values: Any) -> Column:
    """Store an array of numpy, or an array of one of the types of pandas.

    Raises
    ------
    NotInArrow
        It would not come back exactly.
    """
    numpy = sys.modules["numpy"]
    pandas = sys.modules["pandas"]
    if type(values) is pandas.arrays.NumpyExtensionArray:
        values = values.to_numpy(copy=False)
    dtype = values.dtype
    if isinstance(dtype, numpy.dtype):
        array = values if isinstance(values, numpy.ndarray) else values.to_numpy(copy=False)
        return _write_numpy(writer, array)
    if isinstance(dtype, pandas.CategoricalDtype):
        return write_codes(writer, values.codes, values.categories, ordered=values.ordered)
    if isinstance(dtype, pandas.DatetimeTZDtype):
        moments = values.view("i8").view(f"M8[{dtype.unit}]")
        kind, nodes, _ = _write_numpy(writer, moments)
        return kind, nodes, {"k": "zoned", "z": _zone(dtype.tz), "u": dtype.unit}
    if isinstance(dtype, pandas.StringDtype):
        return _write_strings(writer, values)
    if isinstance(dtype, pandas.ArrowDtype):
        return *_chunks(writer, values.__arrow_array__()), {"k": "arrow"}
    name = str(dtype)
    if name in _MASKED and type(dtype) is type(pandas.api.types.pandas_dtype(name)):
        return *_chunks(writer, values.__arrow_array__()), {"k": "masked", "d": name}
    raise NotInArrow


_MASKED: Final = frozenset(
    (
        "boolean",
        *(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)),
        "Float32",
        "Float64",
    )
)


def read_vector(reader: BufferReader, kind: Any, nodes: Sequence[Any], note: Note) -> Any:
    """Load what `write_vector` has stored: an array of numpy, or one of pandas."""
    import pandas as pd

    what = note["k"]
    if what == "range":
        return pd.RangeIndex(*note["a"])
    if what == "numpy":
        return _read_numpy(reader, nodes[0], note["d"])
    if what == "objects":
        return _read_objects(reader, kind(), nodes[0], note)
    if what == "categories":
        codes = _read_numpy(reader, nodes[0][3][0], note["d"])
        values = read_vector(reader, lambda: kind().value_type, [nodes[0][3][1]], note["v"])
        labels = index_of(values, note["n"])
        dtype = pd.CategoricalDtype(labels, ordered=note["o"])
        return pd.Categorical.from_codes(codes, dtype=dtype, validate=False)
    if what == "zoned":
        moments = _read_numpy(reader, nodes[0], f"M8[{note['u']}]")
        zoned = pd.Series(moments, copy=False).dt.tz_localize("UTC")
        return zoned.dt.tz_convert(_read_zone(note["z"])).array
    chunked = reader.chunked(kind(), nodes)
    if what == "string":
        return string_dtype(note).__from_arrow__(chunked)
    found: Any
    found = pd.ArrowDtype(kind()) if what == "arrow" else pd.api.types.pandas_dtype(note["d"])
    return found.__from_arrow__(chunked)


def index_of(values: Any, name: Any) -> Any:
    """Make an index of a loaded vector, without guessing its type."""
    import numpy as np
    import pandas as pd

    if isinstance(values, np.ndarray):
        return pd.Index(values, dtype=values.dtype, name=name, copy=False)
    return pd.Index(values, name=name, copy=False)


def is_name(name: Any) -> bool:
    """Tell whether a name comes back from JSON as it is."""
    return type(name) in _NAMES


def string_note(dtype: Any) -> Note:
    """Describe a type of texts."""
    missing = "nan" if dtype.na_value is not sys.modules["pandas"].NA else "NA"
    return {"k": "string", "s": dtype.storage, "m": missing}


def string_dtype(note: Note) -> Any:
    """Make a type of texts of its description."""
    import numpy as np
    import pandas as pd

    if note["m"] == "NA":
        return pd.StringDtype(note["s"])
    return pd.StringDtype(note["s"], na_value=np.nan)


def _chunks(writer: BufferWriter, array: Any) -> tuple[Any, list[list[Any]]]:
    chunks = getattr(array, "chunks", [array])
    return array.type, [writer.add_array(chunk) for chunk in chunks]


def _write_numpy(writer: BufferWriter, values: Any) -> Column:
    import numpy as np
    import pyarrow as pa

    dtype = values.dtype
    what = dtype.kind
    if what == "O":
        return _write_objects(writer, values)
    note = {"k": "numpy", "d": dtype.str}
    if values.ndim != 1 or dtype != np.dtype(dtype.str) or not dtype.isnative:
        raise NotInArrow
    if what == "b":
        return *_chunks(writer, pa.array(values)), note
    if what in "mM":
        unit, step = np.datetime_data(dtype)
        if unit not in _UNITS or step != 1:
            raise NotInArrow
        kind = pa.timestamp(unit) if what == "M" else pa.duration(unit)
        missing = np.isnat(values)
        nulls = int(missing.sum())
        valid = np.packbits(~missing, bitorder="little") if nulls else None
        values = values.view("i8")
    elif what in _NUMBERS and dtype.itemsize <= _WIDEST:
        kind, nulls, valid = pa.from_numpy_dtype(dtype), 0, None
    else:
        raise NotInArrow
    flat: Any = np.ascontiguousarray(values).view("u1")
    data = memoryview(flat)
    node = [len(values), nulls, [writer.add(valid), writer.add(data)], []]
    return kind, [node], note


def _read_numpy(reader: BufferReader, node: Sequence[Any], text: str) -> Any:
    import numpy as np

    dtype = np.dtype(text)
    if dtype.kind == "b":
        bits = np.frombuffer(reader.raw(node, 1), "u1")
        return np.unpackbits(bits, count=node[0], bitorder="little").view(bool)
    data = reader.raw(node, 1)
    if not len(data):
        return np.empty(0, dtype)
    return np.frombuffer(data, dtype)


def _write_objects(writer: BufferWriter, values: Any, missing: str | None = None) -> Column:
    """Store a column of texts, with at most one kind of missing ones among them."""
    import pandas as pd
    import pyarrow as pa

    cells = values.tolist()
    kinds = set(map(type, cells))
    note: Note = {"k": "objects"}
    others = kinds - {str}
    if others:
        words: dict[type, str] = {type(None): "None", float: "nan", type(pd.NA): "NA"}
        note["m"] = missing or words.get(others.pop() if len(others) == 1 else object)
        if note["m"] is None or str not in kinds:
            raise NotInArrow
        if float in kinds and int(pd.notna(values).sum()) != sum(
            type(cell) is str for cell in cells
        ):
            raise NotInArrow
    try:
        array = pa.array(values, pa.large_string(), from_pandas=True)
    except (pa.ArrowException, UnicodeError, TypeError):
        raise NotInArrow from None
    sample = cells[:: max(len(cells) // _SAMPLE, 1)]
    if len(set(sample)) <= len(sample) * _REPEATED:
        array = array.dictionary_encode()
    return *_chunks(writer, array), note


def _read_objects(reader: BufferReader, kind: Any, node: Sequence[Any], note: Note) -> Any:
    import numpy as np
    import pandas as pd

    array = reader.array(kind, node)
    values = array.to_numpy(zero_copy_only=False)
    if not values.flags.writeable:
        values = values.copy()
    missing = note.get("m")
    if missing is not None and missing != "None" and array.null_count:
        absent = array.is_null().to_numpy(zero_copy_only=False)
        values[absent] = np.nan if missing == "nan" else pd.NA
    return values


def _write_strings(writer: BufferWriter, values: Any) -> Column:
    note = string_note(values.dtype)
    if note["s"] == "pyarrow":
        return *_chunks(writer, values.__arrow_array__()), note
    import numpy as np
    import pyarrow as pa

    try:
        array = pa.array(np.asarray(values, dtype=object), pa.large_string(), from_pandas=True)
    except (pa.ArrowException, UnicodeError):
        raise NotInArrow from None
    return *_chunks(writer, array), note


def write_codes(writer: BufferWriter, codes: Any, labels: Any, *, ordered: bool | None) -> Column:
    """Store a dictionary: the number of a label in each row, -1 where there is none.

    Raises
    ------
    NotInArrow
        The labels would not come back exactly.
    """
    import numpy as np
    import pyarrow as pa

    pandas = sys.modules["pandas"]
    plain = isinstance(labels, pandas.Index) and not isinstance(labels, pandas.MultiIndex)
    if not plain or not is_name(labels.name) or getattr(labels, "freq", None) is not None:
        raise NotInArrow
    kind, of_labels, note = write_vector(writer, labels.array)
    if len(of_labels) != 1 or pa.types.is_dictionary(kind):
        raise NotInArrow
    if isinstance(labels, pandas.RangeIndex):
        note = {"k": "range", "a": [labels.start, labels.stop, labels.step]}
    codes = np.ascontiguousarray(codes)
    missing = codes < 0
    nulls = int(missing.sum())
    valid = np.packbits(~missing, bitorder="little") if nulls else None
    data = memoryview(codes.view("u1"))
    rows = len(codes)
    indices = [rows, nulls, [writer.add(valid), writer.add(data)], []]
    of = pa.dictionary(pa.from_numpy_dtype(codes.dtype), kind, ordered=bool(ordered))
    about = {"k": "categories", "d": codes.dtype.str, "v": note, "n": labels.name, "o": ordered}
    return of, [[rows, nulls, [], [indices, of_labels[0]]]], about


def _zone(zone: Any) -> str:
    from datetime import UTC
    from zoneinfo import ZoneInfo

    if zone is UTC:
        return "utc"
    if type(zone) is ZoneInfo and zone.key:
        return f"zone {zone.key}"
    raise NotInArrow


def _read_zone(text: str) -> Any:
    from datetime import UTC
    from zoneinfo import ZoneInfo

    return UTC if text == "utc" else ZoneInfo(text.removeprefix("zone "))
