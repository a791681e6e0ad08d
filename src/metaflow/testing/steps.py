"""How one step runs in the process of a test, with neither a store nor a run around it."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from metaflow.ambient import ambient
from metaflow.authoring.flowspec import FlowSpec, flow_graph
from metaflow.authoring.step_decorators import declare
from metaflow.errors.testing import StepCallInvalid
from metaflow.model.task import Assignment, Frame, Input
from metaflow.task.attempt import collect, perform
from metaflow.testing.memory import Memory
from metaflow.testing.surroundings import compose, run_context

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from metaflow.authoring.state import TaskState

TASK_ID: Final = "1"


class NextCall(NamedTuple):
    """What a step's `self.next` has said."""

    steps: tuple[str, ...]
    """Where it goes; for a switch just the chosen step."""
    foreach: str | None = None
    """Name of the attribute that a foreach goes over."""
    items: list[Any] | None = None
    """The items of the foreach."""
    condition: str | None = None
    """Name of the attribute that a switch looks at."""


class StepResult:
    """What a step has left behind; its artifacts are attributes.

    Attributes
    ----------
    artifacts : dict of str to Any
        All artifacts after the step, inherited ones included, parameters not.
    transition : NextCall or None
        What `self.next` has said; None for the end step and for a step that failed.
    exception : BaseException or None
        What the step has failed with.
    handled : BaseException or None
        The failure that a decorator such as `@catch` took upon itself.
    stdout, stderr : str
        What the step has printed.
    """

    def __init__(
        self,
        artifacts: dict[str, Any],
        transition: NextCall | None,
        failure: BaseException | None,
        handled: BaseException | None,
        printed: tuple[str, str],
    ) -> None:
        self.artifacts = artifacts
        self.transition = transition
        self.exception = failure
        self.handled = handled
        self.stdout: str
        self.stderr: str
        self.stdout, self.stderr = printed

    @property
    def next_steps(self) -> tuple[str, ...]:
        """Names of the steps that come next."""
        return () if self.transition is None else self.transition.steps

    @property
    def foreach_items(self) -> list[Any] | None:
        """Items of the foreach that the step opens; None if it opens none."""
        return None if self.transition is None else self.transition.items

    def __getattr__(self, name: str) -> Any:
        """Return an artifact."""
        artifacts: dict[str, Any] = self.__dict__.get("artifacts", {})
        if name in artifacts:
            return artifacts[name]
        raise AttributeError(
            f"The step has left no artifact {name!r}; there are {sorted(artifacts)}"
        )

    def __contains__(self, name: str) -> bool:
        """Tell whether there is an artifact of this name."""
        return name in self.artifacts

    def __repr__(self) -> str:
        return f"<StepResult {sorted(self.artifacts)} -> {', '.join(self.next_steps) or 'the end'}>"


def run_step(  # noqa: PLR0913 - what a step can be given; all by name
    flow: type[FlowSpec],
    step: str,
    *,
    artifacts: Mapping[str, Any] | None = None,
    inputs: Sequence[Mapping[str, Any]] | Mapping[str, Mapping[str, Any]] | None = None,
    input: Any = None,  # noqa: A002 - named as in the step
    index: int | None = None,
    parameters: Mapping[str, Any] | None = None,
    configs: Mapping[str, Any] | None = None,
    raises: bool = True,
) -> StepResult:
    """Run one step in this process, without a store, a run or another process.

    The step's decorators are at work as in a run. Values are handed to the step as they
    are, so test doubles may be among them.

    Parameters
    ----------
    flow : type of FlowSpec
        The flow class.
    step : str
        Name of the step.
    artifacts : mapping of str to Any, optional
        What the steps before have left.
    inputs : sequence of mappings, or mapping of step names to mappings, optional
        For a join: the artifacts of each of its inputs.
    input : Any, optional
        Item of the foreach around the step.
    index : int, optional
        Its position; 0 if only an item is given.
    parameters : mapping of str to Any, optional
        Values of parameters, by the names of their attributes or their own; the others
        have their defaults.
    configs : mapping of str to Any, optional
        Values of configs: text or mappings; the others have their defaults.
    raises : bool, default True
        Raise what the step fails with; otherwise it is in the result.

    Returns
    -------
    StepResult
        Artifacts, transition and output.

    Raises
    ------
    StepCallInvalid
        There is no such step, or it does not take what is given.
    BaseException
        What the step has raised.

    Examples
    --------
    >>> result = run_step(TrainFlow, "fit", artifacts={"rows": [1, 2]}, parameters={"alpha": 1})
    >>> assert result.score > 0.5
    >>> assert result.next_steps == ("join",)
    """
    compose(flow, configs or {})
    graph = flow_graph(flow)
    if step not in {node.name for node in graph}:
        raise StepCallInvalid(
            flow.__name__, step, "there is no such step", [node.name for node in graph]
        )
    memory = Memory()
    place = _Place(flow, step, memory)
    assignment = place.assignment(artifacts or {}, inputs, input, index)
    before = ambient.current
    try:
        context = run_context(flow, memory, parameters or {})
        with _as_in_a_task(dict(declare(flow, graph)[step].env)) as printed:
            state, attempt, failure = perform(flow, context, memory, assignment)
    finally:
        ambient.current = before
    if failure is None and state.transition is None and graph[step].out_funcs:
        failure = StepCallInvalid(
            flow.__name__, step, "it has ended without a call of `self.next`", graph[step].out_funcs
        )
    if failure is not None and raises:
        raise failure
    return StepResult(
        _artifacts(state, collect(attempt.flow), memory),
        _next_call(state),
        failure,
        attempt.handled,
        (printed[0].getvalue(), printed[1].getvalue()),
    )


