"""Which task of an earlier run a spin repeats, and what that task was given."""

import json
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

from metaflow.engine.place import find_place, finished_tasks, gang_width
from metaflow.errors.input import CommandException
from metaflow.errors.metadata import ObjectNotFound
from metaflow.errors.run import InputPathsWrong, NothingToSpin
from metaflow.graph.model import FlowGraph
from metaflow.model.artifact import ArtifactRef, manifest_from_json
from metaflow.model.input_paths import TaskPath
from metaflow.model.records import PARAMETERS_STEP, PARAMETERS_TASK, OriginTask
from metaflow.model.task import Frame

if TYPE_CHECKING:
    from metaflow.metadata_store.facts import RunFacts, TaskFacts
    from metaflow.metadata_store.sqlite.store import SqliteMetadataStore

SUGGESTED = 50
"""Among so many runs or tasks an error looks for what was meant."""

STEP, RUN_STEP, TASK = 1, 2, 3
"""Numbers of components, without the flow's name."""


class Named(NamedTuple):
    """What a pathspec on the command line names; None for what it leaves open."""

    run_id: str | None
    step: str
    task_id: str | None


class Previous(NamedTuple):
    """A task of an earlier run, and all that its code had before it."""

    pathspec: str
    run_id: str
    frames: tuple[Frame, ...]
    inputs: tuple[OriginTask, ...]
    tags: tuple[str, ...]
    """Tags given by the user to the run."""
    parameters: OriginTask
    """The pseudo-task that has the parameters."""


def parse_pathspec(flow: str, steps: Collection[str], text: str) -> Named:
    """Read `step`, `run/step` or `run/step/task`, with or without the flow in front.

    Parameters
    ----------
    flow : str
        Name of the flow.
    steps : collection of str
        Names of its steps.
    text : str
        What the user gave.

    Raises
    ------
    CommandException
        The text has another shape, or is about another flow.
    ObjectNotFound
        The flow has no such step.
    """
    parts = text.split("/")
    if len(parts) > RUN_STEP and parts[0] == flow:
        del parts[0]
    if len(parts) > TASK or not all(parts):
        other = len(parts) == TASK + 1 and all(parts)
        raise CommandException(
            f"`{text}` names a task of another flow than `{flow}`."
            if other
            else f"`{text}` names no task.",
            hint="write STEP, RUN/STEP or RUN/STEP/TASK, such as "
            f"`{next(iter(steps))}` or `1700000000000000/{next(iter(steps))}/1`",
        )
    run_id = parts[0] if len(parts) > STEP else None
    step = parts[0] if run_id is None else parts[1]
    if step not in steps:
        raise ObjectNotFound("step", f"{flow}/{step}", steps)
    return Named(run_id, step, parts[2] if len(parts) == TASK else None)


def find_previous(store: "SqliteMetadataStore", flow: str, named: Named) -> Previous:
    """Find the task that is named, or else the newest one, and what it was given.

    Parameters
    ----------
    store : SqliteMetadataStore
        Facts of the earlier runs.
    flow : str
        Name of the flow.
    named : Named
        What is looked for.

    Raises
    ------
    MetaflowNotFound
        There is no such run or task; the hint names the closest ones.
    """
    run = _run(store, flow, named.run_id)
    task = _task(store, flow, run, named)
    parents = [parent for _, parent in store.parents(run.key, str(task.id))]
    inputs = [one for one in store.named_tasks(run.key, parents) if one.step != PARAMETERS_STEP]
    frames = tuple(Frame.from_json(frame) for frame in json.loads(task.frames))
    pathspec = f"{flow}/{run.run_id}/{named.step}/{task.id}"
    return _previous(store, run, pathspec, frames, tuple(inputs))


def _previous(
    store: "SqliteMetadataStore",
    run: "RunFacts",
    pathspec: str,
    frames: tuple[Frame, ...],
    inputs: tuple[OriginTask, ...],
) -> Previous:
    tags = json.loads(run.tags)
    mine = tuple(tag for tag, system in tags.items() if not system)
    manifest = store.parameters(run.key) or "{}"
    parameters = OriginTask(
        PARAMETERS_TASK, PARAMETERS_STEP, (), (), 0, True, False, manifest, None
    )
    return Previous(pathspec, run.run_id, frames, inputs, mine, parameters)


def after_inputs(
    store: "SqliteMetadataStore",
    graph: FlowGraph,
    step: str,
    paths: Sequence[TaskPath],
    split_index: int | None,
) -> Previous:
    """Make up the task that would follow from tasks of an earlier run.

    Parameters
    ----------
    store : SqliteMetadataStore
        Facts of the earlier runs.
    graph : FlowGraph
        The flow.
    step : str
        The step of the task.
    paths : sequence of TaskPath
        The tasks before it; the `_parameters` task for a start.
    split_index : int, optional
        For a child of a foreach, the position of its item.

    Raises
    ------
    MetaflowException
        They are not there, or don't lead to such a task.
    """
    if not paths:
        raise InputPathsWrong(step, "there are none")
    run = _run(store, graph.name, paths[0].run_id)
    joined = store.join_run(graph.name, run.run_id)
    assert joined is not None, "the run was found"
    inputs = finished_tasks(store, step, paths, joined, run.run_id)
    place = find_place(graph, step, inputs, split_index, gang_width(store, joined, inputs))
    pathspec = f"{graph.name}/{run.run_id}/{step}"
    return _previous(store, run, pathspec, place.frames, place.inputs)


def parameters_of(previous: Previous) -> dict[str, ArtifactRef]:
    """References of what the previous run's parameters and constants were."""
    return manifest_from_json(json.loads(previous.parameters.manifest_json))


def _run(store: "SqliteMetadataStore", flow: str, run_id: str | None) -> "RunFacts":
    found = store.flow(flow)
    recent = [] if found is None else store.runs(found.key, count=SUGGESTED if run_id else 1)
    if run_id is None:
        if not recent:
            raise NothingToSpin(flow)
        return recent[0]
    run = store.run(flow, run_id)
    if run is None:
        raise ObjectNotFound("run", f"{flow}/{run_id}", [one.run_id for one in recent])
    return run


def _task(store: "SqliteMetadataStore", flow: str, run: "RunFacts", named: Named) -> "TaskFacts":
    above = f"{flow}/{run.run_id}"
    step = store.step(run.key, named.step)
    if step is None:
        error = ObjectNotFound("step", f"{above}/{named.step}")
        older = _run_with(store, flow, named.step)
        error.hint = (
            f"no run has got as far as `{named.step}` yet"
            if older is None
            else f"the latest run that has got as far as `{named.step}` is `{older}`: "
            f"spin `{older}/{named.step}`"
        )
        raise error
    if named.task_id is None:
        return store.tasks(step.key, count=1)[0]
    task = store.task(run.key, named.task_id)
    if task is None or task.step != named.step:
        ids = [str(one.id) for one in store.tasks(step.key, count=SUGGESTED)]
        raise ObjectNotFound("task", f"{above}/{named.step}/{named.task_id}", ids)
    return task


def _run_with(store: "SqliteMetadataStore", flow: str, step: str) -> str | None:
    found = store.flow(flow)
    recent = [] if found is None else store.runs(found.key, count=SUGGESTED)
    return next((run.run_id for run in recent if store.step(run.key, step) is not None), None)
