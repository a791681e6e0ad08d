"""How stored parts come back: checked and decompressed, or mapped when they are large."""

from __future__ import annotations

import os
from mmap import ACCESS_COPY, ACCESS_READ, mmap
from typing import TYPE_CHECKING, Final

from metaflow.artifact_store.compression import decompress, decompress_file
from metaflow.artifact_store.hashing import digest_of, new_hasher
from metaflow.artifact_store.pack import PackFiles
from metaflow.artifact_store.writing import storage_error
from metaflow.errors.storage import ArtifactCorrupt
from metaflow.model.artifact import RAW, ZSTD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from metaflow.artifact_store.blobs import BlobFiles
    from metaflow.artifact_store.mapped import MappedBlobs
    from metaflow.model.artifact import Part

MAP_FROM: Final = 1 << 20
"""Raw buffers of this size are mapped instead of read."""

PIECE: Final = 16 << 20
"""So much of a large blob is mapped at a time while it is verified."""


class PartReader:
    """Reads the parts of one store."""

    __slots__ = ("_blobs", "_mapped", "_packs", "_root")

    def __init__(self, root: str, blobs: BlobFiles, mapped: MappedBlobs) -> None:
        self._root = root
        self._blobs = blobs
        self._mapped = mapped
        self._packs = PackFiles(root)

    def close(self) -> None:
        """Close the files that are held open; a later read opens them again."""
        self._packs.close()

    def content(self, part: Part) -> bytes:
        """Read a part whole, and check it."""
        stored = self.range(part, 0, part.stored)
        try:
            data = decompress(stored, part.codec, part.size)
        except ValueError as error:
            raise self.corrupt(part, str(error)) from error
        self._check(part, data)
        return data

    def contents(self, parts: Sequence[Part]) -> Iterator[bytes]:
        """Read several parts in order, one at a time, and check them."""
        return map(self.content, parts)

    def buffers(self, parts: Sequence[Part]) -> list[bytearray | memoryview]:
        """Give the bytes of parts in writable memory of their own."""
        return [self.buffer(part) for part in parts]

    def buffer(self, part: Part) -> bytearray | memoryview:
        """Give the bytes of a part in writable memory of their own."""
        if part.pack:
            return bytearray(self.content(part))
        fd = self._blobs.open(part)
        try:
            if os.fstat(fd).st_size != part.stored:
                raise self.corrupt(part, "the file has another length")
            if part.codec == RAW and part.size >= MAP_FROM:
                mapping = mmap(fd, part.size, access=ACCESS_COPY)
                self._mapped.remember(mapping, part)
                return memoryview(mapping)
            if part.codec == RAW:
                data = bytearray(part.size)
                os.readv(fd, [data])
            elif part.codec == ZSTD:
                data = decompress_file(fd, part.size)
            else:
                data = bytearray(decompress(os.read(fd, part.stored), part.codec, part.size))
        except ValueError as error:
            raise self.corrupt(part, str(error)) from error
        except OSError as error:
            raise storage_error(error, self._path(part)) from error
        finally:
            os.close(fd)
        self._check(part, data)
        return data

    def verify_blob(self, part: Part) -> None:
        """Read a raw blob in pieces, and check it.

        Raises
        ------
        ArtifactCorrupt
            It is not what was saved.
        """
        hasher = new_hasher(part.size)
        fd = self._blobs.open(part)
        try:
            if os.fstat(fd).st_size != part.size:
                raise self.corrupt(part, "the file has another length")
            for begin in range(0, part.size, PIECE):
                length = min(PIECE, part.size - begin)
                with mmap(fd, length, access=ACCESS_READ, offset=begin) as piece:
                    hasher.update(piece)
        except OSError as error:
            raise storage_error(error, self._path(part)) from error
        finally:
            os.close(fd)
        if hasher.hexdigest() != part.digest:
            raise self.corrupt(part, "the content does not match the digest")

    def range(self, part: Part, start: int, length: int) -> bytes:
        """Read a range of a part as it is stored."""
        if part.pack:
            return self._packs.read(part, part.offset + start, length)
        fd = self._blobs.open(part)
        try:
            data = os.pread(fd, length, start)
        except OSError as error:
            raise storage_error(error, self._path(part)) from error
        finally:
            os.close(fd)
        if len(data) != length:
            raise self.corrupt(part, "the file is too short")
        return data

    def _check(self, part: Part, data: bytes | bytearray) -> None:
        if len(data) != part.size or digest_of(data) != part.digest:
            raise self.corrupt(part, "the content does not match the digest")

    def _path(self, part: Part) -> str:
        if part.pack:
            return f"{self._root}/{part.pack}"
        return self._blobs.path(part.digest, part.codec)

    def corrupt(self, part: Part, reason: str) -> ArtifactCorrupt:
        """Make the error that says what is wrong with a part."""
        return ArtifactCorrupt(self._path(part), part.digest, reason)
