"""How one attempt of one task runs when a scheduler, and not a launcher, decides what comes next.

A scheduler begins a run with `begin`, then calls `run_single` once for each attempt, in
processes and at times of its own choosing. All that an attempt leaves behind (artifacts,
transition, output) is where a launcher would have left it, so the attempts of the tasks that
follow, and readers, find it.
"""

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from metaflow.artifact_store.logs import log_path
from metaflow.authoring.step_decorators import declare
from metaflow.engine.gangs import gang_facts
from metaflow.engine.launch import FlowRun, check_same_artifacts, check_specs
from metaflow.engine.loop import RunLoop
from metaflow.engine.member import MemberPlace, MemberRequest, find_member, port_of
from metaflow.engine.packaging import (
    await_package,
    begin_packing,
    pack_first,
    pack_later,
    packs_first,
    record_package,
)
from metaflow.engine.place import Place, find_place, finished_tasks, gang_width
from metaflow.engine.plan_graph import plan_graph
from metaflow.engine.plan_messages import Launch
from metaflow.engine.request import RunRequest
from metaflow.engine.single_begin import NoWorkers
from metaflow.engine.single_keeping import EchoingBook, SilentConsole, TaskJournal, open_log
from metaflow.engine.single_plan import SingleTaskPlan
from metaflow.errors.base import MetaflowException
from metaflow.errors.run import (
    AttemptsUsedUp,
    InputPathsWrong,
    RunNotBegun,
    SingleTaskFailed,
)
from metaflow.metadata_store.holding import Holding
from metaflow.model.artifact import manifest_from_json
from metaflow.model.input_paths import TaskPath
from metaflow.model.records import (
    AttemptDone,
    JoinedRun,
    RunDone,
    TaskCreated,
)
from metaflow.model.spec import StepSpec
from metaflow.model.task import GangPlace, RunContext
from metaflow.protocols.metadata_store import JoinableJournal
from metaflow.protocols.workers import WorkerSource

if TYPE_CHECKING:
    from metaflow.session import Session

MEGABYTE = 1 << 20


class TaskRequest(NamedTuple):
    """One attempt of one task, as a scheduler asks for it."""

    run: RunRequest
    """The flow and what all tasks of the run share; no parameters."""
    run_id: str
    step: str
    task_id: str
    inputs: tuple[TaskPath, ...] = ()
    """The tasks before it; the `_parameters` task, or none, for a start."""
    split_index: int | None = None
    """For a child of a foreach, the position of its item."""
    attempt: int = 0
    user_retries: int = 0
    """Attempts after this many run no user code: they only record that earlier ones died."""
    origin_run_id: str | None = None
    """The run that this one resumes."""
    member: MemberRequest | None = None
    """Which member of a gang the task is; None if it runs on its own."""


class Ending(NamedTuple):
    """How a single attempt has ended."""

    error: MetaflowException | None = None
    """Why it failed; None if it did not."""
    retryable: bool = True
    """Another attempt might succeed."""


def run_single(request: TaskRequest, workers: WorkerSource, session: "Session") -> Ending:
    """Run one attempt of one task of a run that has been begun.

    Parameters
    ----------
    request : TaskRequest
        Which attempt.
    workers : WorkerSource
        Makes the process; nothing was asked of it yet.
    session : Session
        Open stores.

    Returns
    -------
    Ending
        How it went; what the attempt leaves behind is recorded.

    Raises
    ------
    MetaflowException
        The request makes no sense; nothing has run.
    """
    spec = _checked_spec(request)
    run, manifest = _joined(request, session.store)
    _check_artifacts(request, session, request.run_id)
    place = _place(request, run, session.store)
    node = plan_graph(request.run.graph, declare(request.run.flow, request.run.graph)).steps[
        request.step
    ]
    launch = Launch(
        request.task_id,
        request.step,
        request.attempt,
        place.frames,
        tuple(task.task_id for task in place.inputs),
        is_join=node.is_join,
        last_attempt=request.attempt >= request.user_retries,
        fallback=request.attempt > request.user_retries,
        gang=_gang(request, place),
    )
    failure = SingleTaskFailed(request.step, request.task_id, request.attempt)
    plan = SingleTaskPlan(node, launch, failure)
    later = begin_packing(request.run, workers)
    context = _context(request, run, manifest, session)
    workers.configure(context._replace(package=later))
    workers.request(spec.env, 1)
    if later is not None:
        pack_later(workers)
    # The launch of a first attempt records its task too, but a later one may be the first
    # that gets as far as this.
    created = TaskCreated(
        request.task_id, request.step, time.time(), place.frames, launch.input_ids
    )
    holding = Holding(request.task_id)
    session.store.write(run.key, (created, holding.sign()))
    path = log_path(request.run.root, request.run.flow.__name__, request.run_id)
    book = EchoingBook(
        lambda: open_log(path, request.run.artifact_root), request.run.max_log_size_mb * MEGABYTE
    )
    journal = TaskJournal(
        session.store, launch, session.store.run_metadata(run.key), ends_run=node.is_end
    )
    console = SilentConsole(request.run_id, color=False)
    if packs_first(request.run, workers):
        record_package(pack_first(request.run), journal, run.key)
    specs = {request.step: spec}
    loop = RunLoop(plan, workers, journal, run.key, specs, console, book)
    loop.keep_alive(holding)
    for task in place.inputs:
        loop.know(task)
    try:
        loop.run(request.step)
    finally:
        book.close()
    await_package(workers, journal, run.key, console)
    return Ending(loop.error, plan.retryable)


