"""How pandas frames and numpy arrays are reduced: column by column, as buffers.

pandas by itself pickles all columns of a type as one block, so that a change of one column
changes the block. Here each column is a value of its own whose bytes are neither copied
when saved nor when loaded.
"""

from __future__ import annotations

import copyreg
import sys
from typing import TYPE_CHECKING, Any, Final

from metaflow.artifact_store.columns import decode_objects, encode_objects

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from metaflow.artifact_store.pickling import Reducers

MAX_COLUMNS: Final = 96
"""Wider frames are left to pandas, which warns of frames made of a hundred single columns."""

MIN_ROWS: Final = 2048
"""Columns of shorter frames are too small to be parts of their own."""

# Kinds of stored columns besides those in `columns`; they too are part of the format.
_ARRAY: Final = "array"
_STRING: Final = "string"


def reducers() -> Reducers | None:
    """Return the reducers for what this process has imported; None when there are none."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not hasattr(numpy, "ndarray"):
        return None
    table = {**copyreg.dispatch_table, numpy.ndarray: _reduce_array}
    pandas = sys.modules.get("pandas")
    if pandas is not None and hasattr(pandas, "DataFrame"):
        table[pandas.DataFrame] = _reduce_frame
    return table


def _reduce_array(array: np.ndarray[Any, Any]) -> Any:
    # numpy copies dates into the stream, because the buffer protocol has no name for
    # their type. As integers they are buffers like others.
    if array.dtype.kind in "mM" and array.ndim:
        return type(array).view, (array.view("i8"), array.dtype)
    return array.__reduce_ex__(5)


def _reduce_frame(frame: pd.DataFrame) -> Any:
    if len(frame) < MIN_ROWS or not 0 < len(frame.columns) <= MAX_COLUMNS:
        return frame.__reduce_ex__(5)
    columns = []
    for position in range(len(frame.columns)):
        column = _encode_column(frame.iloc[:, position])
        if column is None:
            return frame.__reduce_ex__(5)
        columns.append(column)
    flags = frame.flags.allows_duplicate_labels
    return frame_from_columns, (frame.columns, frame.index, columns, frame.attrs, flags)


def _encode_column(column: pd.Series[Any]) -> tuple[Any, ...] | None:
    """Encode one column; None when taking it out of its block would copy it."""
    import numpy as np
    import pandas as pd

    dtype = column.dtype
    if isinstance(dtype, np.dtype):
        values = column.to_numpy(copy=False).view()
        if dtype.kind == "O":
            return encode_objects(values) or (_ARRAY, values)
        if not values.flags.c_contiguous:
            return None
        # pandas hands out read-only views; the stored array is to be loaded writable.
        if values.base is not None and not values.flags.writeable:
            _make_writable(values)
        return _ARRAY, values
    if isinstance(dtype, pd.StringDtype) and dtype.storage == "python":
        encoded = encode_objects(np.asarray(column.array, dtype=object))
        if encoded is not None:
            return _STRING, dtype, encoded
    # A view, because two columns may be one and the same array until one is written to.
    return _ARRAY, column.array.view()


def _make_writable(view: np.ndarray[Any, Any]) -> None:
    try:
        view.flags.writeable = True
    except ValueError:
        return  # The memory itself is read-only.


def frame_from_columns(
    labels: pd.Index[Any],
    index: pd.Index[Any],
    columns: list[tuple[Any, ...]],
    attrs: dict[Any, Any],
    allows_duplicate_labels: bool,
) -> pd.DataFrame:
    """Rebuild a frame from its stored columns, without copying them.

    Stored artifacts name this function and call it with these arguments; both are part of
    the stored format.
    """
    import pandas as pd

    arrays = {position: _decode_column(column, index) for position, column in enumerate(columns)}
    frame = pd.DataFrame(arrays, index=index, copy=False)
    frame.columns = labels
    frame.attrs = attrs
    if not allows_duplicate_labels:
        frame.flags.allows_duplicate_labels = False
    return frame


def _decode_column(column: tuple[Any, ...], index: pd.Index[Any]) -> Any:
    import pandas as pd

    kind = column[0]
    if kind == _ARRAY:
        values = column[1]
    elif kind == _STRING:
        return pd.array(decode_objects(column[2]), dtype=column[1], copy=False)
    else:
        values = decode_objects(column)
    if values.dtype == object:
        # A bare array of objects would be taken as an invitation to guess their type.
        return pd.Series(values, index=index, dtype=object, copy=False)
    return values
