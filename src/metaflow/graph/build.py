"""How a flow class becomes a graph: its steps are found, their source read, ends chosen."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from metaflow.errors.definition import SourceUnavailable
from metaflow.graph.model import FlowGraph
from metaflow.graph.node import Node, NodeType
from metaflow.graph.source import NoSource, SourceReader
from metaflow.graph.topology import analyse
from metaflow.graph.transition import call_lines, tail_call

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_TYPE_OF_KIND: dict[str, NodeType] = {
    "split": "split",
    "foreach": "foreach",
    "parallel": "foreach",
    "switch": "split-switch",
}


def build_graph(flow: type) -> FlowGraph:
    """Read the graph of a flow class from the source of its steps.

    Nothing of the flow is executed. A faulty graph is built too: see
    `metaflow.graph.checks.check_graph`.

    Parameters
    ----------
    flow : type
        The flow class, with steps of its own or from base classes.

    Returns
    -------
    FlowGraph

    Raises
    ------
    SourceUnavailable
        The source of a step cannot be read.
    """
    reader = SourceReader()
    nodes = {
        name: _read_step(flow, name, function, reader) for name, function in _step_functions(flow)
    }
    start, end = _endpoint(nodes, "start"), _endpoint(nodes, "end")
    for node in nodes.values():
        node.type = _node_type(node, start, end)
    if end is not None:
        nodes[end].out_funcs = []  # what an end says about going on is a fault, not an edge
    for name, node in nodes.items():
        for target in node.out_funcs:
            if target in nodes:
                nodes[target].in_funcs.append(name)
    topology = analyse(nodes, start, end)
    for split, join in topology.matching_join.items():
        nodes[split].matching_join = join
    for name, parents in topology.split_parents.items():
        nodes[name].split_parents = parents
        nodes[name].is_inside_foreach = any(
            nodes[split].type == "foreach" and nodes[split].matching_join != name
            for split in parents
        )
    source_file, line = _class_place(flow, nodes.values(), reader)
    graph = FlowGraph(
        flow.__name__, nodes, (start, end), topology, _clean_doc(flow), source_file, line
    )
    graph.unmarked = _unmarked(flow, nodes)
    return graph


def _unmarked(flow: type, nodes: dict[str, Node]) -> dict[str, int]:
    """Find methods that steps lead to and whose `@step` is missing, with their lines."""
    lost = {
        target for node in nodes.values() if node.next is not None for target in node.next.targets
    } - nodes.keys()
    codes = {name: getattr(getattr(flow, name, None), "__code__", None) for name in lost}
    return {name: code.co_firstlineno for name, code in codes.items() if code is not None}


def _step_functions(flow: type) -> list[tuple[str, Any]]:
    """List a class's steps by attribute name; a class hides what its bases call the same."""
    visible: dict[str, Any] = {}
    for base in reversed(flow.__mro__):
        for name, value in vars(base).items():
            visible.pop(name, None)
            visible[name] = value
    return [(name, value) for name, value in visible.items() if getattr(value, "is_step", False)]


def _read_step(flow: type, name: str, function: Any, reader: SourceReader) -> Node:
    plain = function
    while (wrapped := getattr(plain, "__wrapped__", None)) is not None:
        plain = wrapped
    code = getattr(plain, "__code__", None)
    if code is None:
        raise SourceUnavailable(flow.__name__, name, "", 0, "it is not a function")
    try:
        definition = reader.definition(code, plain.__globals__)
    except NoSource as error:
        raise SourceUnavailable(
            flow.__name__, name, code.co_filename, code.co_firstlineno, str(error)
        ) from error
    self_name = code.co_varnames[0] if code.co_argcount else None
    transition = tail_call(definition, self_name)
    return Node(
        name,
        function,
        code,
        definition.lineno,
        transition,
        () if transition is not None else call_lines(definition, self_name),
    )


def _endpoint(nodes: Mapping[str, Node], which: str) -> str | None:
    """Choose the start or the end: the annotated step, else the one so named, else the only one."""
    marked = [name for name, node in nodes.items() if getattr(node.function, f"is_{which}", False)]
    if marked:
        return marked[0] if len(marked) == 1 else None
    if which in nodes:
        return which
    return next(iter(nodes)) if len(nodes) == 1 else None


def _node_type(node: Node, start: str | None, end: str | None) -> NodeType:
    if node.name == end:
        return "end"
    kind = "linear" if node.next is None else node.next.kind
    if kind in _TYPE_OF_KIND:
        return _TYPE_OF_KIND[kind]
    if node.name == start:
        return "start"
    return "join" if node.is_join else "linear"


def _class_place(flow: type, nodes: Iterable[Node], reader: SourceReader) -> tuple[str, int | None]:
    """Find file and line of a `class` statement; classes themselves do not know them."""
    module = sys.modules.get(flow.__module__)
    steps = [function for function in vars(flow).values() if getattr(function, "is_step", False)]
    filename = next((step.__code__.co_filename for step in steps if hasattr(step, "__code__")), "")
    filename = filename or getattr(module, "__file__", None) or ""
    filename = filename or next((node.source_file for node in nodes), "")
    try:
        known = reader.file(filename, getattr(module, "__dict__", {}))
    except NoSource:
        return filename, None
    return filename, known.classes.get(flow.__qualname__)


def _clean_doc(flow: type) -> str:
    if not flow.__doc__:
        return ""
    from inspect import cleandoc

    return cleandoc(flow.__doc__)
