"""What a gang is to the plan: tasks of one step that start together and succeed or fail as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow.engine.plan_messages import AttemptFailed, AttemptSucceeded, Clone, Launch
from metaflow.engine.plan_queue import PlannedTask
from metaflow.errors.base import MetaflowInternalError
from metaflow.model.task import GANG_VAR, Frame, GangPlace

if TYPE_CHECKING:
    from metaflow.engine.plan_graph import StepNode
    from metaflow.engine.plan_origin import OriginRun
    from metaflow.model.records import OriginTask
    from metaflow.model.task import Transition

CONTROL = -1
"""Number of the control task of an unbounded foreach, which has no item and runs no code."""


class Gang(PlannedTask):
    """All tasks that follow from one `num_parallel` or one unbounded foreach.

    Its own id is that of the control task: the first node of a gang, or a task beside the
    items of an unbounded foreach.

    Parameters
    ----------
    node : StepNode
        The step that all members run.
    split : PlannedTask
        The task that has asked for the gang.
    transition : Transition
        How it did so.
    count : int
        Members that run the user's code.
    """

    __slots__ = (
        "_count",
        "_failures",
        "_first_node",
        "_running",
        "_split",
        "_transition",
        "_unfinished",
        "members",
        "spoilt",
        "strayed",
    )

    def __init__(
        self, node: StepNode, split: PlannedTask, transition: Transition, count: int
    ) -> None:
        super().__init__(node, split.frames, (split.task_id,), follows_clones=split.is_clone)
        self._split = split.node.name
        self._transition = transition
        self._count = count
        self._first_node = 0 if transition.var is None else CONTROL
        self.members: dict[str, int] = {}
        """Node by task id."""
        self._unfinished: dict[str, int] = {}
        self._running: dict[str, int] = {}
        self._failures: list[AttemptFailed] = []
        """Of the attempt at hand, those that were not our doing."""
        self.spoilt = False
        """A member of the attempt at hand has failed."""
        self.strayed: tuple[str, Transition | None] | None = None
        """A member that went on in another way than its step's source shows."""

    def __len__(self) -> int:
        """Count the tasks, the control task included."""
        return self._count - self._first_node

    def enlist(self, task_id: str) -> None:
        """Give the gang its id, and all members theirs."""
        self.task_id = task_id
        between = "_node_" if self._transition.var is None else "-"
        for node in range(self._first_node, self._count):
            member = task_id if node == self._first_node else f"{task_id}{between}{node}"
            self.members[member] = node

    @property
    def running(self) -> tuple[str, ...]:
        """Ids of the members whose attempt has not ended."""
        return tuple(self._running)

    @property
    def is_done(self) -> bool:
        """Whether every member has finished."""
        return not self._unfinished

    @property
    def result_ids(self) -> tuple[str, ...]:
        """Ids of the members that the join receives, in order."""
        return tuple(member for member, node in self.members.items() if node != CONTROL)

    def launches(self, *, last_attempt: bool) -> list[Launch]:
        """Begin an attempt: of all members, or as a fallback of those that did not finish."""
        if not self.fallbacks:
            self._unfinished = dict(self.members)
        self._running = dict(self._unfinished)
        self._failures = []
        self.spoilt = False
        return [
            Launch(
                task_id,
                self.node.name,
                self.attempt,
                self._frames_of(node),
                self.input_ids,
                is_join=False,
                last_attempt=last_attempt,
                fallback=self.fallbacks > 0,
                gang=self._place(node),
            )
            for task_id, node in self._running.items()
        ]

    def note(self, event: AttemptSucceeded | AttemptFailed) -> bool:
        """Take note of the end of a member's attempt; tell whether it spoils the whole attempt.

        A failure that `@catch` took spoils it, too: the others may wait for this member.
        """
        node = self._running.pop(event.task_id, None)
        if node is None or event.attempt != self.attempt:
            raise MetaflowInternalError(
                f"Attempt {event.attempt} of task {event.task_id} ended but was not running."
            )
        if isinstance(event, AttemptSucceeded):
            del self._unfinished[event.task_id]
            if not self.node.admits(event.transition):
                self.strayed = (event.task_id, event.transition)
            spoils = event.handled and self.node.spec.fallbacks > self.fallbacks == 0
        else:
            spoils = not event.killed
            if spoils:
                self._failures.append(event)
        is_first = spoils and not self.spoilt
        self.spoilt = self.spoilt or spoils
        return is_first

    def verdict(self) -> AttemptFailed:
        """Sum up why the attempt that has ended failed."""
        failures = self._failures
        if not failures:
            # Members were ended because the failure of another was handled, or the run's end.
            ended = next(iter(self._unfinished))
            return AttemptFailed(ended, self.attempt, retryable=False, crashed=True, killed=True)
        return AttemptFailed(
            failures[0].task_id,
            self.attempt,
            retryable=all(failure.retryable for failure in failures),
            crashed=all(failure.crashed for failure in failures),
        )

    def take(self, origin: OriginRun) -> list[OriginTask] | None:
        """Return what an earlier run has of the members if all of them finished there."""
        found = []
        for node in range(self._first_node, self._count):
            task = origin.take(self.node.name, self._frames_of(node), 0)
            if task is None or not self.node.admits(task.transition):
                return None
            found.append(task)
        return found

    def clones(self, origins: list[OriginTask]) -> list[Clone]:
        """Make the commands that clone all members."""
        return [
            Clone(
                task_id,
                self.node.name,
                self._frames_of(node),
                self.input_ids,
                origin,
                self._place(node),
            )
            for (task_id, node), origin in zip(self.members.items(), origins, strict=True)
        ]

    def _place(self, node: int) -> GangPlace:
        return GangPlace(self.task_id, node, self._count)

    def _frames_of(self, node: int) -> tuple[Frame, ...]:
        if node == CONTROL:
            return self.frames
        var, items = self._transition.var or GANG_VAR, self._transition.items
        return (*self.frames, Frame(self._split, self.input_ids[0], var, node, None, items))
