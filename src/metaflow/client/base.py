"""What all objects of the client have in common: identity, tags, how they are made.

A property that is None when something is not there has a type such as `Run | Any`, so that
who knows that it is there can say `Flow("F").latest_run.data.x` and checkers are content.
"""

# ruff: noqa: SLF001 - the classes of this folder make one another without a second look-up
from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from metaflow.client.scope import Scope, current_scope, scope_of
from metaflow.errors.metadata import AttemptInvalid, PathspecShapeWrong
from metaflow.model.spec import MAX_ATTEMPTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from metaflow.client.view import RunView

SHAPE: Final = ("FlowName", "run_id", "step", "task_id", "artifact")
"""What the components of a pathspec are."""

# Depth in a pathspec -> class. A child finds the class of its parent here, because modules
# import only those of their children.
_CLASSES: Final[dict[int, type[MetaflowObject]]] = {}


class MetaflowObject:
    """An object with a pathspec, found in the current store and namespace.

    Parameters
    ----------
    pathspec : str
        Which object, such as `MyFlow/1842/train/7`.
    attempt : int, optional
        Which attempt; tasks and artifacts have them.
    """

    __slots__ = ("__weakref__", "_scope")

    _depth: ClassVar[int]
    _kind: ClassVar[str]
    _scope: Scope

    def __init_subclass__(cls, *, depth: int, kind: str, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        cls._depth = depth
        cls._kind = kind
        _CLASSES[depth] = cls

    def __init__(
        self, pathspec: str, attempt: int | None = None, *, _namespace_check: bool = True
    ) -> None:
        self._scope = current_scope(checked=_namespace_check)
        components = split(type(self), pathspec)
        check_attempt(type(self), pathspec, attempt)
        self._locate(components, attempt)

    def _locate(self, components: Sequence[str], attempt: int | None) -> None:
        """Find the object in the scope; runs with the scope set and nothing else."""
        raise NotImplementedError

    @property
    def _run_view(self) -> RunView | None:
        """The run that the object belongs to; None for a flow."""
        raise NotImplementedError

    @classmethod
    def _found(cls, scope: Scope, components: Sequence[str], attempt: int | None = None) -> Self:
        """Find an object in a given scope."""
        found = cls.__new__(cls)
        found._scope = scope
        found._locate(components, attempt)
        return found

    @property
    def path_components(self) -> list[str]:
        """The parts of the pathspec."""
        raise NotImplementedError

    @property
    def created_at(self) -> datetime:
        """When the object came into being, as naive local time."""
        raise NotImplementedError

    @property
    def id(self) -> str:
        """Name of the object among its siblings."""
        return self.path_components[-1]

    @property
    def pathspec(self) -> str:
        """Identity of the object, such as `MyFlow/1842/train/7`."""
        return "/".join(self.path_components)

    # Typed loosely: modules import only those of their children, never of a parent.
    @property
    def parent(self) -> Any:
        """The object that contains this one; None for a flow."""
        if self._depth == 1:
            return None
        return _CLASSES[self._depth - 1]._found(self._scope, self.path_components[:-1])

    @property
    def user_tags(self) -> frozenset[str]:
        """Tags that users have put on the run."""
        view = self._run_view
        return frozenset() if view is None else view.tags[0]

    @property
    def system_tags(self) -> frozenset[str]:
        """Tags that the run was born with."""
        view = self._run_view
        return frozenset() if view is None else view.tags[1]

    @property
    def tags(self) -> frozenset[str]:
        """All tags of the run."""
        return self.user_tags | self.system_tags

    @property
    def origin_pathspec(self) -> str | None:
        """The object of the original run that a resumed one stands for; None otherwise."""
        return None

    def is_in_namespace(self) -> bool:
        """Say whether the object is in the namespace that is in force.

        Returns
        -------
        bool
            True if its run has the namespace's tag.
        """
        view = self._run_view
        return view is None or view.is_in(self._scope.namespace)

    def __repr__(self) -> str:
        attempt = self._chosen_attempt()
        which = "" if attempt is None else f", attempt={attempt}"
        return f"{type(self).__name__}('{self.pathspec}'{which})"

    def __reduce__(self) -> tuple[object, ...]:
        place = place_of(self._scope)
        return _restored, (type(self), self.path_components, self._chosen_attempt(), place)

    def _chosen_attempt(self) -> int | None:
        return None


def place_of(scope: Scope) -> tuple[str, str | None, bool]:
    """Say in plain data where a scope looks, for a pickle."""
    return scope.backing.spec, scope.namespace, scope.checked


def split(cls: type[MetaflowObject], pathspec: object) -> list[str]:
    """Take a pathspec apart.

    Raises
    ------
    MetaflowInvalidPathspec
        It is not one of this class's objects.
    """
    components = pathspec.split("/") if isinstance(pathspec, str) else []
    if len(components) != cls._depth or not all(components):
        raise PathspecShapeWrong(cls.__name__, "/".join(SHAPE[: cls._depth]), pathspec)
    return components


def check_attempt(cls: type[MetaflowObject], pathspec: str, attempt: object) -> None:
    """Refuse an attempt that cannot exist."""
    if attempt is None:
        return
    if cls._kind not in {"task", "artifact"}:
        raise AttemptInvalid(pathspec, attempt, "only tasks and artifacts have attempts")
    if not isinstance(attempt, int) or isinstance(attempt, bool):
        raise AttemptInvalid(pathspec, attempt, "attempts are numbers")
    if not 0 <= attempt < MAX_ATTEMPTS:
        raise AttemptInvalid(pathspec, attempt, f"attempts go from 0 to {MAX_ATTEMPTS - 1}")


def _restored(
    cls: type[MetaflowObject],
    components: list[str],
    attempt: int | None,
    place: tuple[str, str | None, bool],
) -> MetaflowObject:
    spec, namespace, checked = place
    return cls._found(scope_of(spec, namespace, checked=checked), components, attempt)
