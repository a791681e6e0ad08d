"""When compression pays, and with which codec.

Pickled streams are compressed when that saves an eighth or so. Out-of-band buffers stay as
they are, because raw ones can be mapped into memory, unless they are nearly empty. The
compressors are imported when first needed: a task with a few small artifacts needs none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from metaflow.artifact_store.writing import SLICE
from metaflow.model.artifact import LZ4, RAW, ZSTD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SMALLEST: Final = 512
"""Shorter streams are not worth the call."""

ZSTD_FROM: Final = 1 << 20
"""From here on Zstandard's better ratio is worth importing it."""

_SAMPLED_FROM: Final = 64 << 10
_SAMPLES: Final = 16
_SAMPLE_BYTES: Final = 4 << 10
_STREAM_RATIO: Final = 0.88
_BUFFER_RATIO: Final = 1 / 8


def compress_stream(data: bytes | memoryview) -> tuple[int, bytes | memoryview]:
    """Return the codec and the bytes to store for a piece of a pickled stream."""
    size = len(data)
    if size < SMALLEST or (
        size >= _SAMPLED_FROM and _sampled_ratio(data, zstd=size >= ZSTD_FROM) > _STREAM_RATIO
    ):
        return RAW, data
    codec = ZSTD if size >= ZSTD_FROM else LZ4
    packed = _zstd_compressor()(data) if codec == ZSTD else _lz4(data)
    return (codec, packed) if len(packed) <= size * _STREAM_RATIO else (RAW, data)


def buffer_codec(data: memoryview) -> int:
    """Choose how to store an out-of-band buffer, from a few samples of it."""
    if _sampled_ratio(data, zstd=False) > _BUFFER_RATIO:
        return RAW
    return ZSTD if len(data) >= ZSTD_FROM else LZ4


def compress(data: memoryview, codec: int) -> bytes:
    """Compress some bytes that fit into memory twice."""
    return _lz4(data) if codec == LZ4 else _zstd_compressor()(data)


def compressed_slices(data: memoryview) -> Iterator[bytes]:
    """Compress a large buffer with Zstandard piece by piece."""
    from zstandard import ZstdCompressor

    stream = ZstdCompressor(level=1).compressobj(size=len(data))
    for start in range(0, len(data), SLICE):
        yield stream.compress(data[start : start + SLICE])
    yield stream.flush()


def decompress(data: bytes, codec: int, size: int) -> bytes:
    """Return the bytes that were compressed.

    Raises
    ------
    ValueError
        The data is damaged.
    """
    if codec == RAW:
        return data
    if codec == LZ4:
        from lz4.block import LZ4BlockError
        from lz4.block import decompress as lz4_decompress

        try:
            return bytes(lz4_decompress(data, uncompressed_size=size))
        except LZ4BlockError as error:
            raise ValueError(str(error)) from error
    from zstandard import ZstdDecompressor, ZstdError

    try:
        return ZstdDecompressor().decompress(data, max_output_size=size)
    except ZstdError as error:
        raise ValueError(str(error)) from error


def decompress_file(fd: int, size: int) -> bytearray:
    """Decompress a Zstandard file into writable memory without holding both at once.

    Raises
    ------
    ValueError
        The data is damaged.
    """
    with open(fd, "rb", closefd=False) as file:
        return decompress_stream(file, size)


def decompress_stream(file: Any, size: int) -> bytearray:
    """Decompress what can be read from a file, or from something that has its `read`.

    Raises
    ------
    ValueError
        The data is damaged.
    """
    from zstandard import ZstdDecompressor, ZstdError

    content = bytearray(size)
    with memoryview(content) as view:
        stream = ZstdDecompressor().stream_reader(file)
        position = 0
        try:
            while position < size and (count := stream.readinto(view[position:])):
                position += count
        except ZstdError as error:
            raise ValueError(str(error)) from error
        if position < size:
            raise ValueError("the file is too short")
    return content


def _sampled_ratio(data: bytes | memoryview, *, zstd: bool) -> float:
    """Compress evenly spread samples and return the part of the size that is left."""
    pack = _zstd_compressor() if zstd else _lz4
    size = len(data)
    length = min(_SAMPLE_BYTES, size)
    step = max((size - length) // (_SAMPLES - 1), length)
    view = memoryview(data)
    before = after = 0
    for start in range(0, size - length + 1, step):
        before += length
        after += len(pack(view[start : start + length]))
    return after / before


def _lz4(data: bytes | memoryview) -> bytes:
    from lz4.block import compress as lz4_compress

    return bytes(lz4_compress(data, store_size=False))


def _zstd_compressor() -> Callable[[bytes | memoryview], bytes]:
    from zstandard import ZstdCompressor

    return ZstdCompressor(level=1).compress
