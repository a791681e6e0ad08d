"""What the loop waits for: descriptors, and above all what running tasks print."""

from __future__ import annotations

import selectors
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from metaflow.engine.attempts import RunningAttempt
    from metaflow.engine.console import Console
    from metaflow.engine.output import LogBook


class Watch:
    """Descriptors and what to call when there is something to read.

    Parameters
    ----------
    console : Console
        Where the lines of tasks go.
    book : LogBook
        Where all of their output goes.
    """

    def __init__(self, console: Console, book: LogBook) -> None:
        self._console = console
        self._book = book
        self._selector = selectors.DefaultSelector()
        self._known: set[int] = set()
        self._resting: list[tuple[RunningAttempt, int]] = []

    def __enter__(self) -> Self:
        """Begin; nothing is to be done."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Forget everything."""
        self._selector.close()

    def wait(self, patience_s: float | None) -> None:
        """Wait until something can be read, no longer than this, and call what reads it."""
        for key, _ in self._selector.select(patience_s):
            # Not when an earlier event of this turn has closed it.
            if key.fd in self._known:
                key.data()

    def add(self, descriptor: int, hear: Callable[[], object]) -> None:
        """Call `hear` whenever there is something to read."""
        self._selector.register(descriptor, selectors.EVENT_READ, hear)
        self._known.add(descriptor)

    def drop(self, descriptor: int | None) -> None:
        """Look at a descriptor no more."""
        if descriptor in self._known and descriptor is not None:
            self._known.discard(descriptor)
            self._selector.unregister(descriptor)

    # ── attempts ─────────────────────────────────────────────────────────────────────────

    def follow(self, attempt: RunningAttempt, hear_answer: Callable[[], object]) -> None:
        """Pass on what an attempt prints, and hear its answer."""
        self.add(attempt.worker.channel, hear_answer)
        self._listen(attempt, 0)
        self._listen(attempt, 1)

    def leave(self, attempt: RunningAttempt) -> None:
        """Look at an attempt's descriptors no more."""
        for descriptor in (attempt.worker.channel, *attempt.output.pipes):
            self.drop(descriptor)

    def drain(self, attempt: RunningAttempt, now: float) -> None:
        """Take in all that an attempt has printed so far."""
        attempt.output.drain(self._book, self._console, now)

    def note(self, attempt: RunningAttempt, text: str, now: float) -> None:
        """Add a line of the framework's own to what an attempt has printed."""
        attempt.output.note(text, self._book, self._console, now)

    def finish_lines(self, attempt: RunningAttempt, now: float) -> None:
        """Show what an attempt has printed without a newline at its end."""
        attempt.output.finish_lines(self._book, self._console, now)

    @property
    def has_resting(self) -> bool:
        """Whether a pipe waits for the next commit until it is read again."""
        return bool(self._resting)

    def wake(self) -> None:
        """Listen again to all pipes that rest."""
        resting, self._resting = self._resting, []
        for attempt, which in resting:
            self._listen(attempt, which)

    def _listen(self, attempt: RunningAttempt, which: int) -> None:
        pipe = attempt.output.pipes[which]
        if pipe is not None and not attempt.answered:
            self.add(pipe, lambda: self._hear(attempt, which))

    def _hear(self, attempt: RunningAttempt, which: int) -> None:
        # Until the next commit the pipe may fill: being woken for every line that a step
        # prints would cost more than the step.
        self.drop(attempt.output.pipes[which])
        if attempt.output.read(which, self._book, self._console, time.time()):
            self._resting.append((attempt, which))
