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
    from metaflow.model.artifact import Part

_ENTRY_BYTES: Final = 8
_CHUNK_BYTES: Final = 1 << 18

# The highest byte of an entry in /proc/self/pagemap says what backs a page: bit 7 present,
# bit 6 swapped out, bit 5 of a file, bit 0 mapped by this process alone. These values are
# «never touched» and «present, of the file».
_UNWRITTEN: Final = b"\x00\xa0\xa1"
_HIGHEST_BYTE: Final = 7 if sys.byteorder == "little" else 0


class MappedBlobs:
    """The blobs that are mapped into this process as parts of loaded values."""

    __slots__ = ("_by_size",)

    def __init__(self) -> None:
        self._by_size: dict[int, list[tuple[ref[mmap], Part]]] = {}

    def remember(self, mapping: mmap, part: Part) -> None:
        """Note that a private mapping of a whole raw blob was handed out."""
        known = self._by_size.get(part.size, ())
        alive = [entry for entry in known if entry[0]() is not None]
        alive.append((ref(mapping), part))
        self._by_size[part.size] = alive

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


def _address(buffer: memoryview) -> int | None:
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        return int(numpy.frombuffer(buffer, "u1").__array_interface__["data"][0])
    if buffer.readonly:
        return None
    from ctypes import addressof, c_char

    return addressof(c_char.from_buffer(buffer))


def _unwritten(address: int, length: int) -> bool:
    """Say whether no page of a range has a private copy."""
    try:
        fd = os.open("/proc/self/pagemap", os.O_RDONLY)
    except OSError:
        return False
    try:
        position = address // PAGESIZE * _ENTRY_BYTES
        end = -(-(address + length) // PAGESIZE) * _ENTRY_BYTES
        while position < end:
            entries = os.pread(fd, min(_CHUNK_BYTES, end - position), position)
            if not entries or entries[_HIGHEST_BYTE::8].translate(None, _UNWRITTEN):
                return False
            position += len(entries)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(fd)
