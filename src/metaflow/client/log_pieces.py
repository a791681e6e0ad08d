"""What lies behind the index of a log: the bytes of one stream of one attempt, piece by piece."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from metaflow.artifact_store.opening import is_remote
from metaflow.metadata_store.facts import OLDER_FILE
from metaflow.model.records import ARTIFACT_ROOT
from metaflow.model.task import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow.client.run_log import RunLog
    from metaflow.client.view import RunView

STREAMS: Final = ("stdout", "stderr")
ERASED: Final = -1
"""Offset of a piece that lies nowhere, because it was erased."""

AT_ONCE: Final = 1 << 20
"""So much of a long piece is in memory at a time."""


def check_stream(stream: str) -> None:
    """Refuse what is no stream."""
    if stream not in STREAMS:
        raise ValueError(f"There is no stream `{stream}`: it is `stdout` or `stderr`.")


def mark(stream: str) -> bytes:
    """Word what stands where output was erased."""
    return f"[REDACTED task {stream}]\n".encode()


class LogPieces:
    """Reads what one attempt has printed to one stream.

    Parameters
    ----------
    run : RunView
        The run that has it in its log.
    log : RunLog
        The log.
    step, task_id : str
        The task.
    frames : str
        The open splits around it, as JSON.
    attempt : int
        The attempt.
    stream : str
        `stdout` or `stderr`.
    """

    __slots__ = ("_frames", "_log", "attempt", "run", "step", "stream", "task_id")

    def __init__(
        self,
        run: RunView,
        log: RunLog,
        step: str,
        task_id: str,
        frames: str,
        attempt: int,
        stream: str,
    ) -> None:
        self.run: Final = run
        self.step: Final = step
        self.task_id: Final = task_id
        self.attempt: Final = attempt
        self.stream: Final = stream
        self._frames: Final = frames
        self._log: Final = log

    def read(self, offset: int, length: int, at: float) -> Iterator[tuple[float, bytes]]:
        """Go through a piece that the index tells of.

        Parameters
        ----------
        offset, length : int
            Where it lies, in bytes.
        at : float
            When it was printed, in seconds since the epoch.

        Yields
        ------
        tuple of float and bytes
            When some of it was printed, and that.
        """
        if offset == OLDER_FILE:
            from metaflow.older_history.logs import older_lines

            yield from older_lines(*self.older_place())
        elif offset == ERASED:
            yield at, mark(self.stream)
        elif self.is_of_gang():
            # Read whole, because what was erased of it is marked only once.
            yield at, self._marked(self._log.read(offset, length))
        else:
            for begin in range(offset, offset + length, AT_ONCE):
                yield at, self._log.read(begin, min(AT_ONCE, offset + length - begin))

    def ends_line(self, offset: int, length: int) -> bool:
        """Say whether a piece ends with a line's end, so that the next one begins a line."""
        return offset < 0 or not length or self._log.read(offset + length - 1, 1) in {b"\n", b"\0"}

    def older_place(self) -> tuple[str, int, str]:
        """Say where an older version has put the output: folder, attempt, stream."""
        run = self.run
        found = run.catalog.older_state(run.facts.key)
        root = run.metadata.get(ARTIFACT_ROOT, "")
        if not is_remote(root):
            root = (found[1] if found is not None else "") or run.scope.backing.root
        return f"{root}/{run.pathspec}/{self.step}/{self.task_id}", self.attempt, self.stream

    def is_of_gang(self) -> bool:
        """Say whether the task is one of a gang, whose members share a log."""
        if self._frames == "[]":
            return False
        frames = json.loads(self._frames)
        return bool(frames) and Frame.from_json(frames[-1]).is_gang

    def _marked(self, data: bytes) -> bytes:
        """Put marks where bytes were erased as output of another task of the same gang."""
        if b"\0" not in data:
            return data
        import re

        return re.sub(rb"\0+", mark(self.stream), data)
