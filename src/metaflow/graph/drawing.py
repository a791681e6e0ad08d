"""How a graph looks to people and other programs: as text, as DOT, as plain data."""

# No postponed annotations here: a NamedTuple would compile each of them at import, which
# costs ten times as much as evaluating them.
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from metaflow.graph.description import describe_decorators, plain

if TYPE_CHECKING:
    from metaflow.graph.model import FlowGraph, Node


_DOT_KEYWORDS: Final = frozenset({"digraph", "edge", "graph", "node", "strict", "subgraph"})
"""Legal names of steps that DOT reads as its own words."""


class Shown(NamedTuple):
    """Text of `show`, in its two streams."""

    doc: str
    """The flow's docstring, for stderr; empty without one."""
    steps: str
    """The steps, for stdout."""


def show(graph: "FlowGraph") -> Shown:
    """Describe a flow to its reader: what it is for, then its steps in order."""
    return Shown(graph.doc, "\n".join(_show_step(graph[name]) for name in graph.sorted_nodes))


def _show_step(node: "Node") -> str:
    lines = [f"@{decorator.name}" for decorator in node.decorators]
    lines.append(f"Step {node.name}")
    lines.extend(f"    {line}".rstrip() for line in (node.doc or "?").splitlines())
    if node.out_funcs:
        lines.append(f"    => {', '.join(node.out_funcs)}")
    return "\n".join(lines) + "\n"


def output_dot(graph: "FlowGraph") -> str:
    """Draw a graph in the DOT language: foreaches in double circles, switches hexagonal."""
    lines = [f"digraph {graph.name} {{", "    rankdir=LR;"]
    lines.extend(f"    {_dot_node(graph[name])};" for name in graph.sorted_nodes)
    for name in graph.sorted_nodes:
        lines.extend(f"    {edge};" for edge in _dot_edges(graph[name]))
    lines.append("}")
    return "\n".join(lines)


def _dot_id(name: str) -> str:
    return f'"{name}"' if name in _DOT_KEYWORDS else name


def _dot_node(node: "Node") -> str:
    shape = {"split-switch": "hexagon", "foreach": "doublecircle"}.get(node.type, "box")
    return f'{_dot_id(node.name)} [shape="{shape}", label="{node.name}"]'


def _dot_edges(node: "Node") -> Iterator[str]:
    if node.switch_cases is None:
        yield from (f"{_dot_id(node.name)} -> {_dot_id(target)}" for target in node.out_funcs)
        return
    for target in node.out_funcs:
        keys = [str(key) for key, step in node.switch_cases.items() if step == target]
        label = ", ".join(keys).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        yield f'{_dot_id(node.name)} -> {_dot_id(target)} [label="{label}"]'


def output_raw(graph: "FlowGraph") -> str:
    """Dump all that the graph holds, for debugging."""
    steps, nested = graph.output_steps()
    lines = [f"Flow {graph.name} ({graph.source_file})"]
    for name, described in steps.items():
        node = graph[name]
        lines.append(f"Step {name}")
        facts = {
            **described,
            "in_funcs": node.in_funcs,
            "split_parents": node.split_parents,
            "is_inside_foreach": node.is_inside_foreach,
            "num_args": node.num_args,
            "parallel_step": node.parallel_step,
        }
        lines.extend(f"    {fact}: {value!r}" for fact, value in facts.items() if fact != "name")
    lines.append(f"Structure {nested!r}")
    return "\n".join(lines)


def output_raw_json(graph: "FlowGraph") -> dict[str, Any]:
    """Describe a graph as the object that `output-raw --json` prints."""
    steps, nested = graph.output_steps()
    return {"graph": steps, "graph_structure": nested}


def graph_info(
    graph: "FlowGraph",
    *,
    file: str,
    parameters: Iterable[tuple[str, Any]] = (),
    constants: Iterable[tuple[str, Any]] = (),
    decorators: Iterable[Any] = (),
    extensions: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Put together what a run keeps about its flow, as the artifact `_graph_info`.

    Parameters
    ----------
    graph : FlowGraph
        The flow's graph.
    file : str
        Base name of the flow's file.
    parameters : iterable of (str, type or str)
        Names and types of the flow's parameters.
    constants : iterable of (str, type or str)
        Names and types of the flow's class constants.
    decorators : iterable
        The flow's decorators, with the same attributes as those of steps.
    extensions : mapping, optional
        Installed extensions, by name.

    Returns
    -------
    dict
        Plain data only.
    """
    steps, nested = graph.output_steps()
    return {
        "file": file,
        "start_step": graph.start_step,
        "end_step": graph.end_step,
        "parameters": [{"name": name, "type": plain(kind)} for name, kind in parameters],
        "constants": [{"name": name, "type": plain(kind)} for name, kind in constants],
        "steps": steps,
        "graph_structure": nested,
        "doc": graph.doc,
        "decorators": describe_decorators(decorators),
        "extensions": plain(dict(extensions or {})),
    }
