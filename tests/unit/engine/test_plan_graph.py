"""The plan's view of a flow, and what can be told about a run's size."""

from __future__ import annotations

import linecache

import pytest
from plan_simulation import graph_of

from metaflow.engine.plan_graph import plan_graph
from metaflow.engine.plan_progress import Forecast
from metaflow.graph.build import build_graph
from metaflow.graph.checks import check_graph
from metaflow.model.spec import StepSpec
from metaflow.model.task import Transition

FLOW = """
from metaflow.authoring.flowspec import FlowSpec
from metaflow.authoring.steps import step

class ShapesFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.wide, self.choose)
    @step
    def wide(self):
        self.xs = [1, 2]
        self.next(self.body, foreach="xs")
    @step
    def body(self):
        self.next(self.gather)
    @step
    def gather(self, inputs):
        self.next(self.join)
    @step
    def choose(self):
        self.c = 1
        self.next({1: self.plain, 2: self.choose, 3: self.plain}, condition="c")
    @step
    def plain(self):
        self.next(self.join)
    @step
    def join(self, inputs):
        self.next(self.end)
    @step
    def end(self):
        pass
"""


@pytest.fixture
def flow():
    name = "<shapes>"
    linecache.cache[name] = (len(FLOW), None, FLOW.splitlines(keepends=True), name)
    space = {"__name__": "shapes"}
    exec(compile(FLOW, name, "exec"), space)
    yield space["ShapesFlow"]
    del linecache.cache[name]


def test_the_view_keeps_shapes_targets_and_specs(flow) -> None:
    graph = build_graph(flow)
    check_graph(graph)
    specs = {node.name: StepSpec(node.name, retries=len(node.name)) for node in graph}
    view = plan_graph(graph, specs)
    assert view.start == "start"
    assert {name: (node.kind, node.targets) for name, node in view.steps.items()} == {
        "start": ("split", ("wide", "choose")),
        "wide": ("foreach", ("body",)),
        "body": ("linear", ("gather",)),
        "gather": ("join", ("join",)),
        "choose": ("switch", ("plain", "choose")),
        "plain": ("linear", ("join",)),
        "join": ("join", ("end",)),
        "end": ("end", ()),
    }
    assert all(view.steps[name].spec is specs[name] for name in specs)


def test_reachable_steps_include_the_step_itself() -> None:
    graph = graph_of(
        ("a", "switch", "b", "c"), ("b", "switch", "b", "d"), ("c", "linear", "d"), ("d", "end")
    )
    assert graph.reachable("b") == {"b", "d"}
    assert graph.reachable("d") == {"d"}
    assert graph.reachable("a") == {"a", "b", "c", "d"}


def test_the_number_of_tasks_is_known_once_all_foreachs_are() -> None:
    graph = graph_of(
        ("outer", "foreach", "inner"),
        ("inner", "foreach", "body"),
        ("body", "linear", "gather"),
        ("gather", "join", "join"),
        ("join", "join", "end"),
        ("end", "end"),
    )
    forecast = Forecast(graph)
    assert forecast.total is None
    forecast.decide(Transition(("inner",), "xs", 2), 2)
    forecast.decide(Transition(("body",), "ys", 3), 3)
    assert forecast.total is None
    forecast.decide(Transition(("body",), "ys", 5), 5)
    assert forecast.total == 1 + (1 + 3 + 1) + (1 + 5 + 1) + 2


def test_the_number_of_tasks_is_unknown_before_a_switch() -> None:
    graph = graph_of(("a", "switch", "a", "b", "c"), ("b", "linear", "c"), ("c", "end"))
    forecast = Forecast(graph)
    forecast.decide(Transition(("a",), condition="c"), 1)
    assert forecast.total is None
    forecast.decide(Transition(("b",), condition="c"), 1)
    assert forecast.total == 4
