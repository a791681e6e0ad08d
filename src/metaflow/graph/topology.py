"""How the steps of a flow lie to each other: their order, their cycles, their open splits.

Works on any graph, however broken. A mistake is found once: what follows from it (branches
that get lost with a bad transition, splits that are told of already) is not told again.
"""

# No postponed annotations here: a NamedTuple would compile each of them at import, which
# costs ten times as much as evaluating them.
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, TypeVar

if TYPE_CHECKING:
    from metaflow.graph.node import Node

T = TypeVar("T")

Branch: TypeAlias = tuple[str, int]
"""A split and which of its branches; a foreach has just branch 0."""
Branches: TypeAlias = tuple[Branch, ...]
"""The branches that a step lies in, outermost first."""
Edges: TypeAlias = dict[str, list[str]]

FindingKind: TypeAlias = Literal[
    "cycle",
    "unreachable",
    "enters-start",
    "foreach-into-join",
    "split-into-join",
    "switch-into-join",
    "converging-branches",
    "crossing-levels",
    "join-without-split",
    "join-mixes-splits",
    "join-misses-branches",
    "split-joined-twice",
    "end-with-open-split",
]


class Finding(NamedTuple):
    """A fault in the way steps are connected."""

    kind: FindingKind
    step: str
    """The step to blame."""
    others: tuple[str, ...] = ()
    """Further steps that the fault is about; their meaning depends on the kind."""
    splits: tuple[str, ...] = ()
    """The splits that the fault is about."""


class Topology:
    """What can be said about a graph as a whole.

    Attributes
    ----------
    order : tuple of str
        All steps, each after those that lead to it; unreachable ones are last.
    split_parents : dict of str to list of str
        For each reached step the splits that are open on entry, outermost first.
    matching_join : dict of str to str
        For each split that is joined, its join.
    findings : tuple of Finding
        What is wrong.
    """

    __slots__ = ("findings", "matching_join", "order", "split_parents")

    def __init__(
        self,
        order: tuple[str, ...],
        split_parents: dict[str, list[str]],
        matching_join: dict[str, str],
        findings: tuple[Finding, ...],
    ) -> None:
        self.order: tuple[str, ...] = order
        self.split_parents: dict[str, list[str]] = split_parents
        self.matching_join: dict[str, str] = matching_join
        self.findings: tuple[Finding, ...] = findings


