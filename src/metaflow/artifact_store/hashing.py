"""How content is addressed: BLAKE3 of the uncompressed bytes, in hexadecimal, and names of it."""

from __future__ import annotations

import os
from typing import Final

from blake3 import blake3

from metaflow.model.artifact import LZ4, RAW, ZSTD

BLOBS: Final = "blobs"
"""Begins the names of blobs."""

ENDINGS: Final = {RAW: "", LZ4: ".lz4", ZSTD: ".zst"}
"""How the name of a blob tells the codec."""

PARALLEL_FROM: Final = 4 << 20
"""Below this many bytes, starting threads costs more than they save."""


def digest_of(data: bytes | bytearray | memoryview) -> str:
    """Return the digest of some bytes.

    Large inputs are hashed by all cores that this process may use. The threads belong to
    this one call: a pool shared by the process would not survive a fork, and the next hash
    in the child would wait for it forever.
    """
    if len(data) < PARALLEL_FROM:
        return blake3(data).hexdigest()
    return blake3(data, max_threads=_cores()).hexdigest()


def new_hasher(size: int) -> blake3:
    """Make a hasher that is fed piece by piece, for so many bytes in all."""
    return blake3() if size < PARALLEL_FROM else blake3(max_threads=_cores())


def digest_of_parts(encoding: str, digests: list[str]) -> str:
    """Return the address of a value whose bytes lie in several parts."""
    return blake3("\n".join([encoding, *digests]).encode()).hexdigest()


def blob_name(digest: str, codec: int) -> str:
    """Name of a blob, relative to the root: of its file, or of its object."""
    return f"{BLOBS}/{digest[:2]}/{digest}{ENDINGS[codec]}"


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
