"""Arrays of Arrow as numbered buffers, so that each is a part of its own, and back.

Stored are: the lengths of what follows (two times four bytes), a JSON object that says which
buffer belongs where, a schema as Arrow's IPC format writes it, and all short buffers. Long
buffers are parts of their own, shared by all values that have them.
"""

from __future__ import annotations

import json
import struct
import sys
from typing import TYPE_CHECKING, Any, Final

from metaflow.artifact_store.batch import OUT_OF_BAND_FROM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metaflow.artifact_store.batch import Batch
    from metaflow.artifact_store.parts import PartSource
    from metaflow.model.artifact import ArtifactRef

_HEAD: Final = struct.Struct("<II")
_MANY: Final = 256
"""A value with more parts than this gets further ones only for larger buffers."""

_LARGE: Final = 1 << 20
_PIECE: Final = 16 << 20
_SLACK: Final = 512
"""An array may have so many bytes more than its cells need before it is cut."""


class NotInArrow(Exception):
    """A value cannot be stored as arrays of Arrow."""


class BufferWriter:
    """Puts the buffers of one value into a batch.

    Parameters
    ----------
    batch : Batch
        Where parts go.
    """

    __slots__ = ("_batch", "_digests", "_inline", "_sizes")

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._digests: list[str] = []
        self._inline: list[memoryview] = []
        self._sizes: list[int] = []

    def add(self, buffer: Any) -> int:
        """Take a buffer and return its number; -1 if there is none."""
        if buffer is None:
            return -1
        data = memoryview(buffer).cast("B") if len(buffer) else memoryview(b"")
        size = len(data)
        least = OUT_OF_BAND_FROM if len(self._digests) < _MANY else _LARGE
        if size < least:
            self._inline.append(data)
            # The sign says where it is; zero must have one too.
            self._sizes.append(-size - 1)
        else:
            self._digests.append(self._batch.add_buffer(data))
            self._sizes.append(size)
        return len(self._sizes) - 1

    def add_array(self, array: Any) -> list[Any]:
        """Take an array of Arrow and return its node: length, nulls, buffers, children.

        Raises
        ------
        NotInArrow
            There is no rule for its type.
        """
        if array.offset or array.get_total_buffer_size() > array.nbytes + _SLACK:
            array = _cut(array)
        return self._node(array)

    def _node(self, array: Any) -> list[Any]:
        import pyarrow as pa

        kind = array.type
        if pa.types.is_dictionary(kind):
            children = [self.add_array(array.indices), self.add_array(array.dictionary)]
            return [len(array), array.null_count, [], children]
        count = own_buffers(kind)
        own = [self.add(buffer) for buffer in array.buffers()[:count]]
        return [len(array), array.null_count, own, [self._node(one) for one in _inner(array)]]

    def finish(self, head: dict[str, Any], schema: Any) -> tuple[list[str], int]:
        """Put the stream into the batch; return all digests and how many are the stream's."""
        head["buffers"] = self._sizes
        text = json.dumps(head, separators=(",", ":"), ensure_ascii=False).encode()
        described = bytes(schema.serialize())
        stream = memoryview(
            b"".join([_HEAD.pack(len(text), len(described)), text, described, *self._inline])
        )
        starts = range(0, len(stream), _PIECE)
        pieces = [self._batch.add_stream(stream[start : start + _PIECE]) for start in starts]
        return [*pieces, *self._digests], len(pieces)


class BufferReader:
    """Gives back what a writer has put into a batch.

    Parameters
    ----------
    parts : PartSource
        Where parts are read.
    ref : ArtifactRef
        The stored value.
    """

    __slots__ = ("_buffers", "_described", "_schema", "head")

    def __init__(self, parts: PartSource, ref: ArtifactRef) -> None:
        stream, rest = ref.parts[: ref.stream], ref.parts[ref.stream :]
        joined = memoryview(b"".join(parts.contents(stream)))
        text_length, described_length = _HEAD.unpack_from(joined)
        middle = _HEAD.size + text_length
        position = middle + described_length
        self.head: dict[str, Any] = json.loads(bytes(joined[_HEAD.size : middle]))
        self._described = joined[middle:position]
        self._schema: Any = None
        mapped = iter(parts.buffers(rest) if rest else ())
        self._buffers: list[bytearray | memoryview] = []
        for size in self.head["buffers"]:
            if size >= 0:
                self._buffers.append(next(mapped))
                continue
            # A copy of its own begins where numbers may begin.
            self._buffers.append(bytearray(joined[position : position - size - 1]))
            position += -size - 1

    @property
    def schema(self) -> Any:
        """The schema, read when it is needed."""
        if self._schema is None:
            import pyarrow as pa

            self._schema = pa.ipc.read_schema(pa.py_buffer(self._described))
        return self._schema

    def raw(self, node: Sequence[Any], number: int) -> Any:
        """Return one of a node's own buffers as memory that may be written to."""
        found = node[2][number]
        return b"" if found < 0 else self._buffers[found]

    def array(self, kind: Any, node: Sequence[Any]) -> Any:
        """Make an array of Arrow of its node."""
        import pyarrow as pa

        length, nulls, own, children = node
        if pa.types.is_dictionary(kind):
            indices = self.array(kind.index_type, children[0])
            values = self.array(kind.value_type, children[1])
            return pa.DictionaryArray.from_arrays(indices, values, ordered=kind.ordered, safe=False)
        buffers = [None if one < 0 else pa.py_buffer(self._buffers[one]) for one in own]
        kinds = inner_types(kind)
        inner = [self.array(of, child) for of, child in zip(kinds, children, strict=True)]
        made = pa.Array.from_buffers(kind, length, buffers, nulls, 0, inner)
        # Arrow itself looks at no length when it makes an array of memory.
        made.validate()
        return made

    def chunked(self, kind: Any, nodes: Sequence[Any]) -> Any:
        """Make a chunked array of Arrow of the nodes of its chunks."""
        import pyarrow as pa

        return pa.chunked_array([self.array(kind, node) for node in nodes], kind)


def own_buffers(kind: Any) -> int:
    """Count the buffers that an array of some type has besides those of its children.

    Raises
    ------
    NotInArrow
        There is no rule for the type.
    """
    from pyarrow import types as of

    if of.is_struct(kind) or of.is_fixed_size_list(kind) or of.is_null(kind):
        return 1
    if of.is_list(kind) or of.is_large_list(kind):
        return 2
    if of.is_string(kind) or of.is_large_string(kind):
        return 3
    if of.is_binary(kind) or of.is_large_binary(kind):
        return 3
    if of.is_primitive(kind) or of.is_decimal(kind) or of.is_fixed_size_binary(kind):
        return 2
    raise NotInArrow


def inner_types(kind: Any) -> list[Any]:
    """List the types of a type's children."""
    from pyarrow import types as of

    if of.is_struct(kind):
        return [kind.field(number).type for number in range(kind.num_fields)]
    if of.is_fixed_size_list(kind) or of.is_list(kind) or of.is_large_list(kind):
        return [kind.value_type]
    return []


def _inner(array: Any) -> list[Any]:
    from pyarrow import types as of

    kind = array.type
    if of.is_struct(kind):
        return [array.field(number) for number in range(kind.num_fields)]
    return [array.values] if inner_types(kind) else []


def _cut(array: Any) -> Any:
    """Copy what an array shows of larger buffers."""
    pa = sys.modules["pyarrow"]
    batch = pa.record_batch([array], ["cut"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    with pa.ipc.open_stream(sink.getvalue()) as reader:
        return reader.read_next_batch().column(0)