def walk(edges: Edges, roots: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Go through everything that the roots lead to, depth first and without recursion.

    Returns
    -------
    list of str
        What was reached, each step after those that lead to it.
    list of list of str
        Cycles: one path for each edge that leads back, from a step to itself.
    """
    finished: list[str] = []
    cycles: list[list[str]] = []
    done: set[str] = set()
    for root in reversed(roots):
        if root in done:
            continue
        # Children are taken last first, so that the reversed order has them as written.
        path, pending, on_path = [root], [list(edges[root])], {root}
        while path:
            if pending[-1]:
                child = pending[-1].pop()
                if child in on_path:
                    cycles.append([*path[path.index(child) :], child])
                elif child not in done:
                    path.append(child)
                    on_path.add(child)
                    pending.append(list(edges[child]))
            else:
                pending.pop()
                name = path.pop()
                on_path.discard(name)
                done.add(name)
                finished.append(name)
    finished.reverse()
    return finished, cycles


def analyse(nodes: "Mapping[str, Node]", start: str | None, end: str | None) -> Topology:
    """Work out the order of steps and which splits are open where, and what is wrong with it.

    Parameters
    ----------
    nodes : mapping of str to Node
        The steps; their `out_funcs` may name steps that do not exist.
    start : str or None
        The first step, if it is known.
    end : str or None
        The last step, if it is known.
    """
    return _Analysis(nodes, start, end).result()


class _Analysis:
    """One pass over a graph."""

    def __init__(self, nodes: "Mapping[str, Node]", start: str | None, end: str | None) -> None:
        self.nodes = nodes
        self.start = start
        self.end = end
        self.findings: list[Finding] = []
        self.lost: set[str] = set()
        """Steps with a transition that does not lead where it was meant to."""
        self.blamed: set[str] = set()
        """Splits that a finding, or a lost transition, accounts for already."""
        self.matching_join: dict[str, str] = {}
        self.edges = self._edges()
        self.entering: dict[str, list[tuple[str, Branches]]] = {}
        """Who leads to a step, and which splits are open on the way."""

    def result(self) -> Topology:
        edges = self.edges
        order, cycles = walk(edges, self._roots(edges))
        for cycle in cycles:
            self.findings.append(Finding("cycle", cycle[-2], tuple(cycle)))
            self.lost.add(cycle[-2])
            edges[cycle[-2]].remove(cycle[-1])
        self._find_unreachable(edges, order)
        inside = self._open_branches(order)
        for name in order:
            self._check_step(name)
        rest = [name for name in self.nodes if name not in inside]
        return Topology(
            (*order, *rest),
            {name: [split for split, _ in branches] for name, branches in inside.items()},
            self.matching_join,
            tuple(self.findings),
        )

    def _edges(self) -> Edges:
        """Transitions that count: to known steps, neither loops of a switch nor into the start."""
        edges: Edges = {}
        for name, node in self.nodes.items():
            edges[name] = []
            for target in node.out_funcs:
                if target == name != self.start and node.type == "split-switch":
                    continue
                if target not in self.nodes:
                    self.lost.add(name)
                elif target == self.start:
                    self.lost.add(name)
                    self.findings.append(Finding("enters-start", target, (name,)))
                else:
                    edges[name].append(target)
            if name != self.end and (node.next is None or node.next.problem is not None):
                self.lost.add(name)
        return edges

    def _roots(self, edges: Edges) -> list[str]:
        """Where to begin: at the start, or, without one, wherever nothing leads to."""
        if self.start is not None:
            return [self.start]
        entered = {target for targets in edges.values() for target in targets}
        return [name for name in self.nodes if name not in entered]

    def _find_unreachable(self, edges: Edges, order: list[str]) -> None:
        """Name the first step of each region that nothing leads to, unless a way got lost."""
        reached = set(order)
        if self.start is None or not self.lost.isdisjoint(reached):
            return
        regions = {name: edges[name] for name in self.nodes if name not in reached}
        entered = {target for name, out in regions.items() for target in out if target != name}
        first = [name for name in regions if name not in entered]
        seen = set(walk(edges, first)[0])
        for name in regions:  # what remains are rings without a way in
            if name not in seen:
                first.append(name)
                seen.update(walk(edges, [name])[0])
        self.findings.extend(Finding("unreachable", name) for name in first)

    def _open_branches(self, order: list[str]) -> dict[str, Branches]:
        """For each reached step the splits that are open on entry, and note who leads to it."""
        self.entering = {name: [] for name in order}
        inside: dict[str, Branches] = {}
        for name in order:
            # Ways in that disagree are a finding; the deepest one gives the fewest others.
            inside[name] = max((way for _, way in self.entering[name]), key=len, default=())
            node = self.nodes[name]
            here = inside[name][:-1] if node.is_join else inside[name]
            for target in self.edges[name]:
                branch = node.out_funcs.index(target) if node.type == "split" else 0
                way = (*here, (name, branch)) if node.is_split else here
                self.entering[target].append((name, way))
            if name in self.lost:
                # The joins that these branches were on their way to will miss them.
                self.blamed.add(name)
                self.blamed.update(split for split, _ in here)
        return inside

    def _check_step(self, name: str) -> None:
        if self.nodes[name].is_join:
            self._check_join(name)
        else:
            if name == self.end:
                self._check_end(name)
            self._check_ways_in(name)

    def _check_end(self, name: str) -> None:
        open_splits = _unique(split for _, way in self.entering[name] for split, _ in way)
        unclosed = [split for split in open_splits if split not in self.blamed]
        if unclosed:
            leading = _unique(
                source
                for source, way in self.entering[name]
                if any(split in unclosed for split, _ in way)
            )
            self._blame("end-with-open-split", name, leading, unclosed)

    def _check_ways_in(self, name: str) -> None:
        """Only alternatives of a switch may meet in a step that takes no inputs."""
        ways = self.entering[name]
        for source, way in ways[1:]:
            other, first = ways[0]
            if way == first:
                continue
            differing = _unique(split for split, _ in {*way} ^ {*first})
            if self.blamed.isdisjoint(differing):
                level = [split for split, _ in way] == [split for split, _ in first]
                kind: FindingKind = "converging-branches" if level else "crossing-levels"
                self._blame(kind, name, [other, source], sorted(differing))
            return

    def _check_join(self, name: str) -> None:
        for source, _ in self.entering[name]:
            self._check_direct(source, name)
        closing = _unique(way[-1][0] if way else None for _, way in self.entering[name])
        splits = [split for split in closing if split is not None]
        if not splits:
            if name != self.end and not self._follows_blame(name):
                self._blame("join-without-split", name, (), ())
        elif not self.blamed.isdisjoint(splits):
            self.matching_join.setdefault(splits[0], name)
        elif len(closing) > 1:
            sources = _unique(source for source, _ in self.entering[name])
            self._blame("join-mixes-splits", name, sources, splits)
            self.matching_join.setdefault(splits[0], name)
        else:
            self._close(splits[0], name)

    def _check_direct(self, source: str, join: str) -> None:
        node = self.nodes[source]
        if node.type == "foreach":
            self._blame("foreach-into-join", source, (join,), (source,))
        elif node.type == "split":
            self._blame("split-into-join", source, (join,), (source,))
        elif node.type == "split-switch":
            self._blame("switch-into-join", source, (join,), ())

    def _close(self, split: str, join: str) -> None:
        targets = self.nodes[split].out_funcs if self.nodes[split].type == "split" else [join]
        arrived = {way[-1][1] for _, way in self.entering[join]}
        missing = [target for index, target in enumerate(targets) if index not in arrived]
        if missing:
            self._blame("join-misses-branches", join, missing, (split,))
        elif split in self.matching_join:
            self._blame("split-joined-twice", join, (self.matching_join[split],), (split,))
        self.matching_join.setdefault(split, join)

    def _follows_blame(self, name: str) -> bool:
        """Whether something on the way here is wrong already."""
        return any(name in walk(self.edges, [blamed])[0] for blamed in self.blamed)

    def _blame(
        self, kind: FindingKind, step: str, others: Iterable[str], splits: Iterable[str]
    ) -> None:
        finding = Finding(kind, step, tuple(others), tuple(splits))
        self.findings.append(finding)
        self.blamed.update(finding.splits)


def _unique(items: Iterable[T]) -> list[T]:
    return list(dict.fromkeys(items))
