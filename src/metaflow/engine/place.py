"""Where a single task stands in its run: which splits are open around it, by its predecessors."""

from collections.abc import Sequence
from typing import NamedTuple

from metaflow.errors.run import InputPathsWrong
from metaflow.graph.model import FlowGraph
from metaflow.model.input_paths import TaskPath
from metaflow.model.records import PARAMETERS_STEP, JoinedRun, OriginTask
from metaflow.model.task import Frame
from metaflow.protocols.metadata_store import JoinableJournal


class Place(NamedTuple):
    """What follows for a task from the tasks before it."""

    frames: tuple[Frame, ...]
    """The open splits, outermost first."""
    inputs: tuple[OriginTask, ...]
    """The predecessors, for a join in the order of the split; none for a start."""


def find_place(
    graph: FlowGraph,
    step: str,
    inputs: list[OriginTask],
    split_index: int | None,
    width: int | None = None,
) -> Place:
    """Find a task's place from its predecessors, as a whole run's plan would have it.

    Parameters
    ----------
    graph : FlowGraph
        The flow.
    step : str
        The task's step.
    inputs : list of OriginTask
        Its predecessors, all finished; the `_parameters` task or none for a start.
    split_index : int, optional
        For a child of a foreach, the position of its item.
    width : int, optional
        For the join of a gang, how many members the gang has.

    Raises
    ------
    InputPathsWrong
        These tasks don't lead to such a task.
    """
    if all(task.step == PARAMETERS_STEP for task in inputs):
        if step != graph.start_step:
            raise InputPathsWrong(step, "only the first step of a flow has no step before it")
        _refuse_index(step, split_index)
        return Place((), ())
    check_inputs(step, inputs)
    if graph[step].type == "join":
        _refuse_index(step, split_index)
        return _join(step, inputs, width)
    if len(inputs) > 1:
        raise InputPathsWrong(step, f"there are {len(inputs)}, but the step is no join")
    return Place(_after(graph, step, inputs[0], split_index), tuple(inputs))


def check_inputs(step: str, inputs: Sequence[OriginTask]) -> None:
    """Refuse predecessors that have failed or have gone on to another step.

    Raises
    ------
    InputPathsWrong
        One has.
    """
    for task in inputs:
        if not (task.ok or task.handled):
            raise InputPathsWrong(step, f"`{task.step}/{task.task_id}` has failed")
        targets = () if task.transition is None else task.transition.targets
        if step not in targets:
            way = " and ".join(f"`{name}`" for name in targets) or "nowhere"
            raise InputPathsWrong(step, f"`{task.step}/{task.task_id}` has gone on to {way}")


def gang_width(store: JoinableJournal, run: JoinedRun, inputs: Sequence[OriginTask]) -> int | None:
    """Count the members of the gang that these tasks are of; None if they are of none."""
    frames = inputs[0].frames if inputs else ()
    if not frames or frames[-1].count is not None:
        return None
    (split,) = store.named_tasks(run.key, [frames[-1].task_id])
    return None if split.transition is None else split.transition.width


def finished_tasks(
    store: JoinableJournal, step: str, paths: Sequence[TaskPath], run: JoinedRun, run_id: str
) -> list[OriginTask]:
    """Look up the predecessors of a task of `step`.

    Raises
    ------
    InputPathsWrong
        One is not there, or has no done attempt.
    """
    for path in paths:
        if path.run_id != run_id:
            raise InputPathsWrong(step, f"`{path}` is not of run `{run_id}`")
    found = store.named_tasks(run.key, [path.task_id for path in paths]) if paths else []
    known = {(task.step, task.task_id) for task in found}
    for path in paths:
        if (path.step, path.task_id) not in known:
            raise InputPathsWrong(step, f"there is no finished task `{path}`")
    return found


def _after(
    graph: FlowGraph, step: str, before: OriginTask, split_index: int | None
) -> tuple[Frame, ...]:
    transition = before.transition
    assert transition is not None, "it leads to this step"
    if transition.is_gang:
        raise InputPathsWrong(
            step,
            f"`{before.step}/{before.task_id}` starts a gang",
            hint="say with `--ubf-context` and `--split-index` which of its members the task is",
        )
    var, count, index = transition.var, transition.width, split_index
    if var is None:
        _refuse_index(step, split_index)
        node = graph[before.step]
        if node.type == "split-switch" or (count == 1 and not node.parallel_foreach):
            return before.frames
        count, index = len(transition.targets), transition.targets.index(step)
    elif index is None:
        raise InputPathsWrong(
            step,
            f"`{before.step}/{before.task_id}` is a foreach of {count} items",
            hint="say with `--split-index` which item the task is for",
        )
    elif not 0 <= index < count:
        raise InputPathsWrong(
            step,
            f"`--split-index` is {index}, but `{before.step}/{before.task_id}` has {count} items",
            hint=f"positions go from 0 to {count - 1}",
        )
    frame = Frame(before.step, before.task_id, var, index or 0, count, transition.items)
    return (*before.frames, frame)


def _join(step: str, inputs: list[OriginTask], width: int | None) -> Place:
    if not all(task.frames for task in inputs):
        raise InputPathsWrong(step, "no split is open that it could join")
    first = inputs[0].frames[-1]
    found: dict[int, OriginTask] = {}
    for task in inputs:
        frame = task.frames[-1]
        if (frame.step, frame.task_id) != (first.step, first.task_id):
            raise InputPathsWrong(
                step,
                f"`{inputs[0].step}/{inputs[0].task_id}` and `{task.step}/{task.task_id}` come "
                f"from different splits, `{first.step}/{first.task_id}` and "
                f"`{frame.step}/{frame.task_id}`",
            )
        if found.setdefault(frame.index, task) is not task:
            raise InputPathsWrong(step, f"two of them are branch {frame.index} of the split")
    count = first.count if first.count is not None else width or max(found) + 1
    missing = [str(index) for index in range(count) if index not in found]
    if missing:
        shown = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")  # noqa: PLR2004 - as many as fit a line
        raise InputPathsWrong(
            step, f"of the {count} branches of `{first.step}/{first.task_id}`, {shown} lack"
        )
    return Place(inputs[0].frames[:-1], tuple(found[index] for index in range(count)))


def _refuse_index(step: str, split_index: int | None) -> None:
    if split_index is not None:
        raise InputPathsWrong(step, "no foreach leads here, so there is no `--split-index`")
