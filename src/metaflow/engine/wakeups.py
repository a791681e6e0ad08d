"""Turns signals into something the loop can wait for: a pipe that becomes readable."""

from __future__ import annotations

import contextlib
import os
import signal
from types import FrameType, TracebackType
from typing import Any, Final, Self

HANDLED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)


class Wakeups:
    """While entered, the signals that matter to a run wait in a pipe instead of striking."""

    def __init__(self) -> None:
        self._pending: list[int] = []
        self._before: dict[int, Any] = {}
        self._fd_before = -1
        self._pipe = (-1, -1)

    def __enter__(self) -> Self:
        """Take over the signals."""
        self._pipe = os.pipe()
        for end in self._pipe:
            os.set_blocking(end, False)
        self._fd_before = signal.set_wakeup_fd(self._pipe[1], warn_on_full_buffer=False)
        for number in HANDLED:
            before = signal.getsignal(number)
            # A hang-up that the caller chose to ignore (nohup) stays ignored.
            if number != signal.SIGHUP or before != signal.SIG_IGN:
                self._before[number] = before
                signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the signals back."""
        signal.set_wakeup_fd(self._fd_before)
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        for end in self._pipe:
            os.close(end)

    def fileno(self) -> int:
        """Descriptor that becomes readable when a signal has come."""
        return self._pipe[0]

    def take(self) -> list[int]:
        """Numbers of the signals that came since the last call, child exits left out."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._pipe[0], 4096)
        taken, self._pending = self._pending, []
        return taken

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGCHLD:
            self._pending.append(number)
