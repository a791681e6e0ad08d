"""The bytes of a package: a gzipped tar file that is the same whenever its content is.

Written by hand because importing `tarfile` takes longer than packing an ordinary project;
the standard library's reader, and everybody else's, reads it.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BLOCK: Final = 512
LEVEL: Final = 3
"""Of compression: twice as fast as the usual 6, for a tenth more bytes."""
GZIP: Final = 31
"""What zlib calls 32 KiB of window in a gzip frame; its header carries no time."""
NAME_BYTES: Final = 100
PLAIN, LONG_NAME = b"0", b"L"
MODE, EXECUTABLE = 0o644, 0o755


def pack(files: Iterable[tuple[str, bytes, bool]]) -> bytes:
    """Make an archive.

    Parameters
    ----------
    files : iterable of tuple of str, bytes and bool
        Name, content, and whether it is a program, in the order of the archive.

    Returns
    -------
    bytes
        The archive. Equal files in an equal order make equal bytes.
    """
    stream = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
    pieces = [stream.compress(piece) for file in files for piece in _entry(*file)]
    pieces += (stream.compress(bytes(2 * BLOCK)), stream.flush())
    return b"".join(pieces)


def _entry(name: str, data: bytes, executable: bool) -> Iterator[bytes]:
    encoded = name.encode("utf-8", "surrogateescape")
    if len(encoded) > NAME_BYTES:
        # GNU's way for long names: an entry of its own in front.
        yield from _member(b"././@LongLink", LONG_NAME, encoded + b"\0", MODE)
    yield from _member(encoded[:NAME_BYTES], PLAIN, data, EXECUTABLE if executable else MODE)


def _member(name: bytes, kind: bytes, data: bytes, mode: int) -> Iterator[bytes]:
    head = b"".join(
        (
            name.ljust(NAME_BYTES, b"\0"),
            b"%07o\0" % mode,
            b"0000000\0" * 2,  # owner and group
            _size(len(data)),
            b"%011o\0" % 0,  # time of change
            b" " * 8,  # the sum, as it counts itself
            kind,
            bytes(NAME_BYTES),
            b"ustar  \0",
        )
    ).ljust(BLOCK, b"\0")
    yield head[:148] + b"%06o\0 " % sum(head) + head[156:]
    yield data
    yield bytes(-len(data) % BLOCK)


def _size(size: int) -> bytes:
    octal = b"%011o\0" % size
    # From 8 GiB on, GNU's binary form: the first bit marks it.
    return octal if len(octal) == 12 else b"\x80" + size.to_bytes(11, "big")  # noqa: PLR2004 - the field's width
