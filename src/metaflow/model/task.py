"""What a task is told and what it answers: frames, assignments, transitions, outcomes."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self, overload

from metaflow.model.artifact import ArtifactRef, ItemsRef, Unread, manifest_from_json
from metaflow.model.package import PackageOrder

GANG_VAR = "num_parallel"
"""What stands for the foreach artifact in the frame of a gang's task, whose item is its node."""


class Frame(NamedTuple):
    """One open split around a task, outermost first in a task's `frames`."""

    step: str
    """The step that split."""
    task_id: str
    """The task that split."""
    var: str | None
    """Name of the foreach artifact; None for a static split."""
    index: int  # type: ignore[assignment]  # the word is worth more than tuple's method
    """Position of this branch in the split, from 0."""
    count: int | None  # type: ignore[assignment]  # as above
    """Number of branches; None in a gang, which is as large as its step finds right."""
    items: ItemsRef | None = None
    """Where a foreach's items are, when they were stored one by one."""
    label: str | None = None
    """The item as a short text, for people."""

    @classmethod
    def from_json(cls, value: list[Any]) -> Self:
        """Rebuild a frame from the array that JSON made of it."""
        step, task_id, var, index, count, items, label = value
        items_ref = None if items is None else ItemsRef.from_json(items)
        return cls(step, task_id, var, index, count, items_ref, label)

    @property
    def is_gang(self) -> bool:
        """Whether `num_parallel` has split here: the item is the node's number."""
        return self.count is None and self.items is None


class Transition(NamedTuple):
    """What `self.next` said: where the run goes from a task."""

    targets: tuple[str, ...]
    """Steps to run next; for a switch just the chosen one."""
    var: str | None = None
    """Name of the foreach artifact, if this is a foreach."""
    count: int | None = 0  # type: ignore[assignment]  # as in `Frame`
    """Number of foreach items, or of a gang's nodes; None for an unbounded foreach."""
    items: ItemsRef | None = None
    condition: str | None = None
    """Name of the switch's artifact, if this is a switch."""

    @classmethod
    def from_json(cls, value: list[Any]) -> Self:
        """Rebuild a transition from the array that JSON made of it."""
        targets, var, count, items, condition = value
        items_ref = None if items is None else ItemsRef.from_json(items)
        return cls(tuple(targets), var, count, items_ref, condition)

    @property
    def is_gang(self) -> bool:
        """Whether the tasks that follow run and succeed together."""
        return self.count is None or (self.var is None and self.count > 0)

    @property
    def width(self) -> int:
        """Number of tasks that follow and run the user's code."""
        if self.count is None and self.items is not None:
            return self.items.count
        return self.count or len(self.targets)


class Input(NamedTuple):
    """One finished predecessor of a task."""

    step: str
    task_id: str
    frames: tuple[Frame, ...]
    manifest: Mapping[str, Unread]

    @classmethod
    def from_json(cls, value: list[Any]) -> Self:
        """Rebuild an input from the array that JSON made of it."""
        step, task_id, frames, manifest = value
        return cls(
            step,
            task_id,
            tuple(Frame.from_json(frame) for frame in frames),
            manifest,
        )


class UnreadInputs(Sequence[Input]):
    """Inputs as the lines that JSON made of them; each is read whenever it is asked for.

    A join may have thousands of them and look at a few.
    """

    __slots__ = ("_lines",)

    def __init__(self, lines: list[bytes]) -> None:
        self._lines: list[bytes] = lines

    @overload
    def __getitem__(self, index: int) -> Input: ...
    @overload
    def __getitem__(self, index: slice) -> "UnreadInputs": ...
    def __getitem__(self, index: int | slice) -> "Input | UnreadInputs":
        """Read one input, or take some of them for a slice."""
        if isinstance(index, slice):
            return UnreadInputs(self._lines[index])
        return Input.from_json(json.loads(self._lines[index]))

    def __len__(self) -> int:
        """Count the inputs."""
        return len(self._lines)


