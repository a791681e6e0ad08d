"""What a task has printed: its pieces in the run's log file, joined and dated again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from metaflow.client.log_pieces import ERASED, LogPieces, check_stream, mark
from metaflow.client.run_log import log_of
from metaflow.metadata_store.facts import OLDER_FILE, LogChunk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow.client.task_view import TaskView


class LogView:
    """One stream of one attempt of a task; a clone shows the output of its original.

    Parameters
    ----------
    view : TaskView
        The task; its selected attempt, or else the latest one.
    stream : str
        `stdout` or `stderr`.
    """

    __slots__ = ("_chunks", "_log", "_stream", "_view")

    def __init__(self, view: TaskView, stream: str) -> None:
        check_stream(stream)
        source: TaskView | None = view
        chunks: list[LogChunk] = []
        while source is not None and not chunks:
            view = source
            chunks = _chunks(view)
            source = view.origin()
        self._chunks: Final = [chunk for chunk in chunks if chunk.stream == stream]
        self._log: Final = log_of(view.run)
        self._stream: Final = stream
        self._view: Final = view

    @property
    def size(self) -> int:
        """Length in bytes."""
        return sum(chunk.length for chunk in self._chunks)

    @property
    def _attempt(self) -> int:
        return self._view.attempts()[-1].number

    def read(self) -> bytes:
        """Return all of it."""
        return b"".join(data for _, data in self._pieces())

    def lines(self) -> Iterator[tuple[datetime, bytes]]:
        """Go through the lines, each with the naive UTC time at which it began to appear."""
        begun: list[bytes] = []
        since = 0.0
        for at, data in self._pieces():
            *full, rest = data.split(b"\n")
            for line in full:
                yield _utc(since if begun else at), b"".join([*begun, line])
                begun = []
            if rest:
                since = since if begun else at
                begun.append(rest)
        if begun:
            yield _utc(since), b"".join(begun)

    def erase(self) -> bool:
        """Erase what was printed and leave a mark in its place; a clone's original loses it too.

        Returns
        -------
        bool
            False if there was nothing to erase.
        """
        chunks = [chunk for chunk in self._chunks if chunk.offset != ERASED]
        if not chunks:
            return False
        # The bytes go first: whatever happens next, they are gone.
        for chunk in chunks:
            if chunk.offset == OLDER_FILE:
                from metaflow.older_history.logs import erase_older

                erase_older(*self._of_attempt.older_place())
            else:
                self._log.erase(chunk.offset, chunk.length)
        left = LogChunk(self._stream, ERASED, len(mark(self._stream)), chunks[0].at)
        view = self._view
        attempt = self._attempt
        view.run.catalog.replace_log(view.run.facts.key, view.task_id, attempt, left)
        return True

    def _pieces(self) -> Iterator[tuple[float, bytes]]:
        pieces = self._of_attempt
        for chunk in self._chunks:
            yield from pieces.read(chunk.offset, chunk.length, chunk.at)

    @property
    def _of_attempt(self) -> LogPieces:
        facts = self._view.facts
        return LogPieces(
            self._view.run,
            self._log,
            facts.step,
            self._view.task_id,
            facts.frames,
            self._attempt if self._chunks else 0,
            self._stream,
        )


def _chunks(view: TaskView) -> list[LogChunk]:
    attempts = view.attempts()
    if not attempts:
        return []
    return view.run.catalog.log_chunks(view.run.facts.key, view.task_id, attempts[-1].number)


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
