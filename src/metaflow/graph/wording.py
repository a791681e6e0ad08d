"""What is said of a fault in the way steps are connected, and which line it points to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from metaflow.errors.definition import GraphFault, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow.graph.model import FlowGraph, Node
    from metaflow.graph.topology import Finding, FindingKind


def word(graph: FlowGraph, finding: Finding) -> GraphFault:
    """Put a finding into a sentence and give it its place."""
    return _WORDINGS[finding.kind](graph, finding)


def _at_step(node: Node, message: str, hint: str | None) -> GraphFault:
    return GraphFault(message, node.source_file, node.line, node.name, hint)


def _at_next(node: Node, message: str, hint: str | None) -> GraphFault:
    return GraphFault(message, node.source_file, node.tail_next_lineno, node.name, hint)


def _cycle(graph: FlowGraph, finding: Finding) -> GraphFault:
    path = " → ".join(f"`{name}`" for name in finding.others)
    return _at_next(
        graph[finding.step],
        f"Step `{finding.step}` closes a cycle: {path}.",
        "only a switch may go back, and only to itself",
    )


def _unreachable(graph: FlowGraph, finding: Finding) -> GraphFault:
    return _at_step(
        graph[finding.step],
        f"Step `{finding.step}` is unreachable: no way from `{graph.start_step}` leads to it.",
        f"name `self.{finding.step}` in the `self.next` of the step before it, or remove it",
    )


def _enters_start(graph: FlowGraph, finding: Finding) -> GraphFault:
    source = graph[finding.others[0]]
    is_loop = source.name == finding.step
    return _at_next(
        source,
        f"Step `{source.name}` leads to {'itself' if is_loop else f'`{finding.step}`'}, "
        "but nothing can come before the start of a flow.",
        "let the start go on to a step of its own that repeats itself"
        if is_loop
        else "lead to another step",
    )


def _foreach_into_join(graph: FlowGraph, finding: Finding) -> GraphFault:
    join = finding.others[0]
    return _at_next(
        graph[finding.step],
        f"The foreach of step `{finding.step}` leads straight into the join `{join}`, "
        "so nothing would run for its items.",
        f"put a step between `{finding.step}` and `{join}`, or take `inputs` away from `{join}`",
    )


def _split_into_join(graph: FlowGraph, finding: Finding) -> GraphFault:
    join = finding.others[0]
    return _at_next(
        graph[finding.step],
        f"A branch of the split `{finding.step}` leads straight into the join `{join}`.",
        f"put a step between `{finding.step}` and `{join}`",
    )


def _switch_into_join(graph: FlowGraph, finding: Finding) -> GraphFault:
    join = finding.others[0]
    return _at_next(
        graph[finding.step],
        f"A case of the switch `{finding.step}` leads straight into the join `{join}`.",
        f"put a step between `{finding.step}` and `{join}`, or, if `{join}` only ends the cases "
        "of the switch, take its `inputs` away",
    )


def _converging_branches(graph: FlowGraph, finding: Finding) -> GraphFault:
    return _at_step(
        graph[finding.step],
        f"Steps {quoted(finding.others)} lie in different branches of {quoted(finding.splits)} "
        f"and both lead to `{finding.step}`, which is not a join.",
        f"make it a join: `def {finding.step}(self, inputs):`",
    )


def _crossing_levels(graph: FlowGraph, finding: Finding) -> GraphFault:
    first, second = finding.others
    return _at_step(
        graph[finding.step],
        f"Steps `{first}` and `{second}` both lead to `{finding.step}`, "
        f"but they are not inside the same splits ({quoted(finding.splits)}).",
        "join the inner split before its steps lead to those outside",
    )


def _join_without_split(graph: FlowGraph, finding: Finding) -> GraphFault:
    return _at_step(
        graph[finding.step],
        f"Step `{finding.step}` is a join, but no split is open before it.",
        f"take its second argument away: `def {finding.step}(self):`",
    )


def _join_mixes_splits(graph: FlowGraph, finding: Finding) -> GraphFault:
    return _at_step(
        graph[finding.step],
        f"Join `{finding.step}` mixes steps that are not branches of one split: "
        f"{quoted(finding.others)} (splits {quoted(finding.splits)}).",
        "join the branches of each split in a step of its own, inner splits first",
    )


def _join_misses_branches(graph: FlowGraph, finding: Finding) -> GraphFault:
    one = len(finding.others) == 1
    branches = f"{'branch' if one else 'branches'} {quoted(finding.others)}"
    return _at_step(
        graph[finding.step],
        f"Join `{finding.step}` does not join all branches of the split `{finding.splits[0]}`: "
        f"{branches} {'does' if one else 'do'} not lead to it.",
        f"all branches of a split lead to one join: {quoted(graph[finding.splits[0]].out_funcs)}",
    )


def _split_joined_twice(graph: FlowGraph, finding: Finding) -> GraphFault:
    return _at_step(
        graph[finding.step],
        f"Join `{finding.step}` closes the split `{finding.splits[0]}`, "
        f"which `{finding.others[0]}` closes already.",
        "all ways out of a split lead to one join",
    )


def _end_with_open_split(graph: FlowGraph, finding: Finding) -> GraphFault:
    source = graph[finding.others[0]]
    one = len(finding.splits) == 1
    unclosed = f"{'split' if one else 'splits'} {quoted(finding.splits)} {'is' if one else 'are'}"
    return _at_next(
        source,
        f"The end step `{finding.step}` is reached from {quoted(finding.others)} "
        f"before the {unclosed} joined.",
        f"put a join, which takes `inputs` too, before `{finding.step}`",
    )


_WORDINGS: Final[dict[FindingKind, Callable[[FlowGraph, Finding], GraphFault]]] = {
    "cycle": _cycle,
    "unreachable": _unreachable,
    "enters-start": _enters_start,
    "foreach-into-join": _foreach_into_join,
    "split-into-join": _split_into_join,
    "switch-into-join": _switch_into_join,
    "converging-branches": _converging_branches,
    "crossing-levels": _crossing_levels,
    "join-without-split": _join_without_split,
    "join-mixes-splits": _join_mixes_splits,
    "join-misses-branches": _join_misses_branches,
    "split-joined-twice": _split_joined_twice,
    "end-with-open-split": _end_with_open_split,
}
