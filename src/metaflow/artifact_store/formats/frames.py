"""Frames and series of pandas, tables of Arrow and of polars: column by column.

What Arrow does not hold exactly, such as a column of lists or an index of periods, makes the
whole value a pickle.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from metaflow.artifact_store.formats.buffers import BufferReader, BufferWriter, NotInArrow
from metaflow.artifact_store.formats.describing import about_columns
from metaflow.artifact_store.formats.labels import ARROW
from metaflow.artifact_store.formats.plain import decode, encode_container
from metaflow.artifact_store.formats.vectors import (
    index_of,
    is_name,
    read_vector,
    string_dtype,
    string_note,
    write_codes,
    write_vector,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow.artifact_store.batch import Batch
    from metaflow.artifact_store.formats.stored import Stored
    from metaflow.artifact_store.formats.vectors import Column, Note
    from metaflow.artifact_store.parts import PartSource
    from metaflow.model.artifact import ArtifactRef

MANY_COLUMNS: Final = 96
"""Wider frames are quicker as pickles; pandas warns of those made of a hundred columns."""


def save_frame(batch: Batch, value: Any, *, strict: bool) -> Stored | None:
    """Store a frame or a series of pandas; None if it would not come back exactly.

    Parameters
    ----------
    batch : Batch
        Where parts go.
    value : pandas.DataFrame or pandas.Series
        Of exactly such a type.
    strict : bool
        Even if that takes much longer than a pickle.
    """
    pandas = sys.modules["pandas"]
    if "pyarrow" not in sys.modules:
        return None
    is_frame = type(value) is pandas.DataFrame
    if is_frame and len(value.columns) > MANY_COLUMNS and not strict:
        return None
    writer = BufferWriter(batch)
    try:
        head, columns = _describe(writer, value, is_frame=is_frame)
    except NotInArrow:
        return None
    return _finish(writer, "pandas", head, columns, about_columns(value))


def save_table(batch: Batch, value: Any) -> Stored | None:
    """Store a table or a record batch of Arrow."""
    import pyarrow as pa

    writer = BufferWriter(batch)
    try:
        if any(isinstance(field.type, pa.BaseExtensionType) for field in value.schema):
            return None
        nodes = [_chunk_nodes(writer, column) for column in value.columns]
    except NotInArrow:
        return None
    head = {"rows": value.num_rows, "nodes": nodes, "batch": type(value) is pa.RecordBatch}
    digests, stream = writer.finish(head, value.schema)
    return f"{ARROW}:pyarrow", digests, stream, about_columns(value)


def save_polars(batch: Batch, value: Any) -> Stored | None:
    """Store a frame of polars; None if it would not come back exactly, or without pyarrow."""
    polars = sys.modules["polars"]
    try:
        import_module("pyarrow")  # polars needs it for this
        table = value.to_arrow(compat_level=polars.CompatLevel.oldest())
        back = polars.from_arrow(table.slice(0, 0))
    except Exception:  # polars raises errors of its own for what Arrow does not have
        return None
    if back.schema != value.schema:
        return None
    stored = save_table(batch, table)
    if stored is None:
        return None
    _, digests, stream, _ = stored
    return f"{ARROW}:polars", digests, stream, about_columns(value)


def load_arrow(parts: PartSource, ref: ArtifactRef) -> Any:
    """Load what one of these functions has stored."""
    reader = BufferReader(parts, ref)
    what = ref.encoding.partition(":")[2]
    if what == "pandas":
        return _rebuild(reader)
    import pyarrow as pa

    pairs = zip(reader.schema, reader.head["nodes"], strict=True)
    columns = [reader.chunked(field.type, nodes) for field, nodes in pairs]
    if reader.head["batch"]:
        arrays = [column.chunk(0) for column in columns]
        return pa.RecordBatch.from_arrays(arrays, schema=reader.schema)
    table = pa.Table.from_arrays(columns, schema=reader.schema)
    if what == "pyarrow":
        return table
    from importlib import import_module

    return import_module("polars").from_arrow(table)


def _chunk_nodes(writer: BufferWriter, column: Any) -> list[Any]:
    chunks = getattr(column, "chunks", None)
    return [writer.add_array(chunk) for chunk in ([column] if chunks is None else chunks)]


def _describe(
    writer: BufferWriter, value: Any, *, is_frame: bool
) -> tuple[dict[str, Any], list[tuple[str, Column]]]:
    attrs = encode_container(value.attrs, at_any_length=True)
    if attrs is None:
        raise NotInArrow
    head: dict[str, Any] = {"rows": len(value), "frame": is_frame, "attrs": attrs.decode()}
    if not value.flags.allows_duplicate_labels:
        head["unique"] = True
    columns: list[tuple[str, Column]] = []
    if is_frame:
        head["labels"] = _labels(value.columns)
        for number in range(len(value.columns)):
            column = value.iloc[:, number]
            columns.append((str(value.columns[number]), write_vector(writer, column.array)))
    else:
        if not is_name(value.name):
            raise NotInArrow
        head["name"] = value.name
        columns.append((str(value.name), write_vector(writer, value.array)))
    head["index"], levels = _write_index(writer, value.index)
    return head, [*columns, *levels]


def _finish(
    writer: BufferWriter,
    what: str,
    head: dict[str, Any],
    columns: list[tuple[str, Column]],
    about: dict[str, Any] | None,
) -> Stored:
    import pyarrow as pa

    fields = []
    for name, (kind, nodes, note) in columns:
        fields.append(pa.field(name.encode(errors="replace").decode(), kind))
        head.setdefault("columns", []).append([nodes, note])
    digests, stream = writer.finish(head, pa.schema(fields))
    return f"{ARROW}:{what}", digests, stream, about


def _labels(labels: Any) -> Note:
    """Describe the names of columns.

    Raises
    ------
    NotInArrow
        They would not come back exactly.
    """
    pandas = sys.modules["pandas"]
    if not is_name(labels.name):
        raise NotInArrow
    if type(labels) is pandas.RangeIndex:
        return _range_note(labels)
    if type(labels) is not pandas.Index:
        raise NotInArrow
    values = labels.tolist()
    note: Note = {"k": "labels", "v": values, "n": labels.name}
    if isinstance(labels.dtype, pandas.StringDtype):
        note["d"] = string_note(labels.dtype)
    elif labels.dtype == object or labels.dtype.kind == "i":
        note["d"] = labels.dtype.name
    else:
        raise NotInArrow
    if not all(map(is_name, values)) or encode_container(values, at_any_length=True) is None:
        raise NotInArrow
    back = _read_labels(note)
    if back.dtype != labels.dtype or list(map(type, back.tolist())) != list(map(type, values)):
        raise NotInArrow
    return note


def _read_labels(note: Note) -> Any:
    import pandas as pd

    if note["k"] == "range":
        return pd.RangeIndex(*note["a"], name=note["n"])
    dtype = note["d"]
    if isinstance(dtype, dict):
        dtype = string_dtype(dtype)
    return pd.Index(note["v"], dtype=dtype, name=note["n"])


def _range_note(index: Any) -> Note:
    return {"k": "range", "a": [index.start, index.stop, index.step], "n": index.name}


def _write_index(writer: BufferWriter, index: Any) -> tuple[Note, list[tuple[str, Column]]]:
    pandas = sys.modules["pandas"]
    if not all(map(is_name, index.names)):
        raise NotInArrow
    if type(index) is pandas.RangeIndex:
        return _range_note(index), []
    if type(index) is pandas.MultiIndex:
        columns = []
        for number, (level, codes) in enumerate(zip(index.levels, index.codes, strict=True)):
            column = write_codes(writer, codes, level, ordered=False)
            columns.append((f"index {number}", column))
        return {"k": "multi", "n": list(index.names), "c": len(columns)}, columns
    known = (pandas.Index, pandas.DatetimeIndex, pandas.TimedeltaIndex, pandas.CategoricalIndex)
    if type(index) not in known:
        raise NotInArrow
    note = {"k": "index", "n": index.name, "f": _frequency(index)}
    return note, [("index", write_vector(writer, index.array))]


def _frequency(index: Any) -> str | None:
    freq = getattr(index, "freq", None)
    if freq is None:
        return None
    from pandas.tseries.frequencies import to_offset

    text = str(freq.freqstr)
    if to_offset(text) != freq:
        raise NotInArrow
    return text


def _rebuild(reader: BufferReader) -> Any:
    """Make a frame or a series again, without copying its columns."""
    import pandas as pd

    head = reader.head

    def kind_of(number: int) -> Callable[[], Any]:
        return lambda: reader.schema.field(number).type

    vectors = (
        [(kind_of(number), nodes, note) for number, (nodes, note) in enumerate(head["columns"])]
        if "columns" in head
        else []
    )
    if not head["frame"]:
        index = _rebuild_index(reader, head["index"], vectors[1:])
        values = read_vector(reader, *vectors[0])
        dtype = getattr(values, "dtype", None)
        made: Any = pd.Series(values, index=index, dtype=dtype, name=head["name"], copy=False)
    else:
        labels = _read_labels(head["labels"])
        index = _rebuild_index(reader, head["index"], vectors[len(labels) :])
        columns = {}
        for number in range(len(labels)):
            values = read_vector(reader, *vectors[number])
            if values.dtype == object:
                # A bare array of objects would be taken as an invitation to guess their type.
                values = pd.Series(values, index=index, dtype=object, copy=False)
            columns[number] = values
        wide = len(columns) > MANY_COLUMNS
        made = pd.DataFrame(columns, index=index, copy=wide)
        made.columns = labels
    attrs = decode(head["attrs"].encode())
    if attrs:
        made.attrs = attrs
    if head.get("unique"):
        made.flags.allows_duplicate_labels = False
    return made


def _rebuild_index(reader: BufferReader, note: Note, vectors: list[Any]) -> Any:
    import pandas as pd

    if note["k"] == "range":
        return pd.RangeIndex(*note["a"], name=note["n"])
    if note["k"] == "multi":
        made = [read_vector(reader, *vector) for vector in vectors]
        return pd.MultiIndex(
            levels=[one.categories for one in made],
            codes=[one.codes for one in made],
            names=note["n"],
            verify_integrity=False,
        )
    index = index_of(read_vector(reader, *vectors[0]), note["n"])
    if note["f"] is not None:
        index.freq = note["f"]
    return index
