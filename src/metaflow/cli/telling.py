"""What event loggers and monitors are told of runs and tasks: facts, once they are recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from metaflow.cli.console import Console
from metaflow.model.records import (
    PARAMETERS_STEP,
    AttemptDone,
    AttemptStarted,
    RunDone,
    TaskCreated,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from metaflow.model.records import Change, NewRun
    from metaflow.protocols.telemetry import EventLogger, Monitor

T = TypeVar("T")

RUN, TASK = "metaflow.run", "metaflow.task"
"""Begin the names of what a monitor counts and measures."""


class RunTeller:
    """Tells an event logger and a monitor of the run that this process carries out.

    A run does not fail because one of them does; that is told once, and then nobody is told
    any more.

    Parameters
    ----------
    flow : str
        Name of the flow.
    logger : EventLogger
        Is told what happens.
    meter : Monitor
        Is told how often, and how long it takes.
    """

    def __init__(self, flow: str, logger: EventLogger, meter: Monitor) -> None:
        self.run_id: str = ""
        """The run; known once it has begun, or has been joined."""
        self._flow: Final = flow
        self._logger: Final = logger
        self._meter: Final = meter
        self._begun_at: float | None = None
        self._steps: dict[str, str] = {}
        """Steps of the tasks that have not succeeded yet."""
        self._started: dict[tuple[str, int], float] = {}
        """When each running attempt has started."""
        self._is_quiet = False

    def begun(self, key: int, run: NewRun) -> None:
        """Tell that a run has begun."""
        del key
        self._guarded(self._tell_begun, run)

    def written(self, key: int, changes: Sequence[Change]) -> None:
        """Tell what changes mean."""
        del key
        for change in changes:
            self._guarded(self._tell, change)

    def _guarded(self, tell: Callable[[T], None], what: T) -> None:
        if self._is_quiet:
            return
        try:
            tell(what)
        except Exception as error:  # whatever an extension's logger raises
            self._is_quiet = True
            name = type(error).__name__
            Console().say(f"Nobody is told of this run any more: {name}: {error}")

    def _tell_begun(self, run: NewRun) -> None:
        self.run_id, self._begun_at = run.run_id, run.created_at
        origin = {} if run.origin_run_id is None else {"origin_run_id": run.origin_run_id}
        self._log("run started", **origin)
        self._meter.count(f"{RUN}.start")

    def _tell(self, change: Change) -> None:
        if isinstance(change, TaskCreated) and change.step != PARAMETERS_STEP:
            self._steps[change.task_id] = change.step
        elif isinstance(change, AttemptStarted) and change.task_id in self._steps:
            self._started[change.task_id, change.attempt] = change.at
            self._log_task("task started", change)
            self._meter.count(f"{TASK}.start")
        elif isinstance(change, AttemptDone) and change.task_id in self._steps:
            self._tell_ended(change)
            if change.ok:
                del self._steps[change.task_id]
        elif isinstance(change, RunDone):
            self._tell_run_ended(change)

    def _tell_ended(self, change: AttemptDone) -> None:
        started = self._started.pop((change.task_id, change.attempt), None)
        if started is None:
            self._log_task("task cloned", change)
            self._meter.count(f"{TASK}.clone")
            return
        outcome = "failed" if not change.ok else "handled" if change.handled else "succeeded"
        error = {} if change.error is None else {"error": change.error}
        self._log_task("task ended", change, outcome=outcome, **error)
        self._meter.count(f"{TASK}.end")
        if outcome != "succeeded":
            self._meter.count(f"{TASK}.exception")
        self._meter.measure(f"{TASK}.duration", change.at - started)

    def _tell_run_ended(self, change: RunDone) -> None:
        self._log("run ended", outcome="succeeded" if change.ok else "failed")
        self._meter.count(f"{RUN}.end")
        if self._begun_at is not None:
            self._meter.measure(f"{RUN}.duration", change.at - self._begun_at)

    def _log_task(self, event: str, change: AttemptStarted | AttemptDone, **facts: object) -> None:
        place = {"step": self._steps[change.task_id], "task_id": change.task_id}
        self._log(event, **place, attempt=change.attempt, **facts)

    def _log(self, event: str, **facts: object) -> None:
        self._logger.log({"event": event, "flow": self._flow, "run_id": self.run_id, **facts})
