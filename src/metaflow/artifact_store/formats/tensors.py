"""Dictionaries of arrays as files of safetensors, cut between the arrays.

A file is the length of a header, the header in JSON, and the cells. Short arrays come first and
lie in the stream; each long one is a part of its own, shared by all dictionaries that have it.
"""

from __future__ import annotations

import json
import struct
import sys
from typing import TYPE_CHECKING, Any, Final

from metaflow.artifact_store.batch import OUT_OF_BAND_FROM
from metaflow.artifact_store.formats.describing import told_pairs
from metaflow.artifact_store.formats.labels import SAFETENSORS
from metaflow.artifact_store.formats.npy import flat_bytes

if TYPE_CHECKING:
    from metaflow.artifact_store.batch import Batch
    from metaflow.artifact_store.formats.stored import Stored
    from metaflow.artifact_store.parts import PartSource
    from metaflow.model.artifact import ArtifactRef

_LENGTH: Final = struct.Struct("<Q")
_ALIGNED: Final = 8
_MANY: Final = 256
"""A dictionary with more parts than this gets further ones only for larger arrays."""

_LARGE: Final = 1 << 20
_PIECE: Final = 16 << 20
_RESERVED: Final = "__metadata__"

_DTYPES: Final = {
    "|b1": "BOOL",
    "|i1": "I8",
    "|u1": "U8",
    "<i2": "I16",
    "<u2": "U16",
    "<i4": "I32",
    "<u4": "U32",
    "<i8": "I64",
    "<u8": "U64",
    "<f2": "F16",
    "<f4": "F32",
    "<f8": "F64",
}
_NAMES: Final = {name: dtype for dtype, name in _DTYPES.items()}


def save_arrays(batch: Batch, value: dict[Any, Any]) -> Stored | None:
    """Store a dictionary of arrays; None if it is another one or would not come back exactly."""
    numpy = sys.modules["numpy"]
    if not value or len(set(map(id, value.values()))) < len(value):
        return None
    for name, array in value.items():
        if type(name) is not str or name == _RESERVED or type(array) is not numpy.ndarray:
            return None
        known = array.dtype.str in _DTYPES and numpy.dtype(array.dtype.str) == array.dtype
        if not known or array.dtype.metadata:
            return None
        if not (array.flags.c_contiguous and array.flags.writeable):
            return None
    least = _LARGE if len(value) > _MANY else OUT_OF_BAND_FROM
    short = [name for name, array in value.items() if array.nbytes < least]
    long = [name for name, array in value.items() if array.nbytes >= least]
    header: dict[str, Any] = dict.fromkeys(value)
    position = 0
    for name in (*short, *long):
        array = value[name]
        end = position + array.nbytes
        header[name] = {
            "dtype": _DTYPES[array.dtype.str],
            "shape": list(array.shape),
            "data_offsets": [position, end],
        }
        position = end
    try:
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return None
    text += b" " * (-len(text) % _ALIGNED)
    inline = [flat_bytes(value[name]) for name in short]
    stream = memoryview(b"".join([_LENGTH.pack(len(text)), text, *inline]))
    starts = range(0, len(stream), _PIECE)
    pieces = [batch.add_stream(stream[start : start + _PIECE]) for start in starts]
    digests = [*pieces, *[batch.add_buffer(flat_bytes(value[name])) for name in long]]
    pairs = ((name, f"{one.dtype} {'x'.join(map(str, one.shape))}") for name, one in value.items())
    about = {"len": len(value), "arrays": told_pairs(pairs)}
    return SAFETENSORS, digests, len(pieces), about


def load_arrays(parts: PartSource, ref: ArtifactRef) -> dict[str, Any]:
    """Load a dictionary of arrays.

    Raises
    ------
    ValueError
        It is no such file.
    """
    import numpy as np

    stream, rest = ref.parts[: ref.stream], ref.parts[ref.stream :]
    joined = b"".join(parts.contents(stream))
    try:
        (length,) = _LENGTH.unpack_from(joined)
        begin = _LENGTH.size + length
        header = json.loads(joined[_LENGTH.size : begin])
    except struct.error as error:
        raise ValueError(str(error)) from error
    inline = len(joined) - begin
    # Parts follow one another as their cells do in the file.
    found: list[tuple[int, Any]] = []
    position = inline
    for part, buffer in zip(rest, parts.buffers(rest) if rest else (), strict=True):
        found.append((position, buffer))
        position += part.size
    places: dict[int, Any] = dict(found)
    made = {}
    for name, told in header.items():
        start, end = told["data_offsets"]
        dtype = np.dtype(_NAMES[told["dtype"]])
        if start == end:
            made[name] = np.empty(told["shape"], dtype)
            continue
        if end <= inline:
            data: Any = bytearray(joined[begin + start : begin + end])
        else:
            data = places[start]
        made[name] = np.frombuffer(data, dtype).reshape(told["shape"])
    return made
