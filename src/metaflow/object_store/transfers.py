"""Parts of large objects, pages of listings: what one request of many carries."""

# No postponed annotations here: a NamedTuple would compile each of them at import.
from collections import deque
from collections.abc import Iterable, Iterator
from threading import Condition
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


class Channel:
    """Pieces on their way from the thread that makes them to the one that sends them.

    The library asks for pieces in the midst of its own work, where nothing may be called that
    uses the library as well. So the source of the pieces runs in the thread of whoever
    writes, and the library only takes them from here.
    """

    __slots__ = ("_changed", "_has_left", "_is_over", "_pieces", "_room", "failure")

    def __init__(self, room: int) -> None:
        self._changed = Condition()
        self._pieces: deque[memoryview] = deque()
        self._room = room
        self._is_over = False
        self._has_left = False
        self.failure: BaseException | None = None
        """What the source has raised."""

    def fill(self, pieces: Iterable[bytes | bytearray | memoryview]) -> int:
        """Pass pieces on, none larger than a part, and return how many bytes they had."""
        total = 0
        try:
            for piece in pieces:
                view = memoryview(piece).cast("B")
                total += len(view)
                for start in range(0, len(view), PART):
                    if not self._send(view[start : start + PART]):
                        return total
        except BaseException as error:
            self.failure = error
            raise
        finally:
            with self._changed:
                self._is_over = True
                self._changed.notify_all()
        return total

    def leave(self) -> None:
        """Take no more pieces."""
        with self._changed:
            self._has_left = True
            self._pieces.clear()
            self._changed.notify_all()

    def _send(self, view: memoryview) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._has_left or len(self._pieces) < self._room)
            self._pieces.append(view)
            self._changed.notify_all()
            return not self._has_left

    def __iter__(self) -> "Channel":
        return self

    def __next__(self) -> memoryview:
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or self._pieces)
            if self.failure is not None:
                raise SourceFailed
            if not self._pieces:
                raise StopIteration
            piece = self._pieces.popleft()
            self._changed.notify_all()
            return piece


class SourceFailed(Exception):
    """Where pieces come from has failed, so what was sent is to be taken back."""
