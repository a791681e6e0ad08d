"""Which live buffers are still byte for byte the blobs that they were mapped from.

A private mapping gives a page of its own to every page that is written to. As long as the
kernel knows of no such page in a mapping, its content has not changed and need not be hashed
to be stored again.
"""

from __future__ import annotations

import os
import sys
from mmap import PAGESIZE, mmap
from typing import TYPE_CHECKING, Final
from weakref import ref

if TYPE_CHECKING:
    from metaflow.model.artifact import ArtifactRef, Part

_ENTRY_BYTES: Final = 8
_CHUNK_BYTES: Final = 1 << 18

# The highest byte of an entry in /proc/self/pagemap says what backs a page: bit 7 present,
# bit 6 swapped out, bit 5 of a file, bit 0 mapped by this process alone. These values are
# «never touched» and «present, of the file».
_UNWRITTEN: Final = b"\x00\xa0\xa1"
_UNTOUCHED: Final = b"\x00"
_HIGHEST_BYTE: Final = 7 if sys.byteorder == "little" else 0


class MappedBlobs:
    """The blobs that are mapped into this process as parts of loaded values."""

    __slots__ = ("__weakref__", "_by_size", "_has_forked", "_unverified", "_verified")

    def __init__(self) -> None:
        self._has_forked: bool | None = None
        """None as long as nothing was mapped and nobody has to know."""
        self._unverified: dict[str, tuple[Part, list[ref[mmap]]]] = {}
        self._verified: set[str] = set()
        self._by_size: dict[int, list[tuple[ref[mmap], Part]]] = {}

    def remember(self, mapping: mmap, part: Part) -> None:
        """Note that a private mapping of a whole raw blob was handed out."""
        known = self._by_size.get(part.size, ())
        alive = [entry for entry in known if entry[0]() is not None]
        alive.append((ref(mapping), part))
        self._by_size[part.size] = alive
        if self._has_forked is None:
            self._has_forked = False
            # What a child looks at does not show in this process.
            os.register_at_fork(after_in_parent=_Noting(ref(self)))
        if part.digest not in self._verified:
            self._unverified.setdefault(part.digest, (part, []))[1].append(alive[-1][0])

    def note_fork(self) -> None:
        """Note that a child of this process may look at what is mapped."""
        self._has_forked = True

    def unverified(self, whole: ArtifactRef | None = None) -> list[Part]:
        """List the parts that were mapped and never checked against their digests.

        Parameters
        ----------
        whole : ArtifactRef, optional
            Only those of this artifact; otherwise only those of which a page was looked at, as
            far as the kernel tells.
        """
        if whole is not None:
            return [part for part in whole.parts if part.digest in self._unverified]
        return [
            part
            for part, mappings in self._unverified.values()
            if self._has_forked or any(map(_is_touched, mappings))
        ]

    def mark_verified(self, part: Part) -> None:
        """Note that a part is what its digest says; no blob ever changes."""
        self._unverified.pop(part.digest, None)  # an artifact may have a part twice
        self._verified.add(part.digest)

    def unchanged(self, buffer: memoryview) -> Part | None:
        """Return the part that a buffer was mapped from, if nobody has written to it.

        None means «not known»: no such mapping, a changed one, or a system that does not
        tell.
        """
        candidates = self._by_size.get(len(buffer))
        if not candidates:
            return None
        address = _address(buffer)
        if address is None:
            return None
        for reference, part in candidates:
            mapping = reference()
            if mapping is not None and _address(memoryview(mapping)) == address:
                return part if _unwritten(address, len(buffer)) else None
        return None


class _Noting:
    """Tells the mapped blobs of a store, if it is still used, that the process has forked."""

    __slots__ = ("_mapped",)

    def __init__(self, mapped: ref[MappedBlobs]) -> None:
        self._mapped = mapped

    def __call__(self) -> None:
        mapped = self._mapped()
        if mapped is not None:
            mapped.note_fork()


def _address(buffer: memoryview) -> int | None:
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        return int(numpy.frombuffer(buffer, "u1").__array_interface__["data"][0])
    if buffer.readonly:
        return None
    from ctypes import addressof, c_char

    return addressof(c_char.from_buffer(buffer))


def _is_touched(mapping: ref[mmap]) -> bool:
    """Say whether anything of a mapping may have been looked at."""
    alive = mapping()
    if alive is None:
        return True
    address = _address(memoryview(alive))
    return address is None or not _pages_are(_UNTOUCHED, address, len(alive))


def _unwritten(address: int, length: int) -> bool:
    """Say whether no page of a range has a private copy."""
    return _pages_are(_UNWRITTEN, address, length)


def _pages_are(states: bytes, address: int, length: int) -> bool:
    """Say whether all pages of a range are in one of these states."""
    try:
        fd = os.open("/proc/self/pagemap", os.O_RDONLY)
    except OSError:
        return False
    try:
        position = address // PAGESIZE * _ENTRY_BYTES
        end = -(-(address + length) // PAGESIZE) * _ENTRY_BYTES
        while position < end:
            entries = os.pread(fd, min(_CHUNK_BYTES, end - position), position)
            if not entries or entries[_HIGHEST_BYTE::8].translate(None, states):
                return False
            position += len(entries)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(fd)
