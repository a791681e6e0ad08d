"""What refers to stored bytes: parts, artifacts, and the manifest of an attempt.

All three are tuples of plain data, so that they travel as JSON arrays between processes
and rest as JSON in the metadata store.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self, TypeAlias

RAW, LZ4, ZSTD = 0, 1, 2
"""Codecs of a stored part: as it is, an LZ4 block, a Zstandard frame."""


OLDER = "gzip+"
"""Begins the encodings of what older versions have stored, under digests of another kind."""


class Part(NamedTuple):
    """One stored run of bytes.

    A part either lies in a pack (`pack` is the pack's name, relative to the store's root,
    and `offset` is where it begins) or, when `pack` is empty, in a file of its own named
    by its digest.
    """

    digest: str
    """BLAKE3 of the uncompressed bytes, 64 hexadecimal digits."""
    size: int
    """Length of the uncompressed bytes."""
    codec: int
    stored: int
    """Length of the bytes as stored."""
    pack: str = ""
    offset: int = 0


class ArtifactRef(NamedTuple):
    """A named value as stored: how it was encoded and the parts that hold it.

    The first `stream` parts, joined, are the serialized object; the rest are its
    out-of-band buffers in order.
    """

    digest: str
    """Content address of the whole value; equal values stored alike have equal digests.
    For a single part it is that part's digest, else BLAKE3 of the encoding and the parts'
    digests."""
    type: str
    """Qualified name of the value's type, such as `builtins.int`."""
    size: int
    """Bytes of the serialized object, uncompressed, all parts together."""
    encoding: str
    stream: int
    parts: tuple[Part, ...]
    about: dict[str, Any] | None = None
    """What is told of the value without loading it, such as its `shape`; no reference had
    this in the first version."""

    @classmethod
    def from_json(cls, value: list[Any]) -> Self:
        """Rebuild a reference from the array that JSON made of it."""
        digest, type_, size, encoding, stream, parts, *about = value
        # Nearly all artifacts have one part, and a step may read thousands of them.
        made = (Part(*parts[0]),) if len(parts) == 1 else tuple(Part(*part) for part in parts)
        return cls(digest, type_, size, encoding, stream, made, *about)


class ItemsRef(NamedTuple):
    """The items of a foreach, each serialized alone, so that a task reads just its own.

    `part` is stored raw: a table of `count + 1` entries, then the items one after another. An
    entry is a little-endian unsigned 64-bit number, which says where an item ends, counted
    from the end of the table, and the first eight bytes of the item's digest. The first is zero.
    The highest bit of the number is set if the item is JSON; others are pickles.
    """

    count: int  # type: ignore[assignment]  # the word is worth more than tuple's method
    part: Part
    with_digests: int = 0
    """1 if the table has digests; that of older stores has not."""

    @classmethod
    def from_json(cls, value: list[Any]) -> Self:
        """Rebuild a reference from the array that JSON made of it."""
        return cls(value[0], Part(*value[1]), *value[2:])


Unread: TypeAlias = ArtifactRef | list[Any]
"""A reference, or the array that JSON made of it; most are passed on and never looked at."""

Manifest: TypeAlias = Mapping[str, ArtifactRef]
"""All artifacts of one attempt, by name."""


def read_ref(ref: Unread) -> ArtifactRef:
    """Rebuild a reference unless that has been done."""
    return ref if isinstance(ref, ArtifactRef) else ArtifactRef.from_json(ref)


def manifest_from_json(value: Mapping[str, list[Any]]) -> dict[str, ArtifactRef]:
    """Rebuild a manifest from the object that JSON made of it."""
    return {name: ArtifactRef.from_json(ref) for name, ref in value.items()}
