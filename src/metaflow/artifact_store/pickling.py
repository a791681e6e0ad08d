"""How a value becomes a stream and buffers, and a value again: pickle 5, nothing copied.

The pickler hands over what it makes in chunks. Large `bytes` and `str` inside a value come
as chunks of their own, which become parts of their own: unchanged, they are stored once.
Large buffers of arrays leave the stream altogether.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from typing import Any, Final, TypeAlias

from metaflow.artifact_store.batch import OUT_OF_BAND_FROM

PART_FROM: Final = 64 << 10
"""Shorter chunks are joined with their neighbours."""

PART_BYTES: Final = 16 << 20
"""No stream part is much longer, so that reading and compressing need little memory."""

_MANY: Final = 256
"""A value with more parts than this gets further ones only for larger pieces."""

_FRAME_HEAD: Final = 9
_LARGE: Final = 1 << 20
_HELD_BYTES: Final = 4 * PART_BYTES

Chunk: TypeAlias = bytes | bytearray | memoryview | pickle.PickleBuffer
Reducers: TypeAlias = Mapping[type, Callable[[Any], Any]]


class Pickled:
    """One value on its way into the store; the sink of its pickler.

    Chunks are handed on when the value is complete, or earlier when they grow large.
    """

    __slots__ = ("_chunks", "_held", "_store", "buffers", "stream")

    def __init__(self, store: Callable[[bytes | memoryview], str]) -> None:
        self._store = store
        self._chunks: list[Chunk] = []
        self._held = 0
        self.stream: list[str] = []
        """What `store` answered for each part of the stream."""
        self.buffers: list[memoryview] = []
        """Out-of-band buffers, still where the value has them."""

    def write(self, chunk: Chunk) -> None:
        """Take a chunk from the pickler."""
        self._chunks.append(chunk)
        self._held += _length(chunk)
        if self._held >= _HELD_BYTES:
            self._hand_on()

    def keep_in_band(self, buffer: pickle.PickleBuffer) -> bool:
        """Take a large buffer out of the stream; say whether this one stays inside."""
        data = buffer.raw()
        least = OUT_OF_BAND_FROM if len(self.buffers) < _MANY else _LARGE
        if len(data) < least:
            return True
        self.buffers.append(data)
        return False

    def dump(self, value: object, reducers: Reducers | None) -> None:
        """Pickle a value; then `stream` and `buffers` are complete.

        Raises
        ------
        Exception
            Whatever the value's own code raises, or `pickle.PicklingError`.
        """
        pickler = pickle.Pickler(self, 5, buffer_callback=self.keep_in_band)
        if reducers is not None:
            pickler.dispatch_table = reducers
        pickler.dump(value)
        # Chunks may point into objects that only the pickler keeps alive.
        self._hand_on()

    def _hand_on(self) -> None:
        chunks, self._chunks, self._held = self._chunks, [], 0
        if len(chunks) == 1 and isinstance(chunks[0], bytes) and len(chunks[0]) < PART_FROM:
            self.stream.append(self._store(chunks[0]))
            return
        group: list[Chunk] = []
        size = 0
        for chunk in chunks:
            length = _length(chunk)
            least = PART_FROM if len(self.stream) < _MANY else _LARGE
            if length >= least and not _is_frame(chunk):
                if group:
                    self.stream.append(self._store(b"".join(group)))
                    group, size = [], 0
                flat = chunk.raw() if isinstance(chunk, pickle.PickleBuffer) else memoryview(chunk)
                for start in range(0, length, PART_BYTES):
                    self.stream.append(self._store(flat[start : start + PART_BYTES]))
                continue
            group.append(chunk)
            size += length
            if size >= PART_BYTES:
                self.stream.append(self._store(b"".join(group)))
                group, size = [], 0
        if group:
            self.stream.append(self._store(b"".join(group)))


def _is_frame(chunk: Chunk) -> bool:
    """Say whether a chunk is one of the frames into which the pickler gathers small things."""
    if not isinstance(chunk, bytes):
        return False
    start = 2 if chunk.startswith(pickle.PROTO) else 0
    head = chunk[start : start + _FRAME_HEAD]
    rest = len(chunk) - start - _FRAME_HEAD
    return head.startswith(pickle.FRAME) and int.from_bytes(head[1:], "little") == rest


def _length(chunk: Chunk) -> int:
    return len(chunk.raw()) if isinstance(chunk, pickle.PickleBuffer) else len(chunk)


class StreamReader:
    """A pickled stream in several parts as the file that an unpickler reads.

    Parameters
    ----------
    parts : Iterator[bytes]
        The parts in order; one is held at a time.
    """

    __slots__ = ("_current", "_parts", "_position")

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._current = b""
        self._position = 0

    def read(self, size: int) -> bytes:
        """Read so many bytes, fewer at the end."""
        start = self._position
        if start + size <= len(self._current):
            self._position = start + size
            return self._current[start : self._position]
        joined = BytesIO()
        while size and (self._position < len(self._current) or self._advance()):
            with memoryview(self._current) as current:
                count = joined.write(current[self._position : self._position + size])
            self._position += count
            size -= count
        return joined.getvalue()

    def readinto(self, target: bytearray | memoryview) -> int:
        """Fill a buffer as far as there are bytes; return how many were read."""
        filled = 0
        with memoryview(target) as whole, whole.cast("B") as view:
            while filled < len(view):
                if self._position == len(self._current) and not self._advance():
                    break
                count = min(len(view) - filled, len(self._current) - self._position)
                with memoryview(self._current) as current:
                    view[filled : filled + count] = current[self._position : self._position + count]
                self._position += count
                filled += count
        return filled

    def readline(self) -> bytes:
        """Read up to and with the next line feed."""
        pieces = []
        while self._position < len(self._current) or self._advance():
            end = self._current.find(b"\n", self._position) + 1
            piece = self._current[self._position : end or None]
            self._position += len(piece)
            pieces.append(piece)
            if end:
                break
        return b"".join(pieces)

    def _advance(self) -> bool:
        self._current = next(self._parts, b"")
        self._position = 0
        return bool(self._current)
