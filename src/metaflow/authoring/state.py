"""What stands behind a flow instance while a task runs: its inputs, its place, its exit."""

from collections.abc import Callable, KeysView
from itertools import islice
from typing import Any, NamedTuple, Protocol

from metaflow.errors.storage import ArtifactUnreadable
from metaflow.model.artifact import ArtifactRef, ItemsRef, Unread, read_ref
from metaflow.model.task import Frame, RunContext

FRAMEWORK_ARTIFACTS = frozenset({"_exception", "_graph_info", "_task_metadata", "name"})
"""Artifacts that the framework sets itself; no task inherits or merges them."""


class ArtifactReader(Protocol):
    """What a task needs of the artifact store to read."""

    def load(self, ref: ArtifactRef) -> Any:
        """Load one value."""
        ...

    def load_item(self, items: ItemsRef, index: int) -> Any:
        """Load one item of a foreach."""
        ...


class PendingTransition(NamedTuple):
    """What `self.next` said, before its foreach items are stored."""

    targets: tuple[str, ...]
    var: str | None = None
    values: list[Any] | None = None
    condition: str | None = None
    nodes: int = 0
    """Members of the gang that `num_parallel` asks for."""
    unbounded: bool = False
    """The items are an `UnboundedForeachInput`, whose tasks run as a gang."""


class TaskState:
    """Everything a flow instance knows beyond its own attributes.

    Parameters
    ----------
    context : RunContext
        What all tasks of the run share.
    step : str
        The step that runs.
    frames : tuple of Frame
        The open splits, outermost first.
    inherited : dict of str to ArtifactRef or its JSON array
        Artifacts of the only predecessor; empty in a join.
    store : ArtifactReader
        Where artifacts are read from.
    read_only : bool, default False
        The instance shows a finished task, as the inputs of a join do.
    """

    __slots__ = (
        "_values",
        "context",
        "frames",
        "inherited",
        "is_join",
        "read_only",
        "sealed",
        "step",
        "store",
        "transition",
    )

    def __init__(
        self,
        context: RunContext,
        step: str,
        frames: tuple[Frame, ...],
        inherited: dict[str, Unread],
        store: ArtifactReader,
        *,
        read_only: bool = False,
        is_join: bool = False,
    ) -> None:
        self.context: RunContext = context
        self.step: str = step
        self.frames: tuple[Frame, ...] = frames
        self.inherited: dict[str, Unread] = inherited
        self.store: ArtifactReader = store
        self.read_only: bool = read_only
        self.is_join: bool = is_join
        self.sealed: KeysView[str] = context.parameters.keys()
        self.transition: PendingTransition | None = None
        self._values: dict[Any, Any] = {}

    def load(self, name: str, ref: ArtifactRef) -> Any:
        """Load an artifact; an error says which it is."""
        try:
            return self.store.load(ref)
        except ArtifactUnreadable as error:
            self.tell_unreadable(error, name)
            raise

    def tell_unreadable(self, error: ArtifactUnreadable, name: str) -> None:
        """Let an error say which artifact it is about, and who has read it."""
        run = f"{self.context.flow}/{self.context.run_id}"
        error.name(f"Artifact `{name}` of run `{run}`, which step `{self.step}` needs,", run)

    def foreach_frames(self) -> list[Frame]:
        """Open foreachs, outermost first, without the static splits between them."""
        return [frame for frame in self.frames if frame.var is not None]

    def foreach_value(self, frame: Frame) -> Any:
        """Item of this task in one of its foreachs; None if the list was not carried along."""
        key = (frame.step, frame.task_id)
        if key not in self._values:
            self._values[key] = self._load_item(frame)
        return self._values[key]

    def parameter(self, name: str) -> Any:
        """Value of a parameter, loaded when first asked for."""
        if name not in self._values:
            self._values[name] = self.load(name, self.context.parameters[name])
        return self._values[name]

    def view(self, name: str, show: Callable[[Any], Any]) -> Any:
        """Value of a parameter as `show` makes it look, which is asked once."""
        key = (name, show)
        if key not in self._values:
            self._values[key] = show(self.parameter(name))
        return self._values[key]

    def _load_item(self, frame: Frame) -> Any:
        if frame.is_gang:
            return frame.index
        if frame.items is not None:
            try:
                return self.store.load_item(frame.items, frame.index)
            except ArtifactUnreadable as error:
                self.tell_unreadable(error, f"{frame.var}[{frame.index}]")
                raise
        ref = self.inherited.get(frame.var or "")
        if ref is None:
            return None
        values = self.load(frame.var or "", read_ref(ref))
        # The place of an item is its place in iteration, for every kind of iterable.
        return next(islice(values, frame.index, None), None)
