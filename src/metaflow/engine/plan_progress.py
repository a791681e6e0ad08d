"""How far a run has come, and how many tasks it will have once that can be known."""

from typing import NamedTuple, Protocol

from metaflow.engine.plan_graph import PlanGraph, StepNode
from metaflow.engine.plan_messages import Command, Event
from metaflow.model.task import Transition


class Progress(NamedTuple):
    """Numbers of tasks for the live line."""

    done: int
    """Finished tasks, clones included."""
    cloned: int
    running: int
    waiting: int
    """Known to be due: ready, or between two attempts."""
    failed: int
    total: int | None
    """All tasks of the complete run; None while a foreach, a gang or a switch is undecided."""


class Decider(Protocol):
    """What the loop asks of a plan, be it of a whole run or of a single task."""

    def feed(self, event: Event) -> list[Command]:
        """Take note of an event and return what to do now."""
        ...

    def progress(self) -> Progress:
        """Count the tasks."""
        ...


class Forecast:
    """Counts the tasks of the complete run as its foreachs and switches get decided.

    Each step has a weight: how many tasks follow from one task of it, itself included, up to
    the join of the innermost split around it, and how many undecided foreachs, gangs and switches
    are among them. The children of an undecided foreach and all that follows an undecided
    switch are left out of the first number until they are decided.
    """

    __slots__ = ("_graph", "_tasks", "_undecided", "_weights")

    def __init__(self, graph: PlanGraph) -> None:
        self._graph = graph
        self._weights: dict[str, tuple[int, int]] = {}
        closing: dict[str, str | None] = {}
        for node in graph.postorder():
            self._weigh(node, closing)
        self._tasks, self._undecided = self._weights[graph.start]

    @property
    def total(self) -> int | None:
        """The number of tasks of the complete run, if it can be known."""
        return None if self._undecided else self._tasks

    def decide(self, transition: Transition, count: int) -> None:
        """Take note of how a foreach, a gang or a switch went on, and with how many tasks."""
        tasks, undecided = self._follow(transition.targets[0])
        self._tasks += count * tasks
        self._undecided += count * undecided - 1

    def _follow(self, target: str) -> tuple[int, int]:
        """Return the weight of what follows from one transition to this step."""
        # A join is counted once, with the split that it closes.
        return (0, 0) if self._graph.steps[target].is_join else self._weights[target]

    def _weigh(self, node: StepNode, closing: dict[str, str | None]) -> None:
        """Weigh a step whose targets are weighed; note which join closes what is open there."""
        steps, targets = self._graph.steps, node.targets
        parts = []
        ahead: str | None = next((target for target in targets if target != node.name), None)
        if node.kind in {"foreach", "parallel", "switch"}:
            parts.append((0, 1))
        else:
            parts.extend(self._follow(target) for target in targets)
        if node.kind in {"split", "foreach", "parallel"} and ahead is not None:
            join = closing[ahead]
            if join is not None:
                parts.append(self._weights[join])
            closing[node.name] = None if join is None else closing[join]
        elif ahead is not None and steps[ahead].is_join:
            closing[node.name] = ahead
        else:
            closing[node.name] = None if ahead is None else closing[ahead]
        self._weights[node.name] = (
            1 + sum(tasks for tasks, _ in parts),
            sum(undecided for _, undecided in parts),
        )
