"""When facts are recorded: some at a time, and what claims them is shown only afterwards.

A transaction costs about as much for one fact as for thirty, so a fact waits a moment for
others. A console line that claims a fact waits with it. Where the output of tasks lies in the
log is nothing that anybody has been told, so that may wait longer.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from metaflow.errors.base import MetaflowException
from metaflow.model.records import RunDone

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow.engine.console import Console
    from metaflow.engine.output import LogBook
    from metaflow.model.records import Change
    from metaflow.protocols.metadata_store import FactWriter

GATHER_S = 0.004
"""How long a fact may wait for others to share its transaction."""
INDEX_EVERY_S = 0.1
"""How long a task's output may wait until readers of the log can find it."""


class Ledger:
    """The facts of one run on their way to the store, and the lines that wait for them.

    Parameters
    ----------
    journal : FactWriter
        Keeps facts.
    run : int
        The journal's key of the run.
    console : Console
        Where lines go.
    book : LogBook
        Knows where the output of tasks lies.
    """

    def __init__(self, journal: FactWriter, run: int, console: Console, book: LogBook) -> None:
        self._journal = journal
        self._run = run
        self._console = console
        self._book = book
        self._changes: list[Change] = []
        self._news_since: float | None = None
        self._index_due = 0.0

    def add(self, change: Change) -> None:
        """Take note of a fact."""
        self._changes.append(change)

    def add_all(self, changes: Iterable[Change]) -> None:
        """Take note of facts."""
        self._changes += changes

    @property
    def has_news(self) -> bool:
        """Whether a fact or a line waits."""
        return bool(self._changes) or not self._console.is_empty

    def is_due(self, now: float, *, has_more: bool) -> bool:
        """Tell whether what waits has waited long enough.

        Parameters
        ----------
        now : float
            Time of the monotonic clock.
        has_more : bool
            Something else waits for the next commit.
        """
        if self._book.has_entries and now >= self._index_due:
            return True
        if not has_more and not self.has_news:
            self._news_since = None
            return False
        if self._news_since is None:
            self._news_since = now
        return now - self._news_since >= GATHER_S

    def gathers_for(self, now: float) -> float:
        """Say for how many seconds what waits may still wait for company."""
        waited = 0.0 if self._news_since is None else now - self._news_since
        return max(0.0, GATHER_S - waited)

    @property
    def index_due(self) -> float | None:
        """When readers of the log should be told where output lies; None if they know."""
        return self._index_due if self._book.has_entries else None

    def commit(self, *, is_last: bool = False) -> None:
        """Record all that waits in one transaction, then show the lines.

        Parameters
        ----------
        is_last : bool
            Nothing comes after, so nothing may go on waiting.

        Raises
        ------
        MetaflowException
            The store did not take the facts; no line that waits for them has been shown.
        """
        now = time.monotonic()
        # Where output lies is no acknowledged fact: alone, it waits longer for company.
        if self._changes or is_last or now >= self._index_due:
            changes: list[Change] = [*self._changes, *self._book.take_entries()]
            self._changes.clear()
            self._index_due = now + INDEX_EVERY_S
            if changes:
                self._journal.write(self._run, changes)
        self._news_since = None
        self._console.flush()

    def abandon(self, error: MetaflowException) -> None:
        """End the run after the store has failed like this: what waits is given up."""
        self._changes.clear()
        self._console.drop()
        # There may be room for one more fact; without it the run shows as unfinished.
        with contextlib.suppress(MetaflowException):
            self._journal.write(self._run, [RunDone(time.time(), ok=False, error=error.message)])
