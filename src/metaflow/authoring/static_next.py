"""Where a step goes on to when its code did not run to the end: to what its source says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from metaflow.authoring.flowspec import flow_graph
from metaflow.authoring.transitions import resolve
from metaflow.errors.definition import InvalidNextException


def go_on(flow: Any, step: str, arguments: Mapping[str, Any]) -> None:
    """Do what the `self.next` at the end of a step would do.

    Parameters
    ----------
    flow : FlowSpec
        The instance whose step runs.
    step : str
        Name of the step.
    arguments : mapping
        Keywords of `self.next` to be given instead of those in the source.

    Raises
    ------
    InvalidNextException
        The keywords do not fit the transition, or an attribute that it needs is not set.
    """
    graph = flow_graph(type(flow))
    node = graph[step]
    if step == graph.end_step:
        return
    call = node.next
    place = (node.source_file, node.tail_next_lineno)
    options = {
        "foreach": {"foreach": call.foreach},
        "switch": {"condition": call.condition},
        "parallel": {"num_parallel": None},
    }.get(call.kind, {})
    unknown = sorted(arguments.keys() - options.keys())
    if unknown:
        raise InvalidNextException(
            step,
            f"a decorator gives `{unknown[0]}`, which the step's `self.next` does not have",
            place[1],
            place[0],
        )
    options.update(arguments)
    if call.kind == "parallel" and options["num_parallel"] is None:
        raise InvalidNextException(
            step,
            "it was skipped, so nobody has said how many parallel tasks there are",
            place[1],
            place[0],
            "let the decorator give the number: `{'num_parallel': 4}`",
        )
    targets: tuple[Any, ...] = tuple(getattr(flow, name) for name in call.targets)
    if call.kind == "switch":
        names = {node.code.co_varnames[0]: flow}
        targets = ({_key(key, names): getattr(flow, to) for key, to in call.cases.items()},)
    state = vars(flow)["__state__"]
    state.transition = None
    state.transition = resolve(flow, state, targets, options, place)


def _key(key: Any, names: dict[str, Any]) -> Any:
    """Value of a case; that of a config stands as its text."""
    is_text = getattr(key, "is_expression", False)
    return eval(key, {}, names) if is_text else key  # noqa: S307 - from the flow's own source
