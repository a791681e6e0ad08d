"""What an artifact store asks of the place where its bytes are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from metaflow.errors.storage import ArtifactCorrupt
from metaflow.model.artifact import Part


class BlobStore(Protocol):
    """Large parts, each by itself and named by its digest."""

    def find(self, digest: str, size: int) -> Part | None:
        """Return the blob with this digest and uncompressed size if it is known to be stored."""
        ...

    def write(
        self, digest: str, size: int, codec: int, content: Iterable[bytes | memoryview]
    ) -> Part:
        """Store a blob; `content` is what it shall hold, already compressed."""
        ...


class PartSource(Protocol):
    """Reads parts.

    Every method raises `ArtifactMissing` and `ArtifactCorrupt`, and other errors of storage.
    """

    def content(self, part: Part) -> bytes:
        """Read a part whole, and check it."""
        ...

    def contents(self, parts: Sequence[Part]) -> Iterator[bytes]:
        """Read several parts in order, and check them; few of them are in memory at a time."""
        ...

    def buffers(self, parts: Sequence[Part]) -> list[bytearray | memoryview]:
        """Give the bytes of parts in writable memory of their own."""
        ...

    def range(self, part: Part, start: int, length: int) -> bytes:
        """Read a range of a part as it is stored."""
        ...

    def corrupt(self, part: Part, reason: str) -> ArtifactCorrupt:
        """Make the error that says what is wrong with a part."""
        ...

    def close(self) -> None:
        """Close what is held open; a later read opens it again."""
        ...
