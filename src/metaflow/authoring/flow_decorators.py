"""What a flow decorator is, how it gets onto a flow, and which ones a flow has."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, TypeVar, overload

from metaflow import registry
from metaflow.authoring.decorator import Decorator
from metaflow.authoring.flowspec import FlowSpec
from metaflow.authoring.overlay import declared, put
from metaflow.errors.base import MetaflowException
from metaflow.errors.decorator import InvalidFlowDecorator
from metaflow.errors.definition import (
    BadFlowDecoratorException,
    DuplicateFlowDecoratorException,
    InvalidDecoratorAttribute,
    UnknownFlowDecoratorException,
)
from metaflow.model.flow_facts import FlowFacts, Situation

C = TypeVar("C", bound=type)

OWN: Final = "__flow_decorators__"
"""Attribute of a class that holds the decorators above it, the closest first."""

COMPOSED: Final = "__composed_flow_decorators__"
"""Attribute of a flow that holds all its decorators, once they were changed for it alone."""


class FlowDecorator(Decorator):
    """Base of the flow decorators.

    Parameters
    ----------
    attributes : mapping
        The keyword arguments that the user gave.
    statically_defined : bool, default False
        The decorator stands in the source file.
    place : tuple of str and int, optional
        File and line that it stands on.
    """

    options: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Top-level options that the decorator adds to the command line: what `click.Option` takes,
    by name."""

    def __init__(
        self,
        attributes: Mapping[str, Any],
        *,
        statically_defined: bool = False,
        place: tuple[str | None, int | None] = (None, None),
    ) -> None:
        self.place: tuple[str | None, int | None] = place
        super().__init__(attributes, statically_defined=statically_defined)

    def assign(self, attributes: Mapping[str, Any]) -> None:
        """Take in the keyword arguments; an error says where the decorator stands."""
        try:
            super().assign(attributes)
        except InvalidDecoratorAttribute as error:
            error.source_file, error.line_no = self.place
            raise

    def check(self, flow: type, graph: Any) -> None:
        """Refuse what does not fit the flow, before anything runs; `graph` is a FlowGraph."""

    def declare(self, facts: FlowFacts, situation: Situation) -> FlowFacts:
        """Add this decorator's facts to the flow's; none by default."""
        del situation
        return facts

    def invalid(self, given: str, allowed: str) -> InvalidFlowDecorator:
        """Make the error for an argument that makes no sense."""
        return InvalidFlowDecorator(self.name, self.place, given, allowed)

    def __str__(self) -> str:
        if not self.given:
            return f"@{self.name}"
        given = ", ".join(f"{name}={shown(value)}" for name, value in self.given.items())
        return f"@{self.name}({given})"


def shown(value: Any) -> str:
    """Write a value as a reader of the flow would: functions by their names."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(shown(item) for item in value)}]"
    name = getattr(value, "__qualname__", None) if callable(value) else None
    return repr(value) if name is None else str(name)


class FlowDecoratorSyntax:
    """What a user writes above a flow: `@schedule` or `@schedule(hourly=True)`."""

    def __init__(self, decorator: type[FlowDecorator]) -> None:
        self.decorator = decorator
        self.__name__: str = decorator.name
        self.__doc__ = decorator.__doc__

    @overload
    def __call__(self, flow: C, /) -> C: ...
    @overload
    def __call__(self, /, **attributes: Any) -> Callable[[C], C]: ...
    def __call__(self, flow: C | None = None, /, **attributes: Any) -> Any:
        """Decorate a flow."""
        caller = sys._getframe(1)  # noqa: SLF001 - errors name the line of the decorator
        place = (caller.f_code.co_filename, caller.f_lineno)
        try:
            made = self.decorator(attributes, statically_defined=True, place=place)
        except MetaflowException as error:
            from metaflow.authoring.refusal import refused

            raise refused(error) from error.__cause__

        def add(cls: C) -> C:
            given: Any = cls
            if not (isinstance(given, type) and issubclass(given, FlowSpec)):
                from metaflow.authoring.refusal import refused

                kind = self.decorator
                raise refused(BadFlowDecoratorException(kind.name, cls, place, kind.defaults))
            known: tuple[FlowDecorator, ...] = vars(cls).get(OWN, ())
            type.__setattr__(cls, OWN, (*known, made))
            return cls

        return add if flow is None else add(flow)


def flow_decorators(flow: type) -> list[FlowDecorator]:
    """List the decorators of a flow and its bases, those of base classes first.

    Parameters
    ----------
    flow : type
        The flow class.

    Returns
    -------
    list of FlowDecorator
        As composed for this flow.

    Raises
    ------
    DuplicateFlowDecoratorException
        One that may stand on a flow only once is there twice.
    """
    composed: list[FlowDecorator] | None = vars(flow).get(COMPOSED)
    if composed is None:
        composed = [
            decorator
            for base in reversed(flow.__mro__)
            for decorator in declared(base).get(OWN, ())
        ]
    seen: set[str] = set()
    for decorator in composed:
        if decorator.name in seen and not decorator.allow_multiple:
            raise DuplicateFlowDecoratorException(decorator.name, flow.__name__, decorator.place)
        seen.add(decorator.name)
    return list(composed)


def own_flow_decorators(flow: type) -> list[FlowDecorator]:
    """Give a flow class copies of its decorators, to be changed, added to and taken from.

    Parameters
    ----------
    flow : type
        The flow class that is being composed.

    Returns
    -------
    list of FlowDecorator
        The list itself; the same one each time until the composition starts anew.
    """
    known: list[FlowDecorator] | None = vars(flow).get(COMPOSED)
    if known is None:
        known = [decorator.clone() for decorator in flow_decorators(flow)]
        put(flow, COMPOSED, known)
    return known


def find_flow_decorator(name: str) -> type[FlowDecorator]:
    """Find a kind of flow decorator by its name.

    Raises
    ------
    UnknownFlowDecoratorException
        There is none of that name.
    """
    try:
        found: type[FlowDecorator] = registry.load("flow_decorator", name)
    except KeyError:
        raise UnknownFlowDecoratorException(name, registry.names("flow_decorator")) from None
    return found


def declare_flow(flow: type, situation: Situation) -> FlowFacts:
    """Let the decorators of a flow speak.

    Parameters
    ----------
    flow : type
        The flow class; its configs are settled.
    situation : Situation
        In which circumstances they are asked.

    Returns
    -------
    FlowFacts
        What they declare.

    Raises
    ------
    MetaflowException
        A decorator has a bad value.
    """
    facts = FlowFacts()
    # Others may ask which project the flow belongs to.
    ordered = sorted(flow_decorators(flow), key=lambda decorator: decorator.name != "project")
    for decorator in ordered:
        facts = decorator.declare(facts, situation)
    return facts


def call_deploy_time(function: Callable[..., Any], context: Any) -> Any:
    """Call a function that computes a value when the flow is deployed.

    Parameters
    ----------
    function : callable
        Of the user; it may take the context, or nothing.
    context : Any
        What it is told.

    Returns
    -------
    Any
        What it returns.
    """
    import inspect

    try:
        inspect.signature(function).bind(context)
    except TypeError:
        return function()
    return function(context)
