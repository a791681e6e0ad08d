"""What becomes of a task's output: whole lines to the console, all of it to the run's log."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Protocol

from metaflow.engine.console import Console
from metaflow.model.records import LogWritten

CHUNK = 1 << 20
PIPE_SIZE = 1 << 16
"""What a pipe holds by default."""
HALF_A_PIPE = PIPE_SIZE // 2
"""A reader that finds as much is slower than the writer, who may have to wait for it."""
LONGEST_LINE = 1 << 16
"""A line that is longer comes in pieces on the console; the log keeps it whole."""
MARKER = b"[TRUNCATED - MAXIMUM LOG FILE SIZE REACHED]\n"
MERGE_WITHIN_S = 0.05
"""Output that follows this closely is one entry of the log's index, with one time."""
STREAMS = ("stdout", "stderr")


class Log(Protocol):
    """The run's log file."""

    def append(self, data: bytes) -> int:
        """Append bytes and return the offset where they begin."""
        ...

    def settle(self) -> None:
        """Make what was appended as durable as the settings ask for."""
        ...

    def close(self) -> None:
        """Release the file."""
        ...


class LogBook:
    """Writes the output of all tasks to the run's log and keeps its index.

    Parameters
    ----------
    open_log : callable
        Opens the log when there is something to keep.
    limit : int
        Bytes to keep of each stream of an attempt.
    """

    def __init__(self, open_log: Callable[[], Log], limit: int) -> None:
        self._open_log = open_log
        self._log: Log | None = None
        self._limit = limit
        self._stored: dict[tuple[str, int, str], int] = {}
        self._unended: dict[tuple[str, int, str], str] = {}
        """Streams of control tasks whose last line has no end yet, and whose line it is."""
        self._entries: list[LogWritten] = []

    def write(
        self,
        task_id: str,
        attempt: int,
        stream: str,
        data: bytes,
        now: float,
        control_id: str | None = None,
    ) -> None:
        """Keep output of an attempt, up to the limit, and say where it was cut.

        That of a gang's member belongs to the log of the control task as well.
        """
        key = (task_id, attempt, stream)
        stored = self._stored.get(key, 0)
        if stored > self._limit:
            return
        room = self._limit - stored
        self._stored[key] = stored + len(data)
        if len(data) > room:
            kept = data[:room]
            data = kept + (b"" if kept.endswith(b"\n") or not kept else b"\n") + MARKER
        if control_id is not None:
            self._end_line_of_others(task_id, (control_id, attempt, stream), data, now)
        offset = self._append(data)
        owners = 1 if control_id in {None, task_id} else 2
        last = self._entries[-owners] if len(self._entries) >= owners else None
        if (
            last is not None
            and (last.task_id, last.attempt, last.stream) == key
            and last.offset + last.length == offset
            and now - last.at < MERGE_WITHIN_S
        ):
            longer = last.length + len(data)
            for place in range(-owners, 0):
                self._entries[place] = self._entries[place]._replace(length=longer)
        else:
            entry = LogWritten(*key, now, offset, len(data))
            self._entries.append(entry)
            if control_id is not None and owners > 1:
                self._entries.append(entry._replace(task_id=control_id))

    def _append(self, data: bytes) -> int:
        if self._log is None:
            self._log = self._open_log()
        return self._log.append(data)

    def _end_line_of_others(
        self, task_id: str, shared: tuple[str, int, str], data: bytes, now: float
    ) -> None:
        """Let a member's output begin a line in the log that it shares with others."""
        if self._unended.get(shared, task_id) != task_id:
            self._entries.append(LogWritten(*shared, now, self._append(b"\n"), 1))
        if data.endswith(b"\n"):
            self._unended.pop(shared, None)
        else:
            self._unended[shared] = task_id

    def close(self) -> None:
        """Close the log, if it was opened."""
        if self._log is not None:
            self._log.close()

    @property
    def has_entries(self) -> bool:
        """Whether the index lacks something of the log."""
        return bool(self._entries)

    def take_entries(self) -> list[LogWritten]:
        """Return the index entries that were made since the last call."""
        entries, self._entries = self._entries, []
        if entries and self._log is not None:
            self._log.settle()
        return entries

    def forget(self, task_id: str, attempt: int) -> None:
        """Drop the accounts of an attempt that has ended."""
        for stream in STREAMS:
            self._stored.pop((task_id, attempt, stream), None)


