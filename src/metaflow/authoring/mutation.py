"""How a mutator's change is made: who asks for it, when, and which decorator is meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final, TypeAlias

from metaflow.authoring.custom_base import Custom, CustomMeta, qualified_name
from metaflow.authoring.older_names import public_name
from metaflow.authoring.overlay import declared, put
from metaflow.authoring.step_decorators import parse_decospec
from metaflow.errors.custom import MutationConflict, MutationNotAllowed

Spec: TypeAlias = tuple[str, str, list[Any], dict[str, Any]]
"""Short name, qualified name, arguments and keyword arguments of a decorator."""


class Change:
    """One call of a mutator: on which flow, by whom, in which phase.

    Parameters
    ----------
    flow : type
        The flow class that is being composed.
    mutator : Custom
        Who asks for changes.
    resolve : callable
        Computes what is delayed in a value.
    is_early : bool
        The phase is `pre_mutate`.
    """

    __slots__ = ("flow", "is_early", "mutator", "resolve")

    def __init__(
        self, flow: type, mutator: Custom, resolve: Callable[[Any], Any], *, is_early: bool
    ) -> None:
        self.flow: type = flow
        self.mutator: Custom = mutator
        self.resolve: Callable[[Any], Any] = resolve
        self.is_early: bool = is_early

    @property
    def origin(self) -> list[str]:
        """Who has caused what is added."""
        return [*(self.mutator.inserted_by or ()), qualified_name(type(self.mutator))]

    def require_early(self, what: str) -> None:
        """Refuse a change that comes too late.

        Raises
        ------
        MutationNotAllowed
            The phase is `mutate`.
        """
        if not self.is_early:
            raise MutationNotAllowed(
                f"Mutator `{type(self.mutator).__name__}`: {what} is only allowed in the "
                "`pre_mutate` method."
            )


class Decorated:
    """What flows and steps have in common for a mutator: decorators that it may look at."""

    IGNORE: ClassVar[int] = 1
    """To a decorator that is there already, add nothing."""
    ERROR: ClassVar[int] = 2
    """Raise an error if it stands in the source, else add nothing."""
    OVERRIDE: ClassVar[int] = 3
    """Replace it."""

    @property
    def decorator_specs(self) -> Iterator[Spec]:
        """Short name, qualified name, arguments and keyword arguments of each decorator."""
        return iter([spec_of(known) for known in self._decorators()])

    def has_decorator(self, name: str) -> bool:
        """Tell whether there is a decorator; a name with a dot is a qualified one."""
        return any(is_called(spec, name) for spec in self.decorator_specs)

    def get_decorator_specs(self, name: str) -> list[Spec]:
        """List the specs of all decorators of a name; one with a dot is a qualified name."""
        return [spec for spec in self.decorator_specs if is_called(spec, name)]

    def _decorators(self) -> Sequence[Any]:
        raise NotImplementedError


def settle_kind(
    given: Any,
    args: Sequence[Any] | None,
    kwargs: Mapping[str, Any] | None,
    find: Callable[[str], Any],
) -> tuple[Any, Sequence[Any], Mapping[str, Any]]:
    """Find out which decorator is meant, and with which arguments.

    Parameters
    ----------
    given : decorator, class or str
        What would stand after `@`; or a name, with arguments as in `--with`.
    args, kwargs : optional
        Arguments that are given besides.
    find : callable
        Finds a class by its name.

    Returns
    -------
    tuple
        The class, arguments and keyword arguments.

    Raises
    ------
    MutationConflict
        Arguments are given twice, or to a decorator that takes none of that kind.
    """
    kind = given
    if isinstance(given, str):
        name, attributes = parse_decospec(given)
        if ":" in given:
            _require(not args and not kwargs, given, "has arguments both in its text and besides")
            kwargs = attributes
        kind = find(name)
    elif isinstance(given, Custom):
        kind = type(given)
        if args is None and kwargs is None:
            args, kwargs = given._args, given._kwargs
    elif not isinstance(given, type):
        kind = getattr(given, "decorator", None)
    _require(isinstance(kind, type), given, "is not a decorator")
    _require(isinstance(kind, CustomMeta) or not args, given, "takes keyword arguments only")
    return kind, tuple(args or ()), dict(kwargs or {})


def _require(condition: bool, given: Any, problem: str) -> None:
    if not condition:
        shown = given if isinstance(given, str) else getattr(given, "__name__", repr(given))
        raise MutationConflict(f"Decorator `{shown}` {problem}.")


def new_custom(
    change: Change, kind: CustomMeta, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Any:
    """Make one of what a user has written, as a mutator adds it."""
    cls: Any = kind
    made = cls.__new__(cls)
    made._take_arguments(args, kwargs)
    made.statically_defined = change.mutator.statically_defined
    made.inserted_by = change.origin
    return made


def spec_of(decorator: Any) -> Spec:
    """Describe a decorator, built-in or not."""
    custom: Any = decorator if isinstance(decorator, Custom) else getattr(decorator, "custom", None)
    if custom is not None:
        spec: Spec = custom._spec()
        return spec
    plain: Any = decorator
    return plain.name, public_name(qualified_name(type(plain))), [], dict(plain.given)


def is_called(spec: Spec, name: str) -> bool:
    """Tell whether a decorator has this name; one with a dot is a qualified name."""
    return public_name(name) == spec[1] if "." in name else name == spec[0]


def matches(
    spec: Spec, name: str, args: Sequence[Any] | None, kwargs: Mapping[str, Any] | None
) -> bool:
    """Tell whether a decorator has this name and, where they are given, these arguments."""
    return (
        is_called(spec, name)
        and (args is None or list(args) == spec[2])
        and (kwargs is None or dict(kwargs) == spec[3])
    )


def name_of(kind: Any) -> str:
    """Name a kind of decorator as it stands after `@`."""
    return str(kind.__name__ if isinstance(kind, CustomMeta) else kind.name)


class Removed:
    """Descriptor that hides a parameter which a base class or the author has declared."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name: str = name

    def __get__(self, instance: Any, owner: type) -> Any:
        """Behave like an attribute that is not there."""
        raise AttributeError(f"Flow {owner.__name__} has no attribute '{self.name}'")


FLOW_MUTATORS: Final = "__flow_mutators__"
"""Attribute of a class that holds the mutators above it, the closest first."""

COMPOSED: Final = "__composed_flow_mutators__"
"""Attribute of a flow that holds all its mutators, as they were made for it."""


def declared_flow_mutators(flow: type) -> list[Any]:
    """List the mutators of a flow and its bases, those of base classes first."""
    return [
        mutator
        for base in reversed(flow.__mro__)
        for mutator in declared(base).get(FLOW_MUTATORS, ())
    ]


def flow_mutators(flow: type) -> list[Any]:
    """The list of mutators that was made for a flow; what is appended gets its turn."""
    known: list[Any] | None = vars(flow).get(COMPOSED)
    if known is None:
        known = []
        put(flow, COMPOSED, known)
    return known
