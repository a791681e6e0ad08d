"""Arrays and numbers of numpy as files of numpy, cut behind the header; lists of numbers too.

The header is written here, so that equal arrays are stored alike whatever version of numpy
there is. numpy itself is never imported: whoever has an array has it.
"""

from __future__ import annotations

import sys
from array import array
from typing import TYPE_CHECKING, Any, Final

from metaflow.artifact_store.batch import OUT_OF_BAND_FROM
from metaflow.artifact_store.formats.labels import (
    NPY,
    NPY_LIST,
    NPY_READ_ONLY,
    NPY_SCALAR,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np

    from metaflow.artifact_store.batch import Batch
    from metaflow.artifact_store.formats.stored import Stored
    from metaflow.artifact_store.parts import PartSource
    from metaflow.model.artifact import ArtifactRef

_PIECE: Final = 16 << 20
"""No part of a list is longer, so that reading and compressing need little memory."""

_MAGIC: Final = b"\x93NUMPY"
_ALIGNED: Final = 64
_UTF_8_FROM: Final = 3
_SIMPLE_KINDS: Final = "biufcmMSUV"
_SCALAR_KINDS: Final = "biufcmM"
_ORDER: Final = "<" if sys.byteorder == "little" else ">"
_HEAD: Final = (
    r"\{'descr': '([^']+)', 'fortran_order': (True|False), 'shape': \(([\d, ]*)\), \} *\n"
)


def header_of(descr: str, shape: tuple[int, ...], *, fortran_order: bool = False) -> bytes:
    """Write the header of a file of numpy.

    Parameters
    ----------
    descr : str
        Python expression of the type of its cells.
    shape : tuple of int
        Its shape.
    fortran_order : bool
        Whether the first index changes fastest.
    """
    text = f"{{'descr': {descr}, 'fortran_order': {fortran_order}, 'shape': {shape!r}, }}"
    # Version 1 has two bytes for the length, version 2 has four, version 3 is in UTF-8.
    version, width = (1, 2) if len(text) < (1 << 16) - _ALIGNED else (2, 4)
    try:
        data = text.encode("latin-1")
    except UnicodeEncodeError:
        version, width = 3, 4
        data = text.encode()
    used = len(_MAGIC) + 2 + width + len(data) + 1
    data += b" " * (-used % _ALIGNED) + b"\n"
    return b"".join([_MAGIC, bytes((version, 0)), len(data).to_bytes(width, "little"), data])


def save_array(batch: Batch, value: np.ndarray[Any, Any]) -> Stored | None:
    """Store an array; None if it cannot be told from its bytes."""
    descr = _description(value.dtype)
    if descr is None:
        return None
    fortran_order = value.flags.f_contiguous and not value.flags.c_contiguous
    head = header_of(descr, value.shape, fortran_order=fortran_order)
    about = {"shape": list(value.shape), "dtype": str(value.dtype)}
    encoding = NPY if value.flags.writeable else NPY_READ_ONLY
    return _save(batch, encoding, head, flat_bytes(value), about)


def flat_bytes(value: np.ndarray[Any, Any]) -> memoryview:
    """Show the memory of an array in its own order, copied only if it has gaps."""
    numpy = sys.modules["numpy"]
    if value.size == 0:
        return memoryview(b"")
    in_order = value.T if value.flags.f_contiguous else numpy.ascontiguousarray(value)
    cells: Any = in_order.reshape(-1).view("u1")
    return memoryview(cells)


def save_scalar(batch: Batch, value: np.generic) -> Stored | None:
    """Store a number or a time of numpy; None if it would come back as another type."""
    dtype = value.dtype
    if dtype.kind not in _SCALAR_KINDS or dtype.type is not type(value):
        return None
    descr = _description(dtype)
    if descr is None or sys.modules["numpy"].dtype(dtype.str).type is not type(value):
        return None
    return _save(batch, NPY_SCALAR, header_of(descr, ()), memoryview(value.tobytes()), None)


def save_numbers(batch: Batch, value: list[Any]) -> Stored | None:
    """Store a list that has nothing but floats, or nothing but integers of 64 bits."""
    code = {float: "d", int: "q"}.get(type(value[0]))
    if code is None or len(set(map(type, value))) > 1:
        return None
    try:
        packed = array(code, value)
    except OverflowError:
        return None
    descr = f"'{_ORDER}{'f8' if code == 'd' else 'i8'}'"
    head = header_of(descr, (len(value),))
    cells = memoryview(packed).cast("B")
    # Nobody maps a list, so that it may be compressed like other streams.
    pieces = [cells[start : start + _PIECE] for start in range(0, len(cells), _PIECE)]
    digests = [batch.add_stream(head), *map(batch.add_stream, pieces)]
    return NPY_LIST, digests, len(digests), {"len": len(value)}


def load_npy(parts: PartSource, ref: ArtifactRef) -> Any:
    """Load what one of these functions has stored.

    Raises
    ------
    ValueError
        It is no file of numpy.
    """
    stream = parts.content(ref.parts[0])
    text, begin = _header(stream)
    if ref.encoding == NPY_LIST:
        return _numbers(text, parts.contents(ref.parts[1:]))
    data: Any = parts.buffers(ref.parts[1:])[0] if len(ref.parts) > 1 else bytearray(stream[begin:])
    # What numpy has made is loaded with numpy.
    import numpy as np

    descr, fortran_order, shape = _read_header(text)
    dtype = np.dtype(descr) if isinstance(descr, str) else _structure(descr)
    order: Any = "F" if fortran_order else "C"
    if not len(data):
        made: np.ndarray[Any, Any] = np.empty(shape, dtype, order=order)
    else:
        made = np.frombuffer(data, dtype).reshape(shape, order=order)
    if ref.encoding == NPY_READ_ONLY:
        made.flags.writeable = False
    return made[()] if ref.encoding == NPY_SCALAR else made


def _save(
    batch: Batch, encoding: str, head: bytes, data: memoryview, about: dict[str, Any] | None
) -> Stored:
    if len(data) < OUT_OF_BAND_FROM:
        return encoding, [batch.add_stream(b"".join([head, data]))], 1, about
    return encoding, [batch.add_stream(head), batch.add_buffer(data)], 1, about


def _description(dtype: np.dtype[Any]) -> str | None:
    """Write a type of cells as numpy does in its files; None if that is not all of it."""
    numpy = sys.modules["numpy"]
    if dtype.hasobject or dtype.metadata or not dtype.itemsize:
        return None
    if dtype.names is None and dtype.subdtype is None:
        simple = dtype.kind in _SIMPLE_KINDS and numpy.dtype(dtype.str) == dtype
        return repr(dtype.str) if simple else None
    try:
        written = repr(numpy.lib.format.dtype_to_descr(dtype))
        back = _structure(_evaluate(written))
    except (ValueError, TypeError, SyntaxError):
        return None
    same = back == dtype and back.isalignedstruct == dtype.isalignedstruct
    return written if same and repr(back) == repr(dtype) else None


def _structure(descr: Any) -> np.dtype[Any]:
    import numpy as np

    made: np.dtype[Any] = np.lib.format.descr_to_dtype(descr)
    return made


def _evaluate(text: str) -> Any:
    from ast import literal_eval

    return literal_eval(text)


def _header(stream: bytes) -> tuple[str, int]:
    """Find the text of a header, and where the cells begin."""
    if not stream.startswith(_MAGIC) or len(stream) < len(_MAGIC) + 4:
        raise ValueError("it is no file of numpy")
    version = stream[len(_MAGIC)]
    width = 2 if version == 1 else 4
    start = len(_MAGIC) + 2 + width
    end = start + int.from_bytes(stream[start - width : start], "little")
    return stream[start:end].decode("utf-8" if version == _UTF_8_FROM else "latin-1"), end


def _read_header(text: str) -> tuple[Any, bool, tuple[int, ...]]:
    import re

    found = re.fullmatch(_HEAD, text)
    if found is not None:
        descr, fortran_order, shape = found.groups()
        sides = tuple([int(side) for side in shape.split(",") if side.strip()])
        return descr, fortran_order == "True", sides
    told = _evaluate(text.strip())
    return told["descr"], told["fortran_order"], told["shape"]


def _numbers(text: str, pieces: Iterable[bytes]) -> list[Any]:
    packed = array("d" if "f8'" in text else "q")
    for piece in pieces:
        packed.frombytes(piece)
    if f"'{_ORDER}" not in text:
        packed.byteswap()
    return packed.tolist()
