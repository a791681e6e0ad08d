"""The pack: one append-only file per run that holds the small parts of all its tasks.

Any number of processes append at the same time. Each writes whole records with a single
system call and learns afterwards where its record landed. A record that was cut short by
a full disk or a killed process is never referred to.
"""

from __future__ import annotations

import os
import struct
from mmap import ACCESS_READ, mmap
from typing import TYPE_CHECKING, Final, TypeAlias

from metaflow.artifact_store.writing import open_to_append, storage_error
from metaflow.errors.storage import ArtifactCorrupt, ArtifactMissing, StorageFull
from metaflow.model.artifact import Part
from metaflow.settings.durability import force, force_folder

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

MAGIC: Final = b"\x89MRpack\x01"
"""Begins every record; the last byte is the version of the record format."""

END: Final = b"pack\x89end"
"""Ends every record, so that one that was cut short is told from a whole one."""

_HEADER: Final = struct.Struct("<8sI")
_ENTRY: Final = struct.Struct("<32sBQQ")
_ATTEMPTS: Final = 3
_AHEAD: Final = 1 << 14
"""How much is read at least: a small file's worth costs no more than a few bytes."""

_OPEN_FILES: Final = 64


Entry: TypeAlias = tuple[str, int, int, bytes | memoryview]
"""One part on its way into a pack: digest, uncompressed size, codec, bytes as stored."""


def append_record(path: str, pack: str, entries: Collection[Entry]) -> list[Part]:
    """Append one record with all entries and return where they are.

    Parameters
    ----------
    path : str
        Path of the pack file; it is made when it is not there.
    pack : str
        Name of the pack, as the returned parts shall carry it.
    entries : Collection[Entry]
        Parts to store.

    Raises
    ------
    StorageFull
        The record did not fit.
    """
    record, begin = encode_record(entries)
    return place_parts(entries, pack, _append(path, record) + begin)


def encode_record(entries: Collection[Entry]) -> tuple[bytes, int]:
    """Make a record; return it and where in it the first part begins."""
    pieces: list[bytes | memoryview] = [_HEADER.pack(MAGIC, len(entries))]
    for digest, size, codec, payload in entries:
        pieces.append(_ENTRY.pack(bytes.fromhex(digest), codec, size, len(payload)))
    pieces += [entry[3] for entry in entries]
    pieces.append(END)
    return b"".join(pieces), _HEADER.size + _ENTRY.size * len(entries)


def place_parts(entries: Collection[Entry], pack: str, offset: int) -> list[Part]:
    """Say where parts are that lie in a pack one behind the other."""
    parts = []
    for digest, size, codec, payload in entries:
        stored = len(payload)
        parts.append(Part(digest, size, codec, stored, pack, offset))
        offset += stored
    return parts


def _append(path: str, record: bytes) -> int:
    # The descriptor lives for this one call: a process forked later must not share it,
    # because the place where a record landed is read off the descriptor.
    try:
        fd = open_to_append(path)
        try:
            for _ in range(_ATTEMPTS):
                # A short write cannot be continued, since another process may have
                # appended meanwhile. Its bytes stay behind as garbage.
                if os.write(fd, record) == len(record):
                    offset = os.lseek(fd, 0, os.SEEK_CUR) - len(record)
                    force(fd)
                    force_folder(os.path.dirname(path))
                    return offset
        finally:
            os.close(fd)
    except OSError as error:
        raise storage_error(error, path) from error
    raise StorageFull(path, "only a part of the record was written")


class PackFiles:
    """Reads from packs and keeps their files open.

    Reading gives the offset with each call, so descriptors may be shared with forked
    processes.
    """

    __slots__ = ("_fds", "_root", "_window")

    def __init__(self, root: str) -> None:
        self._root = root
        self._fds: dict[str, int] = {}
        self._window: tuple[str, int, bytes] = ("", 0, b"")
        """What was read last: a pack, an offset, and the bytes there. What is stored never
        changes, and what is read together often lies together."""

    def read(self, part: Part, offset: int, length: int) -> bytes:
        """Read a range of a pack, given in absolute offsets.

        Raises
        ------
        ArtifactMissing
            There is no such pack.
        ArtifactCorrupt
            The pack is shorter than it should be.
        """
        pack, begin, window = self._window
        start = offset - begin
        if pack == part.pack and 0 <= start <= len(window) - length:
            return window[start : start + length]
        fd = self._fds.get(part.pack)
        path = f"{self._root}/{part.pack}"
        try:
            if fd is None:
                fd = self._open(part.pack, path)
            data = os.pread(fd, max(length, _AHEAD), offset)
        except FileNotFoundError as error:
            raise ArtifactMissing(path, part.digest) from error
        except OSError as error:
            raise storage_error(error, path) from error
        if len(data) < length:
            raise ArtifactCorrupt(path, part.digest, "the file is too short")
        self._window = (part.pack, offset, data)
        return data[:length]

    def _open(self, pack: str, path: str) -> int:
        if len(self._fds) >= _OPEN_FILES:
            self.close()
        try:
            fd = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            from metaflow.artifact_store.origins import open_in_origins

            fd = open_in_origins(self._root, pack)
        self._fds[pack] = fd
        return fd

    def close(self) -> None:
        """Close all files; a later read opens them again."""
        while self._fds:
            os.close(self._fds.popitem()[1])

    def __del__(self) -> None:
        self.close()


def parts_of(path: str, pack: str) -> Iterator[Part]:
    """List all parts of a pack file by walking its records, for checks and repairs.

    Bytes that belong to no whole record are skipped. The digests are not verified.
    """
    fd = os.open(path, os.O_RDONLY)
    try:
        if os.fstat(fd).st_size == 0:
            return
        with mmap(fd, 0, access=ACCESS_READ) as data:
            position = data.find(MAGIC)
            while position >= 0:
                parts = record_at(data, position, pack)
                yield from parts
                last = parts[-1].offset + parts[-1].stored if parts else position + 1
                position = data.find(MAGIC, last)
    finally:
        os.close(fd)


def record_at(data: mmap | bytes, position: int, pack: str) -> list[Part]:
    """Read the table of the record that begins here; empty when the record is not whole."""
    if position + _HEADER.size > len(data):
        return []
    _, count = _HEADER.unpack_from(data, position)
    entries = position + _HEADER.size
    offset = entries + _ENTRY.size * count
    if offset > len(data):
        return []
    parts = []
    for digest, codec, size, stored in _ENTRY.iter_unpack(data[entries:offset]):
        parts.append(Part(digest.hex(), size, codec, stored, pack, offset))
        offset += stored
    return parts if data[offset : offset + len(END)] == END else []
