"""What a join sees of its predecessors, and how their artifacts are merged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, overload

from metaflow.authoring.state import FRAMEWORK_ARTIFACTS, TaskState
from metaflow.errors.base import MetaflowException
from metaflow.errors.definition import (
    MissingInMergeArtifactsException,
    UnhandledInMergeArtifactsException,
)
from metaflow.model.artifact import OLDER, ArtifactRef, read_ref
from metaflow.model.task import Input

FlowT = TypeVar("FlowT")


class Inputs(Sequence[FlowT]):
    """The predecessors of a join, in the order of the split.

    Each element behaves like a read-only flow; it is made, and its artifacts are loaded,
    when first touched. `inputs.step_name` is the predecessor that ran that step.

    Parameters
    ----------
    items : sequence of Input
        The predecessors.
    show : callable
        Makes the read-only flow that shows one of them.
    """

    def __init__(self, items: Sequence[Input], show: Callable[[Input], FlowT]) -> None:
        self._items = items
        self._show = show
        self._made: list[FlowT | None] = [None] * len(items)

    @overload
    def __getitem__(self, index: int) -> FlowT: ...
    @overload
    def __getitem__(self, index: slice) -> list[FlowT]: ...
    def __getitem__(self, index: int | slice) -> FlowT | list[FlowT]:
        """Return one input, or a list of them for a slice."""
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self._items)))]
        made = self._made[index]
        if made is None:
            made = self._made[index] = self._show(self._items[index])
        return made

    def __len__(self) -> int:
        """Count the inputs."""
        return len(self._items)

    def __iter__(self) -> Iterator[FlowT]:
        """Iterate over the inputs, any number of times."""
        return (self[index] for index in range(len(self._items)))

    def __getattr__(self, name: str) -> FlowT:
        """Return the (last) predecessor that ran the step called `name`."""
        items = self.__dict__.get("_items", ())
        for index in range(len(items) - 1, -1, -1):
            if items[index].step == name:
                return self[index]
        steps = ", ".join(f"`{step}`" for step in dict.fromkeys(item.step for item in items))
        raise AttributeError(f"No input comes from a step `{name}`; they come from {steps}")


def merge(
    flow: Any,
    state: TaskState,
    inputs: Iterable[Any],
    exclude: Iterable[str] | None,
    include: Iterable[str] | None,
) -> dict[str, ArtifactRef]:
    """Find what `merge_artifacts` carries on, without loading any of it.

    Returns
    -------
    dict of str to ArtifactRef
        The artifacts on which all inputs that have them agree.

    Raises
    ------
    MetaflowException
        It is called outside a join, or with both `include` and `exclude`.
    UnhandledInMergeArtifactsException
        Inputs disagree.
    MissingInMergeArtifactsException
        A name in `include` is on no input.
    """
    if not state.is_join:
        raise MetaflowException(
            f"`merge_artifacts` was called in step `{state.step}`, which is not a join.",
            hint="only a step that takes `inputs` can merge artifacts",
        )
    included, excluded = set(include or ()), set(exclude or ())
    if included and excluded:
        raise MetaflowException("`merge_artifacts` takes either `include` or `exclude`, not both.")
    # One value per digest: what matters is whether inputs agree, not which of them is asked.
    found: dict[str, dict[str, ArtifactRef]] = {}
    for item in inputs:
        for name, unread in vars(item)["__state__"].inherited.items():
            ref = read_ref(unread)
            found.setdefault(name, {})[ref.digest] = ref
    taken = vars(flow).keys() | state.sealed | FRAMEWORK_ARTIFACTS | excluded
    wanted = {
        name: refs
        for name, refs in found.items()
        if name not in taken and (not included or name in included)
    }
    conflicts = sorted(
        name for name, refs in wanted.items() if len(refs) > 1 and not _are_equal(state, refs)
    )
    if conflicts:
        raise UnhandledInMergeArtifactsException(conflicts, state.step)
    missing = sorted(included - found.keys() - vars(flow).keys())
    if missing:
        raise MissingInMergeArtifactsException(missing, state.step)
    return {name: next(iter(refs.values())) for name, refs in wanted.items()}


def _are_equal(state: TaskState, refs: Mapping[str, ArtifactRef]) -> bool:
    """Compare values of which some were stored by an older version, under digests of its own."""
    if not any(ref.encoding.startswith(OLDER) for ref in refs.values()):
        return False
    import pickle

    return len({pickle.dumps(state.store.load(ref), 5) for ref in refs.values()}) == 1
