"""Why a run did not succeed, in the words that the user reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow.errors.base import MetaflowException, MetaflowInternalError

if TYPE_CHECKING:
    from metaflow.engine.plan_graph import StepNode
    from metaflow.model.task import Transition


class StepFailure(MetaflowException):
    """A task failed and has no attempts left."""

    headline = "Step failure"

    def __init__(self, step: str, task_id: str) -> None:
        self.step = step
        self.task_id = task_id
        super().__init__(
            f"Step {step} (task-id {task_id}) failed.",
            hint="correct the step and go on with `resume`; what has succeeded is kept",
        )


class TooManySplits(MetaflowException):
    """A foreach has more items, or a gang more nodes, than the run allows."""

    headline = "Step failure"

    def __init__(
        self, step: str, task_id: str, count: int, limit: int, what: str = "Foreach"
    ) -> None:
        self.step = step
        self.task_id = task_id
        self.count = count
        self.limit = limit
        self.what = what
        super().__init__(
            f"{what} in step {step} (task-id {task_id}) yields {count} child steps; "
            f"`--max-num-splits` allows {limit}.",
            hint=f"if so many tasks are meant, add `--max-num-splits {count}`",
        )


class UnexpectedTransition(MetaflowInternalError):
    """A task went on in a way that its step's source does not show."""

    def __init__(self, node: StepNode, task_id: str, transition: Transition | None) -> None:
        self.step = node.name
        self.task_id = task_id
        self.expected = _expected(node)
        self.actual = _actual(transition)
        super().__init__(
            f"Step {node.name} (task-id {task_id}) finished with {self.actual}, "
            f"but its source says {self.expected}.",
            hint="every path through a step ends with the `self.next(...)` on its last line",
        )


class RunStopped(MetaflowException):
    """The run was asked to end before it was complete."""

    headline = "Workflow stopped"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class RunStuck(MetaflowInternalError):
    """Nothing is running or ready, and yet the end step has not finished."""

    def __init__(self, joins: list[str]) -> None:
        self.joins = joins
        waiting = ", ".join(f"`{join}`" for join in joins) or "none"
        super().__init__(
            f"No task is left to run, but the end step was not reached; joins that wait: {waiting}."
        )


def _call(targets: tuple[str, ...], argument: str = "") -> str:
    return f"`self.next({', '.join(f'self.{target}' for target in targets)}{argument})`"


def _expected(node: StepNode) -> str:
    if node.kind == "end":
        return "no `self.next`"
    if node.kind == "switch":
        return " or ".join(_call((target,)) for target in node.targets)
    options = {"foreach": ", foreach=…", "parallel": ", num_parallel=…"}
    return _call(node.targets, options.get(node.kind, ""))


def _actual(transition: Transition | None) -> str:
    if transition is None or not transition.targets:
        return "no `self.next`"
    foreach = "" if transition.var is None else f", foreach='{transition.var}'"
    return _call(transition.targets, foreach)
