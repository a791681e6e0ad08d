"""How a flow class, as its author wrote it, becomes the one that is checked and run.

Every process that works with a flow goes the same way: first `begin`, once the values of its
configs are known, then `finish`, with the decorators that the command line adds. Both change
only the class that they are given, and start from what its author wrote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from metaflow import registry
from metaflow.authoring.overlay import restore
from metaflow.authoring.step_decorators import StepDecorator, parse_decospec
from metaflow.authoring.steps import own_step, step_functions
from metaflow.errors.definition import UnknownStepDecoratorException

STATE: Final = "__composition__"


class Composition:
    """How far a flow class is composed, and of what."""

    __slots__ = ("configs", "decospecs")

    def __init__(self, configs: Mapping[str, Any]) -> None:
        self.configs = dict(configs)
        self.decospecs: tuple[str, ...] | None = None
        """What `finish` was given; None before it."""


def begin(flow: type, configs: Mapping[str, Any]) -> None:
    """Do what can be done once configs are known: afterwards parameters are final.

    Parameters
    ----------
    flow : type of FlowSpec
        The flow class. Composed with the same configs already, it stays as it is.
    configs : mapping
        Value of each config by attribute name; empty for a flow without configs.

    Raises
    ------
    MetaflowException
        A mutator or a value that is derived from a config is at fault.
    """
    known: Composition | None = vars(flow).get(STATE)
    if known is not None and known.configs == configs:
        return
    _begin_anew(flow, configs)


def finish(flow: type, decospecs: Sequence[str]) -> None:
    """Add the decorators of the command line and let mutators have the last word.

    Parameters
    ----------
    flow : type of FlowSpec
        The flow class. If `begin` was not called, it has no configs.
    decospecs : sequence of str
        Decorators as `name` or `name:key=value,key=value`; the first of a name wins, and a
        step that has the decorator already keeps its own.

    Raises
    ------
    UnknownStepDecoratorException
        There is no decorator of that name.
    InvalidDecoratorAttribute
        A decorator does not take that attribute.
    """
    specs = tuple(decospecs)
    known: Composition | None = vars(flow).get(STATE)
    if known is None:
        begin(flow, {})
    elif known.decospecs == specs:
        return
    elif known.decospecs is not None:
        _begin_anew(flow, known.configs)
    _attach(flow, specs)
    vars(flow)[STATE].decospecs = specs
    type.__setattr__(flow, "__with_specs__", specs)
    _renew_graph(flow)


def _begin_anew(flow: type, configs: Mapping[str, Any]) -> None:
    restore(flow)
    type.__setattr__(flow, STATE, Composition(configs))
    _renew_graph(flow)


def _attach(flow: type, decospecs: Sequence[str]) -> None:
    for spec in decospecs:
        name, attributes = parse_decospec(spec)
        try:
            decorator: type[StepDecorator] = registry.load("step_decorator", name)
        except KeyError:
            raise UnknownStepDecoratorException(name, registry.names("step_decorator")) from None
        for step, function in list(step_functions(flow)):
            if decorator.allow_multiple or all(known.name != name for known in function.decorators):
                own_step(flow, step).decorators.append(decorator(attributes))


def _renew_graph(flow: type) -> None:
    """Let a graph that was built before know the functions that were copied since."""
    graph: Any = vars(flow).get("__graph__")
    if graph is not None:
        for name, function in step_functions(flow):
            graph[name].function = function
