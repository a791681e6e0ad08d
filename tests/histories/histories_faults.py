"""What goes wrong in a process: it dies at one instant, has no room, or its clock is set."""

from __future__ import annotations

import errno
import os
import resource
import signal
import sqlite3
import time
from random import Random
from typing import Any

POINTS = 90
"""About so many instants an actor passes at which something can be made to go wrong."""


def inject(rng: Random) -> str:
    """Let one thing go wrong with this process, now and then nothing; say what."""
    kind = rng.choices(
        ("nothing", "point", "timer", "no room once", "no room"), (25, 35, 25, 8, 7)
    )[0]
    if kind == "timer":
        # Whatever it is doing then: the default action of this signal ends the process.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, rng.uniform(0.0005, 0.06))
    elif kind == "no room":
        resource.setrlimit(resource.RLIMIT_FSIZE, (rng.randrange(1 << 12, 1 << 18),) * 2)
    elif kind != "nothing":
        _Points(rng, rng.randrange(POINTS), dies=kind == "point").install()
    return kind


class _Points:
    """Counts system calls and commits, and strikes at one of them: before, within or after."""

    def __init__(self, rng: Random, at: int, *, dies: bool) -> None:
        self._rng, self._left, self._dies = rng, at, dies
        self._real = {name: getattr(os, name) for name in ("open", "write", "rename", "close")}

    def install(self) -> None:
        for name in ("open", "rename", "close"):
            setattr(os, name, self._struck(self._real[name]))
        os.write = self._write
        points = self

        class Connection(sqlite3.Connection):
            def execute(self, query: str, *values: Any) -> sqlite3.Cursor:
                if query not in {"COMMIT", "BEGIN IMMEDIATE"}:
                    return super().execute(query, *values)
                return points._struck(super().execute)(query, *values)

        real = sqlite3.connect
        sqlite3.connect = lambda *rest, **more: real(*rest, factory=Connection, **more)

    def _strikes(self) -> bool:
        self._left -= 1
        return self._left == 0

    def _struck(self, real: Any) -> Any:
        def call(*rest: Any, **more: Any) -> Any:
            if self._dies and self._strikes():
                die()
            result = real(*rest, **more)
            if self._dies and self._strikes():
                die()
            return result

        return call

    def _write(self, fd: int, data: Any) -> int:
        if not self._strikes():
            return self._real["write"](fd, data)
        part = self._real["write"](fd, memoryview(data)[: self._rng.randrange(len(data) + 1)])
        if self._dies:
            die()
        if part and self._rng.random() < 0.5:
            return part
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def die() -> None:
    """End this process at once."""
    os.kill(os.getpid(), signal.SIGKILL)


class SteppedClock:
    """The clock on the wall, which somebody sets; `time.time` reads it."""

    def __init__(self) -> None:
        self._real = time.time
        self._ahead = 0.0
        time.time = self.read

    def read(self) -> float:
        return self._real() + self._ahead

    def step(self, rng: Random) -> None:
        """Set it forward or back, by milliseconds or by years."""
        self._ahead = rng.choice((-1, 1)) * 10 ** rng.uniform(-3, 8)
