"""Where delayed values may stand in a flow, and that each is computed for this flow alone."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from metaflow.authoring.delayed import is_delayed, resolve, resolve_keywords
from metaflow.authoring.overlay import put
from metaflow.authoring.parameters import declared_parameters
from metaflow.authoring.steps import own_step, step_functions


def resolve_flow(flow: type, names: Mapping[str, Any]) -> None:
    """Compute what parameters and decorators of a flow take from configs.

    Parameters
    ----------
    flow : type
        The flow class that is being composed.
    names : mapping
        Values of configs by name.

    Raises
    ------
    DelayedValueFailed
        Something cannot be computed.
    InvalidDecoratorAttribute
        A decorator does not take what a config has for it.
    """
    for attribute, parameter in declared_parameters(flow).items():
        if is_delayed(vars(parameter)):
            put(flow, attribute, _resolved_parameter(parameter, names))
    for step, function in list(step_functions(flow)):
        if _wait(function.decorators):
            _assign(own_step(flow, step).decorators, names)
    # A flow has no decorators if nobody has ever asked for the module.
    above: Any = sys.modules.get("metaflow.authoring.flow_decorators")
    if above is not None and _wait(above.flow_decorators(flow)):
        _assign(above.own_flow_decorators(flow), names)


def _resolved_parameter(parameter: Any, names: Mapping[str, Any]) -> Any:
    twin: Any = object.__new__(type(parameter))
    twin.__dict__.update(resolve(vars(parameter), names, plain=True))
    # What `**cfg` has brought may be fields of the parameter itself.
    for field in vars(twin).keys() & twin.options.keys():
        setattr(twin, field, twin.options.pop(field))
    return twin


def _wait(decorators: list[Any]) -> bool:
    return any(is_delayed(decorator.given) for decorator in decorators)


def _assign(decorators: list[Any], names: Mapping[str, Any]) -> None:
    for decorator in decorators:
        if is_delayed(decorator.given):
            decorator.assign(resolve_keywords(decorator.given, names, plain=True))
