"""What a single task's loop writes to: facts of one task, and a console that is another's."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from metaflow.artifact_store.logs import SharedLogWriter
from metaflow.artifact_store.opening import mirrored
from metaflow.engine.console import Console
from metaflow.engine.output import Log, LogBook
from metaflow.model.records import (
    AttemptDone,
    Change,
    LeaseEnded,
    RunDone,
    RunMetadata,
    TaskMetadata,
)

if TYPE_CHECKING:
    from metaflow.engine.plan_messages import Launch
    from metaflow.protocols.metadata_store import FactWriter


class TaskJournal:
    """Records a single task; its end is the run's only where the run ends with it.

    Parameters
    ----------
    journal : FactWriter
        Where the facts go.
    launch : Launch
        The task's attempt.
    of_run : mapping of str to str
        Facts of the run. What is different for the task, such as the code that it runs, is a
        fact of the task's own.
    ends_run : bool
        The run is complete when the task has succeeded.
    """

    def __init__(
        self, journal: FactWriter, launch: Launch, of_run: Mapping[str, str], *, ends_run: bool
    ) -> None:
        self._journal = journal
        self._launch = launch
        self._of_run = of_run
        self._ends_run = ends_run

    def write(self, run: int, changes: Sequence[Change]) -> None:
        """Record changes, but no end of a run that goes on."""
        kept = [own for change in changes for own in self._own(change)]
        if kept:
            self._journal.write(run, kept)

    def _own(self, change: Change) -> tuple[Change, ...]:
        if isinstance(change, RunDone):
            return (change,) if self._ends_run and change.ok else ()
        if isinstance(change, RunMetadata) and change.name in self._of_run:
            if self._of_run[change.name] == change.value:
                return ()
            launch = self._launch
            return (TaskMetadata(launch.task_id, launch.attempt, *change, time.time()),)
        if isinstance(change, AttemptDone):
            # Written together, so that nobody ever sees a task of neither.
            return (change, LeaseEnded(change.task_id))
        return (change,)


class SilentConsole(Console):
    """Says nothing: a scheduler has a console of its own."""

    def say(self, text: str, *, bad: bool = False) -> None:
        """Keep a line about the run to oneself."""

    def say_of(self, task: str, text: str) -> None:
        """Keep a line about the task to oneself."""

    def relay(self, task: str, lines: bytes) -> None:
        """Leave the task's output to its `EchoingBook`."""


class EchoingBook(LogBook):
    """Passes a task's output on to this process's own streams as it keeps it."""

    def write(
        self,
        task_id: str,
        attempt: int,
        stream: str,
        data: bytes,
        now: float,
        control_id: str | None = None,
    ) -> None:
        """Pass output on, then keep it."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(1 if stream == "stdout" else 2, rest) :]
        except OSError:
            pass  # nobody listens any more, which is no failure of the task
        super().write(task_id, attempt, stream, data, now, control_id)


def open_log(path: str, artifact_root: str) -> Log:
    """Open the log of a run whose tasks are started one by one.

    Parameters
    ----------
    path : str
        The file beside the facts.
    artifact_root : str
        Address in an object store that shall have it as well; empty for none.
    """

    def tell(text: str) -> None:
        print(text, file=sys.stderr)  # noqa: T201 - a scheduler keeps what is said there

    return mirrored(SharedLogWriter(path), artifact_root, tell)
