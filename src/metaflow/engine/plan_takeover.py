"""What a resumed run takes over from an earlier one, and how far it has got with that."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from metaflow.engine.plan_gang import Gang
from metaflow.engine.plan_messages import Clone

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow.engine.plan_graph import PlanGraph, StepNode
    from metaflow.engine.plan_origin import OriginRun
    from metaflow.engine.plan_queue import BranchSearch, PlannedTask
    from metaflow.model.task import Transition


class Takeover:
    """Makes clones of the tasks that an earlier run has finished.

    Parameters
    ----------
    origin : OriginRun
        What the earlier run has finished.
    graph : PlanGraph
        The flow as it is now.
    step_to_rerun : str, optional
        Nothing is cloned of this step and all that is reachable from it.
    """

    __slots__ = ("_origin", "_rerun", "cloned", "count", "unsearched")

    def __init__(self, origin: OriginRun, graph: PlanGraph, step_to_rerun: str | None) -> None:
        self._origin = origin
        self._rerun = frozenset[str]() if step_to_rerun is None else graph.reachable(step_to_rerun)
        self.cloned: deque[tuple[PlannedTask, Transition | None]] = deque()
        """Clones whose successors are still to be found: a queue, not recursion, for long loops."""
        self.unsearched: deque[BranchSearch] = deque()
        """Splits that are cloned whose children may be so, too."""
        self.count = 0
        """Clones so far."""

    @property
    def is_unfinished(self) -> bool:
        """Whether there may be further clones."""
        return bool(self.cloned or self.unsearched)

    def stop(self) -> None:
        """Make no further clones."""
        self.cloned.clear()
        self.unsearched.clear()

    def may_take(self, node: StepNode) -> bool:
        """Tell whether the earlier run may have finished tasks of this step that are wanted."""
        return node.name not in self._rerun and self._origin.knows(node.name)

    def take(self, task: PlannedTask, next_id: Callable[[], str]) -> list[Clone]:
        """Clone a task, if it was finished with the same inputs and the graph agrees.

        Parameters
        ----------
        task : PlannedTask
            What would run otherwise; a gang is cloned as a whole.
        next_id : callable
            Gives the task its id.

        Returns
        -------
        list of Clone
            Empty for a task that has to run.
        """
        if not task.follows_clones or not self.may_take(task.node):
            return []
        clones, transition = (
            (self._take_gang(task, next_id), None)
            if isinstance(task, Gang)
            else self._take_one(task, next_id)
        )
        if clones:
            task.is_clone = True
            self.count += len(clones)
            self.cloned.append((task, transition))
        return clones

    def _take_one(
        self, task: PlannedTask, next_id: Callable[[], str]
    ) -> tuple[list[Clone], Transition | None]:
        node = task.node
        found = self._origin.take(node.name, task.frames, task.iteration)
        if found is None or not node.admits(found.transition):
            return [], None
        task.task_id = next_id()
        return [
            Clone(task.task_id, node.name, task.frames, task.input_ids, found)
        ], found.transition

    def _take_gang(self, gang: Gang, next_id: Callable[[], str]) -> list[Clone]:
        found = gang.take(self._origin)
        if found is None:
            return []
        gang.enlist(next_id())
        return gang.clones(found)
