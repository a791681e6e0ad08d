"""The graph of a flow as the engine, the compilers and the user's tools look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from metaflow.graph.description import Structure, describe_step, structure
from metaflow.graph.node import Node

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from metaflow.graph.topology import Topology

__all__ = ["FlowGraph", "Node"]


class FlowGraph:
    """The steps of one flow class and how they lead to each other.

    Built by `metaflow.graph.build.build_graph`; it exists for faulty flows too, so that they
    can be checked and drawn.

    Attributes
    ----------
    name : str
        Name of the flow class.
    nodes : dict of str to Node
        Steps by name, in the order of the class, those of base classes first.
    start_step, end_step : str
        Names of the first and the last step; empty when they cannot be told.
    sorted_nodes : list of str
        Names of all steps, each after those that lead to it.
    doc : str
        The flow's docstring without indentation, or an empty string.
    source_file : str
        File of the flow class.
    line : int or None
        Line of its `class` statement, when that was found.
    topology : Topology
        What was found out about the graph as a whole.
    unmarked : dict of str to int
        Methods that steps lead to although they are no steps, with their lines.
    """

    __slots__ = (
        "doc",
        "end_step",
        "line",
        "name",
        "nodes",
        "sorted_nodes",
        "source_file",
        "start_step",
        "topology",
        "unmarked",
    )

    def __init__(
        self,
        name: str,
        nodes: Mapping[str, Node],
        endpoints: tuple[str | None, str | None],
        topology: Topology,
        doc: str,
        source_file: str,
        line: int | None,
    ) -> None:
        self.name: str = name
        self.nodes: dict[str, Node] = dict(nodes)
        self.start_step: str = endpoints[0] or ""
        self.end_step: str = endpoints[1] or ""
        self.topology: Topology = topology
        self.sorted_nodes: list[str] = list(topology.order)
        self.doc: str = doc
        self.source_file: str = source_file
        self.line: int | None = line
        self.unmarked: dict[str, int] = {}

    def __getitem__(self, name: str) -> Node:
        return self.nodes[name]

    def __contains__(self, name: object) -> bool:
        return name in self.nodes

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes.values())

    def __len__(self) -> int:
        return len(self.nodes)

    def __repr__(self) -> str:
        return f"<FlowGraph {self.name}: {', '.join(self.sorted_nodes)}>"

    def output_steps(self) -> tuple[dict[str, dict[str, Any]], Structure]:
        """Describe the graph as plain data.

        Returns
        -------
        dict
            What is known of each step, by name, in topological order.
        list
            Names of the steps, nested as their splits are.
        """
        steps = {name: describe_step(self.nodes[name]) for name in self.sorted_nodes}
        return steps, structure(self.nodes, self.sorted_nodes, self.start_step or None)
