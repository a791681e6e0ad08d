"""How a flow class, as its author wrote it, becomes the one that is checked and run.

Every process that works with a flow goes the same way: first `begin`, once the values of its
configs are known, then `finish`, with the decorators that the command line adds. Both change
only the class that they are given, and start from what its author wrote.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from metaflow import registry
from metaflow.authoring.overlay import put, restore
from metaflow.authoring.parameters import declared_parameters
from metaflow.authoring.step_decorators import StepDecorator, parse_decospec
from metaflow.authoring.steps import own_step, step_functions
from metaflow.errors.definition import UnknownStepDecoratorException

STATE: Final = "__composition__"


class Composition:
    """How far a flow class is composed, and of what."""

    __slots__ = ("configs", "decospecs")

    def __init__(self, configs: Mapping[str, Any]) -> None:
        self.configs: dict[str, Any] = dict(configs)
        self.decospecs: tuple[str, ...] | None = None
        """What `finish` was given; None before it."""


def config_names(flow: type) -> list[str]:
    """List the attribute names of a flow's configs."""
    # A flow can have none if nobody has ever asked for the module.
    module: Any = sys.modules.get("metaflow.authoring.configs")
    return [] if module is None else [name for name, _ in module.collect_configs(flow)]


def config_values(flow: type) -> Mapping[str, Any]:
    """Plain values of a flow's configs by attribute name; empty before `begin`."""
    known: Composition | None = vars(flow).get(STATE)
    return {} if known is None else known.configs


def named_configs(flow: type) -> Mapping[str, Any]:
    """Read-only values of a flow's configs by all names that expressions may use."""
    values = config_values(flow)
    if not values:
        return {}
    from metaflow.authoring.configs import named

    return named(flow, values)


def is_begun(flow: type) -> bool:
    """Tell whether the flow's configs are known and its parameters final."""
    return STATE in vars(flow)


def begin(flow: type, configs: Mapping[str, Any]) -> None:
    """Do what can be done once configs are known: afterwards parameters are final.

    Parameters
    ----------
    flow : type of FlowSpec
        The flow class. Composed with the same configs already, it stays as it is.
    configs : mapping
        Plain value of each config by attribute name; empty for a flow without configs.

    Raises
    ------
    MetaflowException
        A mutator or a value that is derived from a config is at fault.
    """
    known: Composition | None = vars(flow).get(STATE)
    if known is None or known.configs != configs:
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
    MetaflowException
        A mutator or a value that is derived from a config is at fault.
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
    _resolve(flow)
    vars(flow)[STATE].decospecs = specs
    type.__setattr__(flow, "__with_specs__", specs)
    _renew_graph(flow)


def _begin_anew(flow: type, configs: Mapping[str, Any]) -> None:
    restore(flow)
    type.__setattr__(flow, STATE, Composition(configs))
    try:
        _resolve(flow)
    except BaseException:
        restore(flow)
        type.__delattr__(flow, STATE)
        raise
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


def _resolve(flow: type) -> None:
    """Compute what parameters and decorators take from configs."""
    # Nothing is delayed if nobody has ever asked for the module.
    delayed: Any = sys.modules.get("metaflow.authoring.delayed")
    if delayed is None:
        return
    names = named_configs(flow)
    for attribute, parameter in declared_parameters(flow).items():
        if delayed.is_delayed(vars(parameter)):
            twin: Any = object.__new__(type(parameter))
            twin.__dict__.update(delayed.resolve(vars(parameter), names, plain=True))
            # What `**cfg` has brought may be fields of the parameter itself.
            for field in vars(twin).keys() & twin.options.keys():
                setattr(twin, field, twin.options.pop(field))
            put(flow, attribute, twin)
    for step, function in list(step_functions(flow)):
        if any(delayed.is_delayed(decorator.given) for decorator in function.decorators):
            for decorator in own_step(flow, step).decorators:
                if delayed.is_delayed(decorator.given):
                    decorator.assign(delayed.resolve_keywords(decorator.given, names, plain=True))
    _resolve_flow_decorators(flow, delayed, names)


def _resolve_flow_decorators(flow: type, delayed: Any, names: Mapping[str, Any]) -> None:
    # A flow can have none if nobody has ever asked for the module.
    above: Any = sys.modules.get("metaflow.authoring.flow_decorators")
    known: list[Any] = [] if above is None else above.flow_decorators(flow)
    if any(delayed.is_delayed(decorator.given) for decorator in known):
        for decorator in above.own_flow_decorators(flow):
            if delayed.is_delayed(decorator.given):
                decorator.assign(delayed.resolve_keywords(decorator.given, names, plain=True))


def _renew_graph(flow: type) -> None:
    """Let a graph that was built before know the functions that were copied since."""
    graph: Any = vars(flow).get("__graph__")
    if graph is not None:
        for name, function in step_functions(flow):
            graph[name].function = function