def clone_single(request: TaskRequest, origin: TaskPath, session: "Session") -> None:
    """Record a task as done, with what a task of an earlier run has left behind.

    Parameters
    ----------
    request : TaskRequest
        The task.
    origin : TaskPath
        The task that it takes everything from.
    session : Session
        Open stores.

    Raises
    ------
    MetaflowException
        There is no such task, or it has not succeeded; nothing is recorded.
    """
    store, flow = session.store, request.run.flow.__name__
    run, _ = _joined(request._replace(origin_run_id=origin.run_id), store)
    for run_id in (request.run_id, origin.run_id):
        _check_artifacts(request, session, run_id)
    earlier = store.join_run(flow, origin.run_id)
    found = None if earlier is None else store.named_tasks(earlier.key, [origin.task_id])
    if not found or found[0].step != origin.step or origin.step != request.step:
        raise InputPathsWrong(request.step, f"there is no finished task `{origin}` to clone")
    if not (found[0].ok or found[0].handled):
        raise InputPathsWrong(request.step, f"`{origin}` has failed, so it can't be cloned")
    place = _place(request, run, store)
    parents = tuple(task.task_id for task in place.inputs)
    now, task = time.time(), found[0]
    created = TaskCreated(request.task_id, request.step, now, place.frames, parents, origin.task_id)
    done = AttemptDone(
        request.task_id, 0, now, task.ok, task.handled, task.manifest_json, task.transition
    )
    gang = _gang(request, place)
    facts = () if gang is None else gang_facts(request.task_id, 0, gang, now)
    store.write(run.key, (created, done, *facts))
    if request.step == request.run.graph.end_step:
        store.write(run.key, (RunDone(now, ok=True),))


def _checked_spec(request: TaskRequest) -> StepSpec:
    spec = declare(request.run.flow, request.run.graph)[request.step]
    check_specs(request.run, {request.step: spec})
    if request.attempt > request.user_retries and not spec.fallbacks:
        raise AttemptsUsedUp(request.step, request.attempt)
    return spec


def _joined(request: TaskRequest, store: JoinableJournal) -> tuple[JoinedRun, str]:
    """Find the run and the manifest of its parameters."""
    flow = request.run.flow.__name__
    run = store.join_run(flow, request.run_id, request.run.tags, request.origin_run_id)
    manifest = None if run is None else store.parameters(run.key)
    if run is None or manifest is None:
        raise RunNotBegun(flow, request.run_id)
    return run, manifest


def _check_artifacts(request: TaskRequest, session: "Session", run_id: str) -> None:
    check_same_artifacts(session, request.run.flow.__name__, run_id, request.run.artifact_root)


def _place(request: TaskRequest, run: JoinedRun, store: JoinableJournal) -> Place | MemberPlace:
    step, index = request.step, request.split_index
    inputs = finished_tasks(store, step, request.inputs, run, request.run_id)
    if request.member is not None:
        return find_member(step, request.task_id, inputs, index, request.member)
    return find_place(request.run.graph, step, inputs, index, gang_width(store, run, inputs))


def _gang(request: TaskRequest, place: Place | MemberPlace) -> GangPlace | None:
    if request.member is None or not isinstance(place, MemberPlace):
        return None
    port = port_of(place.gang, request.run_id, request.attempt, request.member)
    return place.gang._replace(port=port)


def _context(request: TaskRequest, run: JoinedRun, manifest: str, session: "Session") -> RunContext:
    parameters = manifest_from_json(json.loads(manifest))
    context = FlowRun(request.run, {}, NoWorkers(), session).context(request.run_id, parameters)
    return context._replace(
        pack=run.pack, tags=run.tags, user=run.user, origin_run_id=run.origin_run_id
    )


def stored_values(
    session: "Session", flow: str, run_id: str, names: Sequence[str]
) -> dict[str, Any]:
    """Load parameters or configs of a run that has been begun.

    Raises
    ------
    RunNotBegun
        There is no such run, or it has no parameters yet.
    """
    run = session.store.join_run(flow, run_id)
    text = None if run is None else session.store.parameters(run.key)
    if text is None:
        raise RunNotBegun(flow, run_id)
    manifest = manifest_from_json(json.loads(text))
    artifacts = session.artifacts_of(flow, run_id)
    return {name: artifacts.load(manifest[name]) for name in names if name in manifest}