class TaskOutput:
    """The two output pipes of one attempt.

    Parameters
    ----------
    pipes : tuple of int
        Read ends of standard output and standard error.
    control_id : str, optional
        The control task of the gang that the task is a member of. What members print is kept
        by whole lines, so that those of several can be read together.
    """

    __slots__ = ("_control_id", "_rest", "attempt", "label", "pipes", "task_id")

    def __init__(
        self,
        task_id: str,
        attempt: int,
        label: str,
        pipes: tuple[int, int],
        control_id: str | None = None,
    ) -> None:
        self._control_id = control_id
        self.task_id = task_id
        self.attempt = attempt
        self.label = label
        self.pipes: list[int | None] = list(pipes)
        self._rest = [b"", b""]
        for pipe in pipes:
            os.set_blocking(pipe, False)

    def read(self, which: int, book: LogBook, console: Console, now: float) -> bool:
        """Read once from a pipe; False when nothing is there or its end is reached."""
        pipe = self.pipes[which]
        if pipe is None:
            return False
        try:
            data = os.read(pipe, CHUNK)
        except BlockingIOError:
            return False
        if not data:
            return False
        if HALF_A_PIPE <= len(data) <= PIPE_SIZE:
            _widen(pipe)
        if self._control_id is None:
            book.write(self.task_id, self.attempt, STREAMS[which], data, now)
        for lines in self._whole_lines(which, data):
            console.relay(self.label, lines if lines.endswith(b"\n") else lines + b"\n")
            self._share(which, lines, book, now)
        return True

    def drain(self, book: LogBook, console: Console, now: float) -> None:
        """Read all that the process has written so far."""
        for which in (0, 1):
            # Other processes that hold the pipe could keep it filled for ever.
            for _ in range(64):
                if not self.read(which, book, console, now):
                    break

    def note(self, text: str, book: LogBook, console: Console, now: float) -> None:
        """Add a line of the framework's own to the attempt's standard error."""
        data = (b"\n" if self._rest[1] else b"") + text.encode() + b"\n"
        self.finish_lines(book, console, now)
        book.write(self.task_id, self.attempt, STREAMS[1], data, now, self._control_id)
        console.relay(self.label, data.lstrip(b"\n"))

    def finish_lines(self, book: LogBook, console: Console, now: float) -> None:
        """Show what was printed without a newline at its end."""
        for which, rest in enumerate(self._rest):
            if rest:
                self._rest[which] = b""
                console.relay(self.label, rest + b"\n")
                self._share(which, rest, book, now)

    def close(self) -> None:
        """Close both pipes."""
        for which, pipe in enumerate(self.pipes):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    os.close(pipe)
                self.pipes[which] = None

    def _whole_lines(self, which: int, data: bytes) -> Iterator[bytes]:
        """Give what has come to its end of what was printed, and of longer lines a piece."""
        rest = self._rest[which] + data if self._rest[which] else data
        end = rest.rfind(b"\n") + 1
        if end:
            yield rest[:end]
            rest = rest[end:]
        if len(rest) > LONGEST_LINE:
            yield rest
            rest = b""
        self._rest[which] = rest

    def _share(self, which: int, lines: bytes, book: LogBook, now: float) -> None:
        """Keep what a gang's member has printed."""
        control = self._control_id
        if control is not None:
            book.write(self.task_id, self.attempt, STREAMS[which], lines, now, control)


def _widen(pipe: int) -> None:
    """Let a pipe hold more, where the system can do that."""
    import fcntl

    set_size = getattr(fcntl, "F_SETPIPE_SZ", None)
    if set_size is not None:
        # An unprivileged user may be over the limit for all pipes together.
        with contextlib.suppress(PermissionError):
            fcntl.fcntl(pipe, set_size, CHUNK)
