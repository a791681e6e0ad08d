"""What makes a method a step, and which attribute name a step is known by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar, overload

from metaflow.authoring.overlay import put, visible

F = TypeVar("F", bound=Callable[..., Any])


class StepFunction(Protocol):
    """A function that `@step` has marked; these attributes are what the graph reads."""

    __name__: str
    name: str
    is_step: bool
    is_start: bool
    is_end: bool
    node_info: dict[str, Any]
    decorators: list[Any]

    def __call__(self, *args: Any) -> Any:
        """Run the user's code."""


@overload
def step(function: F) -> F: ...
@overload
def step(
    *, start: bool = False, end: bool = False, node_info: Mapping[str, Any] | None = None
) -> Callable[[F], F]: ...
def step(
    function: F | None = None,
    *,
    start: bool = False,
    end: bool = False,
    node_info: Mapping[str, Any] | None = None,
) -> F | Callable[[F], F]:
    """Mark a method of a flow as a step.

    It must be the decorator closest to `def`; other step decorators go above it.

    Parameters
    ----------
    function : callable, optional
        The method, when the decorator is used without parentheses.
    start : bool, default False
        The flow starts here, whatever the step's name.
    end : bool, default False
        The flow ends here, whatever the step's name.
    node_info : mapping, optional
        Free facts about the step, copied as plain data into the graph's description.

    Returns
    -------
    callable
        The method itself, marked.
    """

    def mark(method: F) -> F:
        marked: Any = method
        marked.is_step = True
        marked.name = method.__name__
        marked.is_start = start
        marked.is_end = end
        marked.node_info = dict(node_info or {})
        marked.decorators = []
        return method

    return mark if function is None else mark(function)


def step_functions(flow: type) -> Iterator[tuple[str, StepFunction]]:
    """Iterate over a flow's steps as (attribute name, function), base classes first.

    A subclass that defines the name again replaces the step, or removes it when the new
    value is no step.
    """
    for name, value in visible(flow).items():
        if getattr(value, "is_step", False):
            yield name, value


def step_name(flow: type, method: Any) -> str | None:
    """Name by which `flow` knows this step method, or None when it is not one of its steps."""
    function = getattr(method, "__func__", method)
    if not getattr(function, "is_step", False):
        return None
    name: str = getattr(function, "__name__", "")
    if getattr(flow, name, None) is function:
        return name
    return next(
        (
            other
            for other, known in step_functions(flow)
            # A base class, or an earlier line of the program, may know another copy.
            if _original(known) is _original(function)
        ),
        None,
    )


def _original(function: Any) -> Any:
    return vars(function).get("original", function)


def own_step(flow: type, name: str) -> StepFunction:
    """Give a flow class a copy of a step for itself, whose decorators may be changed.

    Parameters
    ----------
    flow : type
        The flow class that is being composed.
    name : str
        The step, perhaps inherited.

    Returns
    -------
    StepFunction
        The copy; the same one each time until the composition starts anew.
    """
    from types import FunctionType

    known: Any = visible(flow)[name]
    if vars(known).get("owner") is flow:
        return known  # type: ignore[no-any-return]
    if isinstance(known, FunctionType):
        copied: Any = FunctionType(
            known.__code__, known.__globals__, known.__name__, known.__defaults__, known.__closure__
        )
        copied.__kwdefaults__ = known.__kwdefaults__
        copied.__qualname__ = known.__qualname__
        copied.__module__ = known.__module__
        copied.__doc__ = known.__doc__
        copied.__annotations__ = known.__annotations__
        copied.__dict__.update(known.__dict__)
    else:
        from copy import copy

        copied = copy(known)
    copied.decorators = [decorator.clone() for decorator in known.decorators]
    copied.owner = flow
    copied.original = known
    put(flow, name, copied)
    return copied  # type: ignore[no-any-return]
