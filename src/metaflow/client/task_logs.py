"""What a task has printed: its pieces in the run's log file, joined and dated again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from metaflow.artifact_store.opening import is_remote
from metaflow.client.run_log import log_of
from metaflow.metadata_store.facts import OLDER_FILE, LogChunk
from metaflow.model.records import ARTIFACT_ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow.client.task_view import TaskView

STREAMS: Final = ("stdout", "stderr")
ERASED: Final = -1
"""Offset of a piece that lies nowhere, because it was erased."""


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
        if stream not in STREAMS:
            raise ValueError(f"There is no stream `{stream}`: it is `stdout` or `stderr`.")
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

                erase_older(*self._older_place())
            else:
                self._log.erase(chunk.offset, chunk.length)
        mark = LogChunk(self._stream, ERASED, len(_mark(self._stream)), chunks[0].at)
        view = self._view
        attempt = self._attempt
        view.run.catalog.replace_log(view.run.facts.key, view.task_id, attempt, mark)
        return True

    def _older_place(self) -> tuple[str, int, str]:
        """Say where an older version has put the output: folder, attempt, stream."""
        run = self._view.run
        found = run.catalog.older_state(run.facts.key)
        root = run.metadata.get(ARTIFACT_ROOT, "")
        if not is_remote(root):
            root = (found[1] if found is not None else "") or run.scope.backing.root
        return f"{root}/{'/'.join(self._view.path_components)}", self._attempt, self._stream

    def _pieces(self) -> Iterator[tuple[float, bytes]]:
        for chunk in self._chunks:
            if chunk.offset == OLDER_FILE:
                from metaflow.older_history.logs import older_lines

                yield from older_lines(*self._older_place())
            elif chunk.offset == ERASED:
                yield chunk.at, _mark(chunk.stream)
            else:
                data = self._log.read(chunk.offset, chunk.length)
                yield chunk.at, _marked(self._view, chunk.stream, data) if b"\0" in data else data


def _chunks(view: TaskView) -> list[LogChunk]:
    attempts = view.attempts()
    if not attempts:
        return []
    return view.run.catalog.log_chunks(view.run.facts.key, view.task_id, attempts[-1].number)


def _marked(view: TaskView, stream: str, data: bytes) -> bytes:
    """Put marks where bytes were erased as output of another task of the same gang."""
    if not any(frame.is_gang for frame in view.frames()[-1:]):
        return data
    import re

    return re.sub(rb"\0+", _mark(stream), data)


def _mark(stream: str) -> bytes:
    return f"[REDACTED task {stream}]\n".encode()


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
