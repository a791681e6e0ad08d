"""How parts come back from an object store: through the cache, checked, never something else."""

from __future__ import annotations

import os
from mmap import ACCESS_COPY, mmap
from threading import Lock
from typing import TYPE_CHECKING, Final

from metaflow.artifact_store.compression import decompress, decompress_stream
from metaflow.artifact_store.hashing import blob_name, digest_of
from metaflow.artifact_store.pack import record_at
from metaflow.artifact_store.pickling import StreamReader
from metaflow.artifact_store.reading import MAP_FROM
from metaflow.artifact_store.transfers import in_order
from metaflow.errors.storage import ArtifactCorrupt, ArtifactMissing, ObjectMissing
from metaflow.model.artifact import RAW, ZSTD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from metaflow.artifact_store.mapped import MappedBlobs
    from metaflow.artifact_store.remote_place import RemotePlace
    from metaflow.model.artifact import Part

STREAM_AHEAD: Final = 3
"""How many parts of a long stream are in memory."""
BUFFERS_AHEAD: Final = 8
TRIES: Final = 2
"""What turns out to be damaged is fetched once more: it may have happened on the way."""


class RemoteParts:
    """Reads the parts of one root in an object store.

    Parameters
    ----------
    place : RemotePlace
        The root.
    mapped : MappedBlobs
        Is told which blobs are mapped.
    """

    __slots__ = ("_lock", "_mapped", "_place", "_record")

    def __init__(self, place: RemotePlace, mapped: MappedBlobs) -> None:
        self._place: Final = place
        self._mapped: Final = mapped
        self._lock: Final = Lock()
        self._record: tuple[str, bytes] = ("", b"")
        """The record that was read last: what is read together often lies together."""

    def close(self) -> None:
        """Close connections; a later read opens them again."""
        self._place.close()

    def content(self, part: Part) -> bytes:
        """Read a part whole, and check it."""
        reason = ""
        for _ in range(TRIES):
            try:
                data = decompress(self._stored(part, 0, part.stored), part.codec, part.size)
            except ValueError as error:
                reason = str(error)
            else:
                reason = _problem(part, data)
                if not reason:
                    return data
            self._forget(part)
        raise self.corrupt(part, reason)

    def contents(self, parts: Sequence[Part]) -> Iterator[bytes]:
        """Read several parts in order, and check them; a few are fetched ahead."""
        return in_order(self.content, parts, STREAM_AHEAD)

    def buffers(self, parts: Sequence[Part]) -> list[bytearray | memoryview]:
        """Give the bytes of parts in writable memory of their own."""
        return list(in_order(self.buffer, parts, BUFFERS_AHEAD))

    def buffer(self, part: Part) -> bytearray | memoryview:
        """Give the bytes of a part in writable memory of its own; a large one is mapped."""
        if part.pack or part.size < MAP_FROM:
            return bytearray(self.content(part))
        if part.codec == RAW:
            return self._mapped_file(part) or self._in_memory(part)
        if part.codec == ZSTD:
            return self._decompressed(part)
        return bytearray(self.content(part))

    def range(self, part: Part, start: int, length: int) -> bytes:
        """Read a range of a part as it is stored."""
        data = self._stored(part, start, length)
        if len(data) != length:
            raise self.corrupt(part, "it is too short")
        return data

    def corrupt(self, part: Part, reason: str) -> ArtifactCorrupt:
        """Make the error that says what is wrong with a part."""
        return ArtifactCorrupt(self._place.path(_key(part)), part.digest, reason)

    # ── bytes as they are stored ─────────────────────────────────────────────────────────

    def _stored(self, part: Part, start: int, length: int) -> bytes:
        if part.pack:
            first = part.offset + start
            return self._whole_record(part)[first : first + length]
        fd = self._place.file(_key(part), part.stored)
        if fd >= 0:
            try:
                return os.pread(fd, length, start)
            finally:
                os.close(fd)
        return self._get(part, start, length)

    def _whole_record(self, part: Part) -> bytes:
        name, data = self._record
        if name != part.pack:
            data = self._cached_record(part) or self._fetched_record(part)
            self._record = (part.pack, data)
        return data

    def _cached_record(self, part: Part) -> bytes:
        fd = self._place.cache.open(self._place.copy_name(part.pack))
        if fd < 0:
            return b""
        with open(fd, "rb", buffering=0) as file:
            return file.readall()

    def _fetched_record(self, part: Part) -> bytes:
        """Fetch a record; it is checked here, because single items of it are not when read."""
        reason = ""
        for _ in range(TRIES):
            data = self._get(part, 0, None)
            parts = record_at(data, 0, part.pack)
            if not parts:
                reason = "it is no whole record"
            elif not all(_is_intact(one, data) for one in parts if one.codec == RAW):
                reason = "the content does not match the digest"
            else:
                self._place.cache.add(self._place.copy_name(part.pack), data)
                return data
        raise self.corrupt(part, reason)

    def _get(self, part: Part, start: int, length: int | None) -> bytes:
        try:
            return self._place.objects.get(_key(part), start, length)
        except ObjectMissing as error:
            raise ArtifactMissing(self._place.path(_key(part)), part.digest) from error

    def _forget(self, part: Part) -> None:
        self._record = ("", b"")
        self._place.cache.drop(self._place.copy_name(_key(part)))

    # ── large buffers ────────────────────────────────────────────────────────────────────

    def _mapped_file(self, part: Part) -> memoryview | None:
        fd = self._place.file(_key(part), part.stored)
        if fd < 0:
            return None
        try:
            mapping = mmap(fd, part.size, access=ACCESS_COPY)
        finally:
            os.close(fd)
        with self._lock:
            self._mapped.mark_verified(part)  # when it was fetched
            self._mapped.remember(mapping, part)
        return memoryview(mapping)

    def _in_memory(self, part: Part) -> bytearray:
        """Fetch a buffer for which the cache has no room."""
        content = bytearray(part.size)
        with memoryview(content) as view:
            position = 0

            def take(piece: bytes) -> None:
                nonlocal position
                view[position : position + len(piece)] = piece
                position += len(piece)

            self._place.fetch(_key(part), part.stored, take)
        return content

    def _decompressed(self, part: Part) -> bytearray:
        reason = ""
        for _ in range(TRIES):
            try:
                content = self._decompress(part)
            except ValueError as error:
                reason = str(error)
            else:
                reason = _problem(part, content)
                if not reason:
                    return content
            self._forget(part)
        raise self.corrupt(part, reason)

    def _decompress(self, part: Part) -> bytearray:
        fd = self._place.file(_key(part), part.stored)
        if fd < 0:
            pieces = self._place.pieces(_key(part), part.stored)
            return decompress_stream(StreamReader(pieces), part.size)
        with open(fd, "rb") as file:
            return decompress_stream(file, part.size)


def _key(part: Part) -> str:
    return part.pack or blob_name(part.digest, part.codec)


def _is_intact(part: Part, record: bytes) -> bool:
    data = memoryview(record)[part.offset : part.offset + part.stored]
    return not _problem(part, data)


def _problem(part: Part, data: bytes | bytearray | memoryview) -> str:
    """Say what is wrong with the content of a part; nothing if it is what was stored."""
    if len(data) == part.size and digest_of(data) == part.digest:
        return ""
    return "the content does not match the digest"
