"""How one attempt runs: the user's code inside its hooks, then its artifacts are stored."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from metaflow.ambient import ambient
from metaflow.authoring.flowspec import FlowSpec, bind, flow_graph, show_finished
from metaflow.authoring.inputs import Inputs
from metaflow.authoring.parameters import Parameter
from metaflow.authoring.state import (
    FRAMEWORK_ARTIFACTS,
    ArtifactReader,
    PendingTransition,
    TaskState,
)
from metaflow.errors.storage import ArtifactUnreadable, DataException
from metaflow.model.artifact import ArtifactRef, Unread, read_ref
from metaflow.model.spec import NO_RETRY_EXIT_CODE
from metaflow.model.task import Assignment, Outcome, RunContext, Transition
from metaflow.protocols.step_hook import Attempt, StepHook
from metaflow.task.report import describe, exception_artifact, print_failure, report_left_out

if TYPE_CHECKING:
    from metaflow.artifact_store.store import ArtifactStore


def run_attempt(
    flow: type[FlowSpec],
    context: RunContext,
    store: ArtifactStore,
    assignment: Assignment,
) -> Outcome:
    """Run one attempt and store everything it leaves behind.

    The flow's decorators are attached and its parameters sealed already.

    Parameters
    ----------
    flow : type
        The user's flow class.
    context : RunContext
        What all tasks of the run share.
    store : ArtifactStore
        Where artifacts are read and written.
    assignment : Assignment
        Which attempt of which task this is.

    Returns
    -------
    Outcome
        How it ended. All artifacts it names are stored already.
    """
    state, attempt, failure = perform(flow, context, store, assignment)
    try:
        store.verify_mapped()
    except ArtifactUnreadable as error:
        _tell_which(error, state, assignment)
        failure = error
    outcome = _conclude(store, state, attempt, failure)
    for tell in attempt.afterwards:
        try:
            tell(outcome.ok)
        except Exception as error:
            # What the task has stored is stored; the log says what went wrong since.
            print_failure(attempt.flow, error)
    return outcome


def _tell_which(error: ArtifactUnreadable, state: TaskState, assignment: Assignment) -> None:
    """Find the names under which the attempt was given bytes that are damaged."""
    given: list[Mapping[str, Unread]] = [state.inherited, state.context.parameters]
    if assignment.is_join:
        given += [item.manifest for item in assignment.inputs]
    names = {
        name
        for manifest in given
        for name, ref in manifest.items()
        if any(part.digest == error.digest for part in read_ref(ref).parts)
    }
    state.tell_unreadable(error, " or ".join(sorted(names)) or "of another run")


def perform(
    flow: type[FlowSpec], context: RunContext, store: ArtifactReader, assignment: Assignment
) -> tuple[TaskState, Attempt, BaseException | None]:
    """Run the user's code of one attempt inside its hooks, and store nothing.

    Parameters
    ----------
    flow, context, assignment
        As `run_attempt` takes them.
    store : ArtifactReader
        Where artifacts are read.

    Returns
    -------
    tuple of TaskState, Attempt and BaseException or None
        What stands behind the flow's instance, the attempt with the instance, and what the
        attempt has failed with.
    """
    state, attempt, arguments = _prepare(flow, context, assignment, store)
    ambient.current = _current(context, assignment, store)
    is_placeholder = assignment.gang is not None and assignment.gang.node < 0
    failure = None if is_placeholder else _call(flow, attempt, arguments)
    if attempt.handled is not None or is_placeholder:
        state.transition = static_transition(flow, assignment.step)
    return state, attempt, failure


def static_transition(flow: type[FlowSpec], step: str) -> PendingTransition:
    """Where a step goes by its source text alone."""
    return PendingTransition(tuple(flow_graph(flow)[step].out_funcs))


def _prepare(
    flow: type[FlowSpec],
    context: RunContext,
    assignment: Assignment,
    store: ArtifactReader,
) -> tuple[TaskState, Attempt, tuple[Any, ...]]:
    inherited: dict[str, Unread] = {}
    if assignment.inputs and not assignment.is_join:
        inherited = {
            name: ref
            for name, ref in assignment.inputs[0].manifest.items()
            if name not in FRAMEWORK_ARTIFACTS
        }
    state = TaskState(
        context,
        assignment.step,
        assignment.frames,
        inherited,
        store,
        is_join=assignment.is_join,
    )
    instance = bind(flow, state)
    attempt = Attempt(
        instance,
        assignment.step,
        assignment.attempt,
        last=assignment.last_attempt,
        fallback=assignment.fallback,
        gang=assignment.gang,
    )
    if not assignment.is_join:
        return state, attempt, ()
    inputs = Inputs(assignment.inputs, lambda item: show_finished(flow, item, state))
    attempt.inputs = inputs
    return state, attempt, (inputs,)


def _current(context: RunContext, assignment: Assignment, store: ArtifactReader) -> dict[str, Any]:
    pathspec = f"{context.flow}/{context.run_id}/{assignment.step}/{assignment.task_id}"
    return {
        "flow_name": context.flow,
        "run_id": context.run_id,
        "step_name": assignment.step,
        "task_id": assignment.task_id,
        "pathspec": pathspec,
        "retry_count": assignment.attempt,
        "origin_run_id": context.origin_run_id,
        "namespace": context.namespace,
        "username": context.user,
        "tags": set(context.tags),
        "parameter_names": list(context.parameter_names),
        "metadata_spec": context.metadata_spec,
        "triggered_by": context.triggered_by,
        "extras": dict(context.current or ()),
        "is_parallel": bool(assignment.frames) and assignment.frames[-1].is_gang,
        "graph": lambda: store.load(context.parameters["_graph_info"]),
    }


def _call(
    flow: type[FlowSpec], attempt: Attempt, arguments: tuple[Any, ...]
) -> BaseException | None:
    """Run the user's code inside the step's hooks; return what it raised."""
    function: Any = getattr(attempt.flow, attempt.step)

    def proceed() -> None:
        function(*arguments)

    hooks: list[StepHook] = sorted(
        getattr(flow, attempt.step).decorators, key=lambda hook: -hook.precedence
    )
    for hook in hooks:
        proceed = _wrapped(hook, attempt, proceed)
    try:
        proceed()
    except SystemExit as error:
        state: TaskState = vars(attempt.flow)["__state__"]
        finished = state.transition is not None or _is_end(attempt.flow, attempt.step)
        if error.code in {0, None} and finished:
            return None
        return error
    except BaseException as error:
        if isinstance(error, MemoryError):
            _free_frames(error)
        return error
    return None


def _free_frames(error: BaseException) -> None:
    """Let go of what the failed code holds: without memory nothing can be stored or told."""
    trace = error.__traceback__
    while trace is not None:
        with contextlib.suppress(RuntimeError):
            trace.tb_frame.clear()
        trace = trace.tb_next


def _wrapped(hook: StepHook, attempt: Attempt, inner: Callable[[], None]) -> Callable[[], None]:
    return lambda: hook.around(attempt, inner)


def _conclude(
    store: ArtifactStore, state: TaskState, attempt: Attempt, failure: BaseException | None
) -> Outcome:
    flow = attempt.flow
    values = collect(flow)
    if len(vars(flow)) > len(values) + 1:  # the task's state is no artifact
        report_left_out(flow, values)
    if failure is not None:
        print_failure(flow, failure)
        values["_exception"] = exception_artifact(failure)
    try:
        saved, failure = _save(store, state, flow, values, failure)
        manifest = {**state.inherited, **saved}
        if failure is None:
            transition = _stored_transition(store, state)
            return Outcome(True, manifest, transition, handled=attempt.handled is not None)
    except DataException as error:
        # Nothing of this attempt could be stored, for example because the disk is full.
        print_failure(flow, error)
        return Outcome(False, dict(state.inherited), None, error=describe(error))
    retryable = not _forbids_retry(failure)
    return Outcome(False, manifest, None, retryable=retryable, error=describe(failure))


def _save(
    store: ArtifactStore,
    state: TaskState,
    flow: FlowSpec,
    values: dict[str, Any],
    failure: BaseException | None,
) -> tuple[dict[str, ArtifactRef], BaseException | None]:
    """Store the artifacts; the first that can't be stored fails an attempt that went well."""
    known = {
        name: read_ref(state.inherited[name]) for name in values.keys() & state.inherited.keys()
    }
    saved, problems = store.save(values, state.context.pack, known)
    for problem in problems.values():
        print_failure(flow, problem)
        failure = failure or problem
    return saved, failure


def collect(flow: FlowSpec) -> dict[str, Any]:
    """Pick the attributes of a flow instance that become artifacts.

    Names that begin with two underscores, functions and bound methods stay behind.
    """
    return {
        name: value
        for name, value in vars(flow).items()
        if not name.startswith("__") and not isinstance(value, _CODE)
    }


_CODE = (FunctionType, MethodType, Parameter)


def _is_end(flow: FlowSpec, step: str) -> bool:
    return not flow_graph(type(flow))[step].out_funcs


def _forbids_retry(failure: BaseException) -> bool:
    return isinstance(failure, SystemExit) and failure.code == NO_RETRY_EXIT_CODE


def _stored_transition(store: ArtifactStore, state: TaskState) -> Transition | None:
    pending = state.transition
    if pending is None:
        return None
    if pending.values is None:
        return Transition(pending.targets, count=pending.nodes, condition=pending.condition)
    items = store.save_items(pending.values, state.context.pack)
    count = None if pending.unbounded else len(pending.values)
    return Transition(pending.targets, pending.var, count, items)