class RunContext(NamedTuple):
    """What all tasks of a run share; known before the first one starts."""

    flow: str
    run_id: str
    root: str
    """Root directory of the store of facts, absolute."""
    pack: str
    """Name of the run's pack, relative to the root."""
    parameters: dict[str, ArtifactRef]
    """Parameters, class constants and `_graph_info`: artifacts that every task has."""
    parameter_names: tuple[str, ...]
    tags: tuple[str, ...]
    user: str
    namespace: str | None
    origin_run_id: str | None = None
    metadata_spec: str = ""
    """What `metaflow.metadata()` takes to find this run, such as `local@DIR`."""
    with_specs: tuple[str, ...] = ()
    """Decorators given on the command line, to be attached to every step."""
    current: dict[str, Any] | None = None
    """Further values of `current`, from the flow's decorators."""
    triggered_by: str = ""
    """What has started the run, as JSON; empty if it was started by hand."""
    package: PackageOrder | None = None
    """What of the user's code a warm parent shall have packed while tasks run."""
    without_decorators: tuple[str, ...] = ()
    """Names of decorators that take no effect in this run."""
    artifact_root: str = ""
    """Address in an object store where artifacts are; empty for beside the facts, in `root`."""

    @property
    def place_of_artifacts(self) -> str:
        """Root of the artifact store: a directory, or an address in an object store."""
        return self.artifact_root or self.root

    @classmethod
    def from_json(cls, value: list[Any]) -> Self:
        """Rebuild a context from the array that JSON made of it."""
        context = cls(*value)
        return context._replace(
            parameters=manifest_from_json(value[4]),
            parameter_names=tuple(context.parameter_names),
            tags=tuple(context.tags),
            with_specs=tuple(context.with_specs),
            package=context.package and PackageOrder.from_json(list(context.package)),
            without_decorators=tuple(context.without_decorators),
        )


class GangPlace(NamedTuple):
    """Which member of which gang a task is."""

    control_id: str
    """Id of the gang's control task, which the ids of the others begin with."""
    node: int
    """Number of this member, from 0; -1 for a control task that runs no code of the user."""
    count: int  # type: ignore[assignment]  # as in `Frame`
    """Number of members that run the user's code."""
    port: int = 0
    """Where the members meet, the same for all of them; 0 until the attempt starts."""
    main_ip: str = ""
    """Address of node 0; empty for this machine."""


class Assignment(NamedTuple):
    """One attempt of one task, as a worker is told of it."""

    step: str
    task_id: str
    attempt: int
    frames: tuple[Frame, ...]
    inputs: Sequence[Input]
    """One for a plain step, all siblings in the order of the split for a join, none for
    the start step."""
    is_join: bool = False
    last_attempt: bool = True
    """No retry of the user's code follows this attempt."""
    fallback: bool = False
    """Earlier attempts died without an exception; run no user code."""
    gang: GangPlace | None = None

    @classmethod
    def from_json(cls, value: list[Any]) -> Self:
        """Rebuild an assignment from the array that JSON made of it."""
        step, task_id, attempt, frames, inputs, is_join, last_attempt, fallback, *gang = value
        return cls(
            step,
            task_id,
            attempt,
            tuple(Frame.from_json(frame) for frame in frames),
            tuple(Input.from_json(item) for item in inputs),
            is_join,
            last_attempt,
            fallback,
            GangPlace(*gang[0]) if gang and gang[0] is not None else None,
        )

    @classmethod
    def from_body(cls, body: bytes) -> Self:
        """Rebuild an assignment from its text: an array, and a line for each input of a join."""
        if b"\n" not in body:
            return cls.from_json(json.loads(body))
        head, *lines = body.split(b"\n")
        return cls.from_json(json.loads(head))._replace(inputs=UnreadInputs(lines))


class Outcome(NamedTuple):
    """How an attempt ended, as the worker tells it once all its artifacts are stored."""

    ok: bool
    """The attempt finished: the step succeeded, or its failure was handled."""
    manifest: Mapping[str, Unread]
    transition: Transition | None
    handled: bool = False
    """The step failed and `@catch` took it: the task is finished but not successful."""
    retryable: bool = True
    """A failed attempt may be tried again."""
    error: str | None = None
    """For a failed attempt: one line that says what happened."""
