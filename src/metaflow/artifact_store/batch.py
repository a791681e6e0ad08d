"""Where each part of one `save` goes: reused, into a file of its own, or into the pack.

Small parts of all artifacts are collected and appended as one record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from blake3 import blake3

from metaflow.artifact_store.compression import (
    buffer_codec,
    compress,
    compress_stream,
    compressed_slices,
)
from metaflow.artifact_store.hashing import digest_of
from metaflow.artifact_store.pack import Entry, append_record
from metaflow.model.artifact import RAW, Part

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow.artifact_store.mapped import MappedBlobs
    from metaflow.artifact_store.parts import BlobStore

BLOB_FROM: Final = 64 << 10
"""Parts of this size as stored get a file of their own, and are shared by all runs."""

OUT_OF_BAND_FROM: Final = 16 << 10
"""Shorter buffers stay in the stream that they belong to."""

IN_MEMORY: Final = 16 << 20
"""Larger buffers are compressed piece by piece; a pack's record is about this long at most."""


class Batch:
    """The parts of one call of `save`."""

    __slots__ = ("_blobs", "_mapped", "_pack", "_path", "_pending", "_pending_bytes", "placed")

    def __init__(
        self, root: str, pack: str, blobs: BlobStore, mapped: MappedBlobs, known: Iterable[Part]
    ) -> None:
        self._path = f"{root}/{pack}"
        self._pack = pack
        self._blobs = blobs
        self._mapped = mapped
        self._pending: dict[str, Entry] = {}
        self._pending_bytes = 0
        self.placed: dict[str, Part] = {part.digest: part for part in known}
        """Every part whose place is known, by digest."""

    def add_small(self, data: bytes) -> str:
        """Take a whole stream that is too short to be compressed and return its digest."""
        digest = blake3(data).hexdigest()
        if digest not in self.placed and digest not in self._pending:
            size = len(data)
            self._pending[digest] = (digest, size, RAW, data)
            self._pending_bytes += size
        return digest

    def add_stream(self, data: bytes | memoryview) -> str:
        """Take a piece of a pickled stream and return its digest."""
        digest = digest_of(data)
        if digest not in self.placed and digest not in self._pending:
            size = len(data)
            part = self._blobs.find(digest, size) if size >= BLOB_FROM else None
            if part is None:
                self._put(digest, size, *compress_stream(data))
            else:
                self.placed[digest] = part
        return digest

    def add_buffer(self, data: memoryview) -> str:
        """Take an out-of-band buffer and return its digest."""
        part = self._mapped.unchanged(data)
        if part is not None:
            self.placed[part.digest] = part
            return part.digest
        digest = digest_of(data)
        if digest in self.placed or digest in self._pending:
            return digest
        size = len(data)
        part = self._blobs.find(digest, size) if size >= BLOB_FROM else None
        if part is not None:
            self.placed[digest] = part
            return digest
        codec = buffer_codec(data)
        if codec != RAW and size > IN_MEMORY:
            self.placed[digest] = self._blobs.write(digest, size, codec, compressed_slices(data))
        else:
            self._put(digest, size, codec, data if codec == RAW else compress(data, codec))
        return digest

    def add_raw(self, data: bytes) -> Part:
        """Store bytes as they are, at once."""
        digest = digest_of(data)
        part = self._blobs.find(digest, len(data)) if len(data) >= BLOB_FROM else None
        if part is not None and part.codec == RAW:
            return part
        self._put(digest, len(data), RAW, data)
        self.flush()
        return self.placed[digest]

    def _put(self, digest: str, size: int, codec: int, payload: bytes | memoryview) -> None:
        stored = len(payload)
        if stored >= BLOB_FROM:
            self.placed[digest] = self._blobs.write(digest, size, codec, (payload,))
            return
        self._pending[digest] = (digest, size, codec, payload)
        self._pending_bytes += stored
        if self._pending_bytes >= IN_MEMORY:
            self.flush()

    def flush(self) -> None:
        """Append what is pending; afterwards the place of every part is known."""
        if self._pending:
            for part in append_record(self._path, self._pack, self._pending.values()):
                self.placed[part.digest] = part
            self._pending.clear()
            self._pending_bytes = 0
