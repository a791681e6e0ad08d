"""Whether a graph is valid: every fault of a flow, each with its place and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from metaflow.errors.definition import GraphFault, LintWarn, closest, quoted
from metaflow.graph.node import JOIN_ARGS
from metaflow.graph.wording import word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from metaflow.graph.model import FlowGraph, Node

RESERVED: Final = ("name", "next", "input", "index", "cmd")
"""Attributes of every flow that a step would hide."""

_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")

_CO_VARARGS, _CO_VARKEYWORDS = 0x04, 0x08
_CO_GENERATOR, _CO_COROUTINE, _CO_ASYNC_GENERATOR = 0x20, 0x80, 0x200


def check_graph(graph: FlowGraph) -> list[GraphFault]:
    """Find all faults of a graph in one pass.

    Parameters
    ----------
    graph : FlowGraph
        The graph of a flow.

    Returns
    -------
    list of GraphFault
        In the order of the source; empty for a valid graph.
    """
    if not graph.nodes:
        return [_at_flow(graph, f"Flow `{graph.name}` has no steps.", "mark a method with `@step`")]
    faults = [*_check_start(graph), *_check_end(graph)]
    for node in graph:
        for check in _STEP_CHECKS:
            faults.extend(check(graph, node))
    faults.extend(word(graph, finding) for finding in graph.topology.findings)
    files = list(dict.fromkeys([graph.source_file, *(node.source_file for node in graph)]))
    places = {name: index for index, name in enumerate(files)}
    return sorted(
        faults, key=lambda fault: (places.get(fault.source_file or "", 0), fault.line or 0)
    )


def raise_faults(faults: Sequence[GraphFault]) -> None:
    """Raise one error that tells of all faults, if there are any.

    Raises
    ------
    LintWarn
        There is at least one fault.
    """
    if faults:
        raise LintWarn.of(faults)


def _at_flow(graph: FlowGraph, message: str, hint: str | None = None) -> GraphFault:
    return GraphFault(message, graph.source_file or None, graph.line, None, hint)


def _at_step(node: Node, message: str, hint: str | None = None) -> GraphFault:
    return GraphFault(message, node.source_file, node.line, node.name, hint)


def _at_next(node: Node, message: str, hint: str | None = None) -> GraphFault:
    return GraphFault(message, node.source_file, node.tail_next_lineno, node.name, hint)


def _check_start(graph: FlowGraph) -> Iterator[GraphFault]:
    yield from _check_endpoint(graph, "start", graph.start_step)


def _check_end(graph: FlowGraph) -> Iterator[GraphFault]:
    yield from _check_endpoint(graph, "end", graph.end_step)
    if not graph.end_step:
        return
    end = graph[graph.end_step]
    if end.next is not None and any(target in graph.unmarked for target in end.next.targets):
        yield from _check_targets(graph, end)
    elif end.next is not None:
        because = (
            "it is the flow's only step"
            if len(graph) == 1
            else "it is the flow's end"
            if end.name == "end"
            else "it is annotated as the flow's end"
        )
        yield _at_next(
            end,
            f"Step `{end.name}` calls `self.next`, but {because}.",
            "remove the call, or let another step be the end",
        )
    if end.num_args == JOIN_ARGS:
        yield _at_step(
            end,
            f"Step `{end.name}` is the flow's end, so it cannot be a join.",
            f"join in a step of its own that goes on to `{end.name}`",
        )


def _check_endpoint(graph: FlowGraph, which: str, chosen: str) -> Iterator[GraphFault]:
    marked = [node for node in graph if getattr(node.function, f"is_{which}")]
    if len(marked) > 1:
        names = quoted(node.name for node in marked)
        yield _at_step(
            marked[1],
            f"Steps {names} are all annotated with `{which}=True`.",
            f"a flow has one {which}: keep the annotation on one of them",
        )
    elif marked and which in graph and graph[which] is not marked[0]:
        yield _at_step(
            graph[which],
            f"Step `{which}` has the name of the flow's {which}, "
            f"but step `{marked[0].name}` is annotated with `{which}=True`.",
            "rename the step, or remove the annotation",
        )
    elif not chosen and which not in graph.unmarked:
        stopping = _steps_that_stop(graph) if which == "end" else []
        guess = stopping[0] if len(stopping) == 1 else closest(which, graph.nodes)
        hint = f"name one of the steps `{which}`, or annotate it with `@step({which}=True)`"
        if guess is not None:
            hint = f"should `{guess}` be called `{which}`?"
        yield _at_flow(graph, f"Flow `{graph.name}` has no {which} step.", hint)


def _check_name(_: FlowGraph, node: Node) -> Iterator[GraphFault]:
    if node.name in RESERVED:
        yield _at_step(
            node,
            f"Step name `{node.name}` is reserved for an attribute that every flow has.",
            "choose another name",
        )
    elif node.name.startswith("_") or not _LETTERS.issuperset(node.name):
        legal = "".join(
            letter if letter in _LETTERS else "_" for letter in node.name.lower()
        ).lstrip("_")
        yield _at_step(
            node,
            f"Step name `{node.name}` is not allowed: names consist of the letters a-z, digits "
            "and underscores, and do not begin with an underscore.",
            f"call it `{legal}`" if legal else None,
        )


def _check_arguments(_: FlowGraph, node: Node) -> Iterator[GraphFault]:
    if node.num_args == 0:
        yield _at_step(
            node,
            f"Step `{node.name}` has no argument `self`.",
            f"write `def {node.name}(self):`",
        )
    elif node.num_args > JOIN_ARGS:
        yield _at_step(
            node,
            f"Step `{node.name}` has {node.num_args} arguments.",
            "a step takes `self`, and a join takes `inputs` too",
        )
    code = node.code
    if code.co_flags & (_CO_VARARGS | _CO_VARKEYWORDS) or code.co_kwonlyargcount:
        yield _at_step(
            node,
            f"Step `{node.name}` has arguments that are never passed: "
            "a step takes `self`, and a join takes `inputs` too.",
            "remove them",
        )
    if code.co_flags & (_CO_GENERATOR | _CO_COROUTINE | _CO_ASYNC_GENERATOR):
        kind = "a generator" if code.co_flags & _CO_GENERATOR else "asynchronous"
        yield _at_step(
            node,
            f"Step `{node.name}` is {kind}, so calling it would not run its body.",
            "make it a plain function, and call what is special from there",
        )


def _steps_that_stop(graph: FlowGraph) -> list[str]:
    return [node.name for node in graph if node.next is None and not node.next_lines]


def _may_be_end(graph: FlowGraph, node: Node) -> bool:
    """Whether a step is the end, or would be if the fault about the end were mended."""
    if graph.end_step:
        return node.name == graph.end_step
    return node.function.is_end or _steps_that_stop(graph) == [node.name]


def _check_next(graph: FlowGraph, node: Node) -> Iterator[GraphFault]:
    # Without `self` there is no call of `self.next`, and just one fault.
    if _may_be_end(graph, node) or node.num_args == 0:
        return
    if node.next is None:
        if node.next_lines:
            lines = ", ".join(str(line) for line in node.next_lines)
            hint = f"move the call (now on line {lines}) to the end, outside any other statement"
        else:
            hint = "end the step with `self.next(self.<step>)`"
        yield _at_step(
            node, f"The last statement of step `{node.name}` is not a call of `self.next`.", hint
        )
        return
    if node.next.problem is not None:
        yield _at_next(
            node,
            f"`self.next` of step `{node.name}` {node.next.problem.text}.",
            node.next.problem.hint,
        )
    elif node.num_args == JOIN_ARGS and node.next.kind != "linear":
        shape = {"split": "splits", "switch": "switches"}.get(node.next.kind, "starts a foreach")
        yield _at_next(
            node,
            f"Step `{node.name}` is a join that also {shape}.",
            "let the join go on to one step, and do that there",
        )
    yield from _check_targets(graph, node)


def _check_targets(graph: FlowGraph, node: Node) -> Iterator[GraphFault]:
    for target in () if node.next is None else node.next.targets:
        if target in graph.unmarked:
            yield GraphFault(
                f"Step `{node.name}` leads to `{target}`, which is a method without `@step`.",
                node.source_file,
                graph.unmarked[target],
                node.name,
                f"put `@step` on the line before `def {target}`",
            )
        elif target not in graph and (target != "end" or graph.end_step):
            guess = closest(target, graph.nodes)
            yield _at_next(
                node,
                f"Step `{node.name}` leads to `{target}`, which is not a step of the flow.",
                f"define the step `{target}`" if guess is None else f"did you mean `{guess}`?",
            )


def _check_parallel(graph: FlowGraph, node: Node) -> Iterator[GraphFault]:
    if node.parallel_foreach and not node.invalid_tail_next:
        for target in node.out_funcs:
            if target in graph and not graph[target].parallel_step:
                yield _at_next(
                    node,
                    f"Step `{node.name}` starts `{target}` with `num_parallel`, "
                    f"but `{target}` does not have the decorator `@parallel`.",
                    f"put `@parallel` above `@step` of `{target}`",
                )
    if not (node.parallel_step or node.unbounded_step):
        return
    for source in node.in_funcs if node.parallel_step else ():
        if not (graph[source].parallel_foreach or graph[source].invalid_tail_next):
            yield _at_next(
                graph[source],
                f"Step `{source}` leads to `{node.name}`, which has the decorator `@parallel`, "
                "without `num_parallel`.",
                f"write `self.next(self.{node.name}, num_parallel=…)`",
            )
    followers = [graph[name] for name in node.out_funcs if name in graph]
    if node.name == graph.end_step or any(not follower.is_join for follower in followers):
        decorator = next(
            known.name
            for known in node.decorators
            if getattr(known, "IS_PARALLEL", getattr(known, "TAKES_UNBOUNDED", False))
            or known.name == "parallel"
        )
        yield _at_next(
            node,
            f"Step `{node.name}` has the decorator `@{decorator}`, "
            "but the step that follows is not a join."
            if followers
            else f"Step `{node.name}` has the decorator `@{decorator}`, but no join follows.",
            "let its tasks be joined in the next step, which takes `inputs` too",
        )


_STEP_CHECKS: Final[tuple[Callable[[FlowGraph, Node], Iterator[GraphFault]], ...]] = (
    _check_name,
    _check_arguments,
    _check_next,
    _check_parallel,
)
