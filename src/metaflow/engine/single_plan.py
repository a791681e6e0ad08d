"""The plan of a single task: launch its one attempt and say how that went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow.engine.plan_messages import (
    AttemptFailed,
    AttemptSucceeded,
    Command,
    Event,
    Launch,
    RunFailed,
    RunStarted,
    RunSucceeded,
    StepFailed,
    StopRequested,
    StopRunning,
)
from metaflow.engine.plan_progress import Progress

if TYPE_CHECKING:
    from metaflow.engine.plan_graph import StepNode
    from metaflow.errors.base import MetaflowException


class SingleTaskPlan:
    """Everything that is to be done when somebody else decides what comes next.

    Parameters
    ----------
    node : StepNode
        The task's step.
    launch : Launch
        The attempt.
    failure : MetaflowException
        What to tell when the attempt fails.

    Attributes
    ----------
    retryable : bool
        Whether it makes sense to try again, once the attempt has failed.
    """

    def __init__(self, node: StepNode, launch: Launch, failure: MetaflowException) -> None:
        self.retryable = True
        self._node = node
        self._launch = launch
        self._failure = failure
        self._stopped: MetaflowException | None = None
        self._done = 0

    def feed(self, event: Event) -> list[Command]:
        """Take note of an event and return what to do now, as `Plan.feed` does."""
        if isinstance(event, RunStarted):
            return [self._launch]
        if isinstance(event, AttemptSucceeded):
            self._done = 1
            return [self._concluded(event)]
        if isinstance(event, AttemptFailed):
            self._done = 1
            self.retryable = event.retryable
            launch = self._launch
            told = StepFailed(launch.task_id, launch.step, self._failure.message)
            return [told, RunFailed(self._stopped or self._failure)]
        if isinstance(event, StopRequested) and self._stopped is None:
            from metaflow.engine.plan_failures import RunStopped

            self._stopped = RunStopped(event.reason)
            return [StopRunning(self._stopped)]
        return []

    def progress(self) -> Progress:
        """Count the task."""
        return Progress(
            done=self._done, cloned=0, running=1 - self._done, waiting=0, failed=0, total=1
        )

    def _concluded(self, event: AttemptSucceeded) -> Command:
        if self._node.admits(event.transition):
            return RunSucceeded()
        from metaflow.engine.plan_failures import UnexpectedTransition

        # The same code would go the same way again.
        self.retryable = False
        return RunFailed(UnexpectedTransition(self._node, self._launch.task_id, event.transition))
