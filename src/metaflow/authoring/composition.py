"""How a flow class, as its author wrote it, becomes the one that is checked and run.

Every process that works with a flow goes the same way: first `begin`, once the values of its
configs are known, then `finish`, with the decorators that the command line adds. Both change
only the class that they are given, and start from what its author wrote.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from metaflow.authoring.overlay import restore
from metaflow.authoring.step_decorators import StepDecorator, find_step_decorator, parse_decospec
from metaflow.authoring.steps import own_step, step_functions

STATE: Final = "__composition__"
WITH_SPECS: Final = "__with_specs__"
CUSTOM: Final = "metaflow.authoring.custom_base"


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


def with_specs(flow: type) -> tuple[str, ...]:
    """Return the decorators that `finish` has added to all steps, as they were written."""
    specs: tuple[str, ...] = vars(flow).get(WITH_SPECS, ())
    return specs


def is_plain(flow: type) -> bool:
    """Tell whether the parameters of a flow are those that its author has declared."""
    return CUSTOM not in sys.modules and not config_names(flow)


def has_mutators(flow: type) -> bool:
    """Tell whether the author of a flow, or of its bases, has put a mutator on it or on a step."""
    if CUSTOM not in sys.modules:
        return False
    from metaflow.authoring.mutating import is_mutated

    return is_mutated(flow)


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
    _mutate(flow, "mutate")
    _resolve(flow)
    vars(flow)[STATE].decospecs = specs
    type.__setattr__(flow, WITH_SPECS, specs)
    _renew_graph(flow)


def repeat(flow: type, configs: Mapping[str, Any], decospecs: Sequence[str]) -> None:
    """Compose a flow in a process that serves a run, as the launcher has done it.

    What mutators print is not shown: the launcher has shown it.

    Parameters
    ----------
    flow : type of FlowSpec
        The flow class.
    configs : mapping
        Plain value of each config by attribute name.
    decospecs : sequence of str
        The decorators of the command line.
    """
    if CUSTOM not in sys.modules:
        begin(flow, configs)
        finish(flow, decospecs)
        return
    from contextlib import redirect_stderr, redirect_stdout
    from io import StringIO

    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        begin(flow, configs)
        finish(flow, decospecs)


def _begin_anew(flow: type, configs: Mapping[str, Any]) -> None:
    restore(flow)
    type.__setattr__(flow, STATE, Composition(configs))
    try:
        _resolve(flow)
        _mutate(flow, "pre_mutate")
        _resolve(flow)
    except BaseException:
        restore(flow)
        type.__delattr__(flow, STATE)
        raise
    _renew_graph(flow)


def _attach(flow: type, decospecs: Sequence[str]) -> None:
    for spec in decospecs:
        name, attributes = parse_decospec(spec)
        kind = find_step_decorator(name)
        for step, function in list(step_functions(flow)):
            made = _make(kind, attributes)
            if made.allow_multiple or not any(made.is_like(known) for known in function.decorators):
                own_step(flow, step).decorators.append(made)


def _make(kind: Any, attributes: Mapping[str, Any]) -> StepDecorator:
    if issubclass(kind, StepDecorator):
        built_in: StepDecorator = kind(attributes)
        return built_in
    from metaflow.authoring.mutating import make_step_decorator

    return make_step_decorator(kind, attributes)


def _mutate(flow: type, phase: str) -> None:
    # Nobody has written a decorator or mutator if nobody has ever asked for the module.
    if CUSTOM in sys.modules:
        from metaflow.authoring.mutating import mutate

        mutate(flow, phase, named_configs(flow))


def _resolve(flow: type) -> None:
    # Nothing is delayed if nobody has ever asked for the module.
    if "metaflow.authoring.delayed" in sys.modules:
        from metaflow.authoring.resolving import resolve_flow

        resolve_flow(flow, named_configs(flow))


def _renew_graph(flow: type) -> None:
    """Let a graph that was built before know the functions that were copied since."""
    graph: Any = vars(flow).get("__graph__")
    if graph is not None:
        for name, function in step_functions(flow):
            graph[name].function = function
