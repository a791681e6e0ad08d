"""One stream of one attempt, read line by line; of its bytes one piece is in memory at a time."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from metaflow.metadata_store.facts import OLDER_FILE
from metaflow.metadata_store.sqlite import logs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from metaflow.client.log_pieces import LogPieces
    from metaflow.client.view import RunView


class LogStream:
    """One stream of one attempt, read on from where the last reading has ended.

    Parameters
    ----------
    pieces : LogPieces
        Its bytes.
    stored_id : int or str
        Id of the task, as stored.
    begins_at : float
        Nothing of it is older.
    """

    __slots__ = (
        "_ats",
        "_begins_at",
        "_begun",
        "_begun_at",
        "_is_rest",
        "_last",
        "_lengths",
        "_next",
        "_pieces",
        "_starts",
        "_stored_id",
        "is_loaded",
        "is_over",
        "pathspec",
    )

    def __init__(self, pieces: LogPieces, stored_id: int | str, begins_at: float) -> None:
        self._pieces: Final = pieces
        self._stored_id: Final = stored_id
        self._begins_at: Final = begins_at
        self.pathspec: str = f"{pieces.run.pathspec}/{pieces.step}/{pieces.task_id}"
        self.is_loaded: bool = False
        self.is_over: bool = True
        """Nothing will be added, so that a line without an end is one."""
        self._starts, self._lengths, self._ats = array("q"), array("q"), array("d")
        self._last = logs.BEFORE_ALL
        self._next = 0
        self._begun: list[bytes] = []
        self._begun_at = 0.0
        self._is_rest = False
        """What comes next is the rest of a line that is too old."""

    @property
    def key(self) -> tuple[str, int, str]:
        """Task, attempt and stream."""
        return self.pathspec, self._pieces.attempt, self._pieces.stream

    @property
    def attempt(self) -> int:
        """Number of the attempt."""
        return self._pieces.attempt

    @property
    def name(self) -> str:
        """`stdout` or `stderr`."""
        return self._pieces.stream

    @property
    def run(self) -> RunView:
        """The run that has it in its log."""
        return self._pieces.run

    @property
    def control_id(self) -> str | None:
        """The task in whose log this one's output is as well, if it is the member of a gang."""
        task_id = self._pieces.task_id
        if task_id.isdecimal() or not self._pieces.is_of_gang():
            return None
        return task_id.rpartition("_node_" if "_node_" in task_id else "-")[0]

    @property
    def begins_at(self) -> float:
        """Nothing that was not read yet is older."""
        if self._begun:
            return self._begun_at
        return self._ats[self._next] if self._next < len(self._ats) else self._begins_at

    @property
    def task_id(self) -> str:
        """Id of the task that has printed it."""
        return self._pieces.task_id

    @property
    def wanted(self) -> tuple[int | str, int, str, int]:
        """What the index is asked for: the stream, and from where on."""
        return self._stored_id, self._pieces.attempt, self._pieces.stream, self._last

    @property
    def has_news(self) -> bool:
        """Whether something was added since it was read."""
        return self._next < len(self._starts) or (self.is_over and bool(self._begun))

    def add(self, start: int, length: int, at: float) -> None:
        """Add an entry of the index."""
        self._last = start
        self._starts.append(start)
        self._lengths.append(length)
        self._ats.append(at)

    def starts(self) -> Iterable[int]:
        """Return where its pieces lie."""
        return self._starts

    def leave_out(self, starts: set[int]) -> None:
        """Forget unread pieces that lie there, and the ends that lines of others were given."""
        first, last = self._next, self._last
        entries = list(
            zip(self._starts[first:], self._lengths[first:], self._ats[first:], strict=True)
        )
        del self._starts[first:], self._lengths[first:], self._ats[first:]
        was_left_out = False
        for start, length, at in entries:
            is_anothers = start in starts
            if not is_anothers and not (was_left_out and length == 1):
                self.add(start, length, at)
            was_left_out = is_anothers
        self._last = last

    def sizes(self) -> Iterator[tuple[float, int]]:
        """Go through time and length of its pieces."""
        for start, length, at in zip(self._starts, self._lengths, self._ats, strict=True):
            # How much older files have is not known.
            yield at, 1 << 60 if start == OLDER_FILE else length

    def rewind(self) -> None:
        """Begin again."""
        self._next = 0
        self._begun = []
        self._is_rest = False

    def lines(self, since: float, until: float) -> Iterator[tuple[float, bytes]]:
        """Go through the lines that were not read yet and began to appear between two times."""
        self._skip_to(since)
        while self._next < len(self._starts):
            place = self._next
            if self._ats[place] > until and not self._begun:
                break
            self._next += 1
            read = self._pieces.read(self._starts[place], self._lengths[place], self._ats[place])
            for at, data in read:
                *full, rest = data.split(b"\n")
                for line in full:
                    begun_at = self._begun_at if self._begun else at
                    if not self._is_rest and since <= begun_at <= until:
                        yield begun_at, b"".join([*self._begun, line])
                    self._begun = []
                    self._is_rest = False
                if rest and not self._is_rest:
                    if not self._begun:
                        self._begun_at = at
                    self._begun.append(rest)
        if self.is_over and self._begun:
            line, self._begun = b"".join(self._begun), []
            if since <= self._begun_at <= until:
                yield self._begun_at, line

    def _skip_to(self, since: float) -> None:
        """Skip what is too old."""
        if self._next or self._begun or not self._starts or self._starts[0] == OLDER_FILE:
            return
        self._next = bisect_left(self._ats, since)
        if self._next:
            before = self._next - 1
            ends = self._pieces.ends_line(self._starts[before], self._lengths[before])
            self._is_rest = not ends
