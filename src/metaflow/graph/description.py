"""A graph as plain data: what `output-raw --json`, `_graph_info` and cards show of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from metaflow.graph.node import Node

Structure: TypeAlias = list[Any]
"""Names of steps in order; after one that branches, a list of its branches, each again such
a list."""

_TYPES: Final = {"split": "split-static", "foreach": "split-foreach"}


def plain(value: Any) -> Any:
    """Reduce a value to what JSON can hold: callables to their names, other objects to text."""
    return _plain(value, ())


def _plain(value: Any, around: tuple[int, ...]) -> Any:
    if value is None or isinstance(value, bool):
        return value
    # Values of subclasses, such as enumerations, become what they extend.
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if id(value) in around:
        return "..."
    inside = (*around, id(value))
    if isinstance(value, dict):
        return {str(key): _plain(item, inside) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, inside) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((_plain(item, inside) for item in value), key=str)
    if callable(value):
        return getattr(value, "__qualname__", None) or str(value)
    return str(value)


def describe_decorators(decorators: Iterable[Any]) -> list[dict[str, Any]]:
    """Say of each decorator what it is called, what it was given and where it comes from."""
    return [
        {
            "name": decorator.name,
            # What may be secret is masked by the decorator that knows it.
            "attributes": plain(getattr(decorator, "visible", decorator.attributes)),
            "statically_defined": bool(decorator.statically_defined),
            "inserted_by": plain(decorator.inserted_by),
        }
        for decorator in decorators
    ]


def describe_step(node: Node) -> dict[str, Any]:
    """Say of a step all that is known statically."""
    kind: str = _TYPES.get(node.type, node.type)
    described: dict[str, Any] = {
        "name": node.name,
        "type": "split-parallel" if node.parallel_foreach else kind,
        "line": node.line,
        "source_file": node.source_file,
        "doc": node.doc,
        "decorators": describe_decorators(node.decorators),
        "next": list(node.out_funcs),
        "node_info": plain(node.node_info),
    }
    if node.parallel_foreach:
        described["num_parallel"] = node.num_parallel
    elif node.type == "foreach":
        described["foreach_artifact"] = node.foreach_param
    elif node.type == "split-switch":
        described["condition"] = node.condition
        described["switch_cases"] = plain(node.switch_cases or {})
    if node.matching_join is not None:
        described["matching_join"] = node.matching_join
    return described


def structure(nodes: Mapping[str, Node], order: Sequence[str], start: str | None) -> Structure:
    """Nest the steps as their splits do.

    A split's branches end before its join, those of a switch before the step where they all
    meet. Steps that this does not place, in a faulty graph, are left out.

    Parameters
    ----------
    nodes : mapping of str to Node
        The steps.
    order : sequence of str
        Their names, each after those that lead to it.
    start : str or None
        Where to begin.
    """
    meeting = _meeting_points(nodes, order)
    whole: Structure = []
    placed: set[str] = set()
    pending: list[tuple[str | None, frozenset[str], Structure]] = [(start, frozenset(), whole)]
    while pending:
        name, stops, block = pending.pop()
        while name is not None and name not in stops and name not in placed:
            placed.add(name)
            block.append(name)
            node = nodes[name]
            targets = _onward(nodes, node)
            if not (node.is_split or len(targets) > 1):
                name = targets[0] if targets else None
                continue
            end = node.matching_join if node.is_split else meeting.get(name)
            branches: list[Structure] = [[] for _ in targets]
            block.append(branches)
            inner = stops if end is None else stops | {end}
            # Branches come off the stack before what follows them, first one first.
            pending.append((end, stops, block))
            pending.extend(
                (target, inner, branch)
                for target, branch in zip(reversed(targets), reversed(branches), strict=True)
            )
            break
    return whole


def _onward(nodes: Mapping[str, Node], node: Node) -> list[str]:
    return [target for target in node.out_funcs if target in nodes and target != node.name]


def _meeting_points(nodes: Mapping[str, Node], order: Sequence[str]) -> dict[str, str | None]:
    """For each step the nearest later one that every way from it passes."""
    if all(node.type != "split-switch" for node in nodes.values()):
        return {}
    place = {name: index for index, name in enumerate(order)}
    meeting: dict[str, str | None] = {}
    for name in reversed(order):
        # An edge that goes back belongs to a cycle, which leads nowhere new.
        targets = [t for t in _onward(nodes, nodes[name]) if place[t] > place[name]]
        common: str | None = targets[0] if targets else None
        for target in targets[1:]:
            other: str | None = target
            while common != other and common is not None and other is not None:
                if place[common] < place[other]:
                    common = meeting[common]
                else:
                    other = meeting[other]
            common = common if common == other else None
        meeting[name] = common
    return meeting
