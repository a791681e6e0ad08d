"""What a step decorator is, how it gets onto a step in code, and how a decospec is read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar, overload

from metaflow import registry
from metaflow.authoring.decorator import Decorator
from metaflow.authoring.steps import step_functions
from metaflow.errors.base import MetaflowException
from metaflow.errors.definition import (
    BadStepDecoratorException,
    DuplicateStepDecoratorException,
    InvalidDecoratorAttribute,
    UnknownStepDecoratorException,
)
from metaflow.model.spec import StepSpec
from metaflow.protocols.step_hook import Attempt

F = TypeVar("F", bound=Callable[..., Any])


class StepDecorator(Decorator):
    """Base of the step decorators."""

    precedence: ClassVar[int] = 50

    def is_like(self, other: StepDecorator) -> bool:
        """Tell whether another decorator is of the same kind."""
        return self.name == other.name

    def check(self, step: str, node: Any) -> None:
        """Refuse a bad value or place before anything runs; `node` is the step's graph node."""

    def declare(self, spec: StepSpec) -> StepSpec:
        """Add this decorator's facts to the step's; none by default."""
        return spec

    def around(self, attempt: Attempt, proceed: Callable[[], None]) -> None:
        """Run the attempt; nothing is added by default."""
        del attempt
        proceed()

    @property
    def visible(self) -> Mapping[str, Any]:
        """The attributes as they may be shown: a decorator masks what is secret."""
        return self.attributes

    def __str__(self) -> str:
        if not self.attributes:
            return f"@{self.name}"
        given = ", ".join(f"{name}={value!r}" for name, value in self.visible.items())
        return f"@{self.name}({given})"


class DecoratorSyntax:
    """What a user writes above a step: `@retry` or `@retry(times=3)`."""

    def __init__(self, decorator: type[StepDecorator]) -> None:
        self.decorator = decorator
        self.__name__: str = decorator.name
        self.__doc__ = decorator.__doc__

    @overload
    def __call__(self, function: F, /) -> F: ...
    @overload
    def __call__(self, /, **attributes: Any) -> Callable[[F], F]: ...
    def __call__(self, function: F | None = None, /, **attributes: Any) -> Any:
        """Decorate a step."""

        def add(method: F) -> F:
            try:
                self._put_on(method, attributes)
            except MetaflowException as error:
                from metaflow.authoring.refusal import refused

                raise refused(error) from error.__cause__
            return method

        return add if function is None else add(function)

    def _put_on(self, method: Any, attributes: Mapping[str, Any]) -> None:
        if not getattr(method, "is_step", False):
            raise BadStepDecoratorException(self.decorator.name, method, self.decorator.defaults)
        if any(known.name == self.decorator.name for known in method.decorators):
            raise DuplicateStepDecoratorException(self.decorator.name, method)
        method.decorators.append(self.decorator(attributes, statically_defined=True))


def find_step_decorator(name: str) -> Any:
    """Find a kind of step decorator by its name.

    Parameters
    ----------
    name : str
        Name of a built-in decorator, perhaps with its module; or of one that a user has
        written, perhaps with its module, which is then imported.

    Returns
    -------
    type
        The class of the decorator.

    Raises
    ------
    UnknownStepDecoratorException
        There is none.
    DecoratorAmbiguous
        Several that users have written have this name.
    """
    try:
        return registry.load("step_decorator", name)
    except KeyError:
        pass
    from metaflow.authoring.custom_base import find, loaded_names
    from metaflow.authoring.older_names import name_after_at

    short = name_after_at(name, "step_decorator")
    if short != name:
        return registry.load("step_decorator", short)
    found = find(name, "step")
    if found is None:
        known = [*registry.names("step_decorator"), *loaded_names("step")]
        raise UnknownStepDecoratorException(name, known)
    return found


def parse_decospec(spec: str) -> tuple[str, dict[str, Any]]:
    """Split `name:key=value,key=value` into the name and its attributes.

    Values are read as JSON where they are JSON, else they are strings. A comma ends a value
    only where `word=` follows, and never inside a JSON list, object or string.
    """
    name, _, rest = spec.partition(":")
    attributes: dict[str, Any] = {}
    while rest:
        match = re.match(r"\s*(\w+)\s*=\s*", rest)
        if match is None:
            raise InvalidDecoratorAttribute(name, rest, [])
        rest = rest[match.end() :]
        attributes[match[1]], rest = _take_value(rest)
    return name, attributes


def _take_value(text: str) -> tuple[Any, str]:
    try:
        value, end = json.JSONDecoder().raw_decode(text)
    except ValueError:
        pass
    else:
        following = re.match(r"\s*(,(?=\s*\w+\s*=)|$)", text[end:])
        if following is not None:
            return value, text[end + following.end() :]
    head, *tail = re.split(r",(?=\s*\w+\s*=)", text, maxsplit=1)
    return head, tail[0] if tail else ""


def declare(flow: type, graph: Any) -> dict[str, StepSpec]:
    """Let the decorators of every step speak.

    Parameters
    ----------
    flow : type
        The flow class, all decorators attached.
    graph : FlowGraph
        The flow's graph.

    Returns
    -------
    dict of str to StepSpec
        What each step declares, by name.

    Raises
    ------
    MetaflowException
        A decorator has a bad value or stands on the wrong step.
    """
    specs: dict[str, StepSpec] = {}
    for name, function in step_functions(flow):
        spec = StepSpec(name)
        for decorator in function.decorators:
            decorator.check(name, graph[name])
            spec = decorator.declare(spec)
        specs[name] = spec
    return specs
