"""Which decorators of a composed flow take no effect, because just one step of it is tried out."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from metaflow.authoring.steps import own_step, step_functions


def leave_out(flow: type, names: Collection[str]) -> None:
    """Take decorators off all steps of a flow class, but not off what its author wrote.

    Parameters
    ----------
    flow : type of FlowSpec
        The flow class, composed.
    names : collection of str
        Names of the decorators.
    """
    graph: Any = vars(flow).get("__graph__")
    for name, function in list(step_functions(flow)):
        if any(decorator.name in names for decorator in function.decorators):
            own = own_step(flow, name)
            own.decorators = [one for one in own.decorators if one.name not in names]
            if graph is not None:
                graph[name].function = own
