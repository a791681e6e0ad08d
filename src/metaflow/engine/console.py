"""What a run writes on the console: plain, time-stamped lines, in batches."""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Protocol


class LiveLine(Protocol):
    """A status line that stays below the log lines of a terminal."""

    def erase(self) -> bytes:
        """Bytes that take the line off the screen."""
        ...

    def draw(self) -> bytes:
        """Bytes that put the line on the screen again."""
        ...


class Console:
    """Collects lines and writes them when the facts behind them are safe.

    Parameters
    ----------
    run_id : str
        Shown in front of every task's lines.
    color : bool
        Whether the reader is a terminal that shows colours.
    """

    def __init__(self, run_id: str, *, color: bool) -> None:
        self.run_id = run_id
        self.live: LiveLine | None = None
        self._color = color
        self._chunks: list[bytes] = []
        self._second = 0
        self._clock = ""
        self._open = True

    def stamp(self) -> str:
        """Return the local time as it stands in front of lines."""
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second = second
            self._clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
        stamp = f"{self._clock}.{int((now - second) * 1000):03d}"
        return f"\x1b[35m{stamp}\x1b[0m" if self._color else stamp

    def say(self, text: str, *, bad: bool = False) -> None:
        """Write a line about the run as a whole."""
        shown = f"\x1b[{31 if bad else 32}m{text}\x1b[0m" if self._color else text
        self._chunks.append(f"{self.stamp()} {shown}\n".encode())

    def say_of(self, task: str, text: str) -> None:
        """Write a line about a task; `task` is its place as `task_label` makes it."""
        self._chunks.append(f"{self.stamp()} {self._label(task)} {text}\n".encode())

    def task_label(self, step: str, task_id: str, pid: int) -> str:
        """Make the place that stands in front of a task's lines."""
        return f"[{self.run_id}/{step}/{task_id} (pid {pid})]"

    def relay(self, task: str, lines: bytes) -> None:
        """Pass whole lines of a task's output on; `lines` ends with a newline."""
        prefix = f"{self.stamp()} {self._label(task)} ".encode()
        body = lines[:-1].replace(b"\n", b"\n" + prefix)
        self._chunks += (prefix, body, b"\n")

    @property
    def is_empty(self) -> bool:
        """Nothing waits to be written."""
        return not self._chunks

    def drop(self) -> None:
        """Forget what has been collected: the facts behind it were not recorded."""
        self._chunks.clear()

    def end_live(self) -> None:
        """Take the status line away for good."""
        if self.live is not None:
            self._chunks.insert(0, self.live.erase())
            self.live = None

    def flush(self) -> None:
        """Write what has been collected; a reader that is gone or full is no failure of the run."""
        data = b"".join(self._chunks)
        self._chunks.clear()
        if not self._open or not (data or self.live):
            return
        if self.live is not None:
            data = self.live.erase() + data + self.live.draw()
        try:
            _write(sys.stdout, data)
        except (OSError, ValueError):
            self._open = False

    def _label(self, task: str) -> str:
        return f"\x1b[34m{task}\x1b[0m" if self._color else task


def shows_colors(stream: Any) -> bool:
    """Tell whether a stream is a terminal whose user wants colours."""
    try:
        return bool(stream.isatty()) and not os.environ.get("NO_COLOR")
    except ValueError:  # a closed stream
        return False


def _write(stream: Any, data: bytes) -> None:
    stream.flush()
    binary = getattr(stream, "buffer", None)
    if binary is None:  # a text stream that somebody put in place of the real one
        stream.write(data.decode(errors="replace"))
        stream.flush()
        return
    binary.write(data)
    binary.flush()