class _Place:
    """Where a step stands in its flow, and what it is therefore given."""

    def __init__(self, flow: type[FlowSpec], step: str, memory: Memory) -> None:
        self._flow = flow.__name__
        self._step = step
        self._graph = flow_graph(flow)
        self._node = self._graph[step]
        self._memory = memory

    def assignment(
        self,
        artifacts: Mapping[str, Any],
        inputs: Sequence[Mapping[str, Any]] | Mapping[str, Mapping[str, Any]] | None,
        item: Any,
        index: int | None,
    ) -> Assignment:
        frames = self._frames(item, index)
        if (self._node.type == "join") is not (inputs is not None):
            is_join = self._node.type == "join"
            problem = "it is a join and needs `inputs`" if is_join else "it is no join"
            raise self._invalid(problem)
        if inputs is None:
            refs = self._memory.keep(artifacts)
            before = (self._node.in_funcs or [self._step])[0]
            found: tuple[Input, ...] = (Input(before, "0", frames, refs),)
        elif artifacts:
            raise self._invalid("a join has the artifacts of its `inputs`, not `artifacts`")
        else:
            found = tuple(self._inputs(inputs, frames))
        return Assignment(self._step, TASK_ID, 0, frames, found, is_join=self._node.type == "join")

    def _frames(self, item: Any, index: int | None) -> tuple[Frame, ...]:
        if item is None and index is None:
            return ()
        around = [name for name in self._node.split_parents if self._graph[name].foreach_param]
        if self._node.type == "join" and self._graph[self._node.split_parents[-1]].foreach_param:
            around = around[:-1]
        if not around:
            raise self._invalid("`input` and `index` are for steps inside a foreach")
        place = index or 0
        items = self._memory.keep_items([None] * place + [item])
        var = self._graph[around[-1]].foreach_param
        return (Frame(around[-1], "0", var, place, place + 1, items),)

    def _inputs(
        self,
        inputs: Sequence[Mapping[str, Any]] | Mapping[str, Mapping[str, Any]],
        outer: tuple[Frame, ...],
    ) -> Iterator[Input]:
        before = self._node.in_funcs
        split = self._node.split_parents[-1]
        var = self._graph[split].foreach_param
        if isinstance(inputs, Mapping):
            unknown = sorted(inputs.keys() - set(before))
            if unknown:
                raise self._invalid(f"`{unknown[0]}` does not lead to it", before)
            named = [(step, values) for step, values in inputs.items()]
        elif var is None and len(inputs) == len(before):
            named = list(zip(before, inputs, strict=True))
        else:
            named = [(before[0], values) for values in inputs]
        for place, (step, values) in enumerate(named):
            frame = Frame(split, "0", var, place, len(named))
            refs = self._memory.keep(values, compared=True)
            yield Input(step, str(place), (*outer, frame), refs)

    def _invalid(self, problem: str, known: Sequence[str] = ()) -> StepCallInvalid:
        return StepCallInvalid(self._flow, self._step, problem, known)


@contextlib.contextmanager
def _as_in_a_task(env: Mapping[str, str]) -> Iterator[tuple[io.StringIO, io.StringIO]]:
    """Set what a task's process would have, and put it back at the end."""
    variables = {name: os.environ.get(name) for name in env}
    os.environ.update(env)
    printed = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(printed[0]), contextlib.redirect_stderr(printed[1]):
            yield printed
    finally:
        for name, value in variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _artifacts(state: TaskState, own: dict[str, Any], memory: Memory) -> dict[str, Any]:
    inherited = {name: memory.load(ref) for name, ref in state.inherited.items()}  # type: ignore[arg-type]  # references are made by this module, not read from JSON
    return {**inherited, **own}


def _next_call(state: TaskState) -> NextCall | None:
    made = state.transition
    return None if made is None else NextCall(made.targets, made.var, made.values, made.condition)
