"""What the plan knows of a flow's graph: per step its shape, its targets and its spec."""

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

from metaflow.graph.model import FlowGraph
from metaflow.model.spec import StepSpec
from metaflow.model.task import Transition

Kind: TypeAlias = Literal["linear", "split", "foreach", "parallel", "switch", "join", "end"]

_KINDS: dict[str, Kind] = {
    "start": "linear",
    "linear": "linear",
    "split": "split",
    "foreach": "foreach",
    "split-switch": "switch",
    "join": "join",
    "end": "end",
}


class StepNode(NamedTuple):
    """One step as the plan sees it."""

    name: str
    kind: Kind
    """The shape of its transition; a join leads on like a linear step."""
    targets: tuple[str, ...]
    """Steps it may lead to, in the order of `self.next`; a switch may name itself."""
    spec: StepSpec

    @property
    def is_join(self) -> bool:
        """Whether the step takes the results of all branches of a split."""
        return self.kind == "join"

    @property
    def is_end(self) -> bool:
        """Whether the run is complete after this step."""
        return self.kind == "end"

    def admits(self, transition: Transition | None) -> bool:
        """Tell whether a task of this step may go on like this."""
        if transition is None or not transition.targets:
            return self.is_end
        if self.kind == "switch":
            return len(transition.targets) == 1 and transition.targets[0] in self.targets
        if transition.targets != self.targets:
            return False
        return (transition.var is not None) == (self.kind == "foreach")


class PlanGraph(NamedTuple):
    """The steps of one flow, checked by the linter before they come here."""

    start: str
    steps: dict[str, StepNode]

    def reachable(self, step: str) -> frozenset[str]:
        """Return this step and all that may run after it."""
        found = {step}
        pending = [step]
        while pending:
            new = set(self.steps[pending.pop()].targets) - found
            found |= new
            pending.extend(new)
        return frozenset(found)

    def postorder(self) -> list[StepNode]:
        """Return the steps that can run, each after all steps that it may lead to."""
        order: list[StepNode] = []
        seen: set[str] = set()
        stack = [(self.start, False)]
        while stack:
            name, targets_done = stack.pop()
            if targets_done:
                order.append(self.steps[name])
            elif name not in seen:
                seen.add(name)
                stack.append((name, True))
                stack.extend((target, False) for target in self.steps[name].targets)
        return order


def plan_graph(graph: FlowGraph, specs: Mapping[str, StepSpec]) -> PlanGraph:
    """Reduce a flow's graph to what the plan needs.

    Parameters
    ----------
    graph : FlowGraph
        A graph that the linter has passed.
    specs : mapping of str to StepSpec
        What the decorators declared, for every step.

    Returns
    -------
    PlanGraph
        The plan's own frozen view.
    """
    steps = {}
    for node in graph:
        targets = tuple(node.out_funcs)
        if node.type == "split-switch":
            # Several cases may lead to one step.
            targets = tuple(dict.fromkeys(targets))
        kind: Kind = "parallel" if node.parallel_foreach else _KINDS[node.type]
        steps[node.name] = StepNode(node.name, kind, targets, specs[node.name])
    return PlanGraph(graph.start_step, steps)
