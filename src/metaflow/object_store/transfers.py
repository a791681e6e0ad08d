"""Parts of large objects, pages of listings: what one request of many carries."""

# No postponed annotations here: a NamedTuple would compile each of them at import.
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

PART: Final = 16 << 20
"""Bytes of one request of a large transfer; an object has at most 10,000 such parts."""
PAGE: Final = 1000
"""Objects that a server lists at a time."""


class Part(NamedTuple):
    """Bytes of an object, and what the server has said about the whole."""

    content: Any
    size: int
    """Of the object."""
    tag: str | None
    """Another one means another object."""


NOTHING: Final = Part(b"", 0, None)
"""The object ends before the part begins."""


class Pages:
    """The pages of a listing; after a failure, it goes on behind what has arrived."""

    __slots__ = ("_last", "_prefix", "_stream")

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix or None
        self._last: str | None = None
        self._stream: Iterator[list[Any]] | None = None

    def next(self, here: Any) -> list[Any]:
        """Fetch the next page; an empty one is the end."""
        stream = self._stream
        self._stream = None
        if stream is None:
            stream = iter(
                here.library.list(here.client, self._prefix, offset=self._last, chunk_size=PAGE)
            )
        page: list[Any] = next(stream, [])
        if page:
            self._last = page[-1]["path"]
            self._stream = stream
        return page


class Counted:
    """The pieces of an upload, none larger than a part, and what became of them."""

    __slots__ = ("_pieces", "failure", "total")

    def __init__(self, pieces: Iterable[bytes | bytearray | memoryview]) -> None:
        self._pieces = self._cut(pieces)
        self.total = 0
        self.failure: BaseException | None = None
        """What their source has raised."""

    def __iter__(self) -> "Counted":
        return self

    def __next__(self) -> memoryview:
        try:
            return next(self._pieces)
        except StopIteration:
            raise
        except BaseException as error:
            self.failure = error
            raise

    def _cut(self, pieces: Iterable[bytes | bytearray | memoryview]) -> Iterator[memoryview]:
        for piece in pieces:
            view = memoryview(piece).cast("B")
            self.total += len(view)
            for start in range(0, len(view), PART):
                yield view[start : start + PART]
