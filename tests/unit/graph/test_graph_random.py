"""Random graphs: checking never breaks, and it accepts exactly the graphs that can run."""

import itertools
import json
import pickle
import random
from collections import Counter
from typing import get_args

import pytest
from flow_source import flow_of
from hypothesis import given, settings
from hypothesis import strategies as st

from metaflow.errors.definition import LintWarn
from metaflow.graph import build_graph
from metaflow.graph.checks import check_graph, raise_faults
from metaflow.graph.drawing import output_dot, output_raw, output_raw_json, show
from metaflow.graph.node import Node
from metaflow.graph.topology import FindingKind, analyse
from metaflow.graph.transition import NextCall

# Well-formed flows, built as their structure says ---------------------------------------

block = st.deferred(lambda: st.lists(element, min_size=1, max_size=3))
element = st.one_of(
    st.just(("linear",)),
    st.just(("loop",)),
    st.tuples(st.just("foreach"), block),
    st.tuples(st.just("parallel")),
    st.tuples(st.just("split"), st.lists(block, min_size=2, max_size=3)),
    st.tuples(st.just("switch"), st.lists(block, min_size=1, max_size=2), st.booleans()),
)


class Writer:
    """Writes the steps of a structure, last ones first, as each needs to know its successor."""

    def __init__(self):
        self.lines = []
        self.names = (f"s{i}" for i in itertools.count())

    def step(self, call, inputs="", marks=""):
        name = next(self.names)
        self.lines.append(f"{marks}@step\ndef {name}(self{inputs}):\n    self.next({call})\n")
        return name

    def block(self, elements, after):
        for kind, *rest in reversed(elements):
            after = getattr(self, kind)(after, *rest)
        return after

    def linear(self, after):
        return self.step(f"self.{after}")

    def join(self, after):
        return self.step(f"self.{after}", inputs=", inputs")

    def loop(self, after):
        name = f"loop{next(self.names)}"
        out = self.linear(after)
        self.lines.append(
            f"@step\ndef {name}(self):\n"
            f"    self.next({{True: self.{name}, False: self.{out}}}, condition='v')\n"
        )
        return name

    def foreach(self, after, body):
        return self.step(f"self.{self.block(body, self.join(after))}, foreach='x'")

    def parallel(self, after):
        gang = self.step(f"self.{self.join(after)}", marks="@Decorator('parallel')\n")
        return self.step(f"self.{gang}, num_parallel=2")

    def split(self, after, branches):
        join = self.join(after)
        entries = [self.block(branch, join) for branch in branches]
        return self.step(", ".join(f"self.{entry}" for entry in entries))

    def switch(self, after, branches, shortcut):
        merge = self.linear(after)
        entries = [self.block(branch, merge) for branch in branches]
        entries.append(merge if shortcut else entries[0])
        cases = ", ".join(f"{index}: self.{entry}" for index, entry in enumerate(entries))
        return self.step(f"{{{cases}}}, condition='v'")


@settings(max_examples=60, deadline=None)
@given(block)
def test_well_formed_flows_have_no_faults(elements):
    writer = Writer()
    entry = writer.block(elements, "end")
    writer.lines.append(f"@step\ndef start(self):\n    self.next(self.{entry})\n")
    writer.lines.append("@step\ndef end(self):\n    pass\n")
    graph = build_graph(flow_of("\n".join(reversed(writer.lines))))
    assert check_graph(graph) == []
    places = {name: index for index, name in enumerate(graph.sorted_nodes)}
    assert len(places) == len(graph)
    for node in graph:
        assert (node.matching_join is not None) == node.is_split
        assert all(places[node.name] < places[t] for t in node.out_funcs if t != node.name)
    # The nested structure places every step once.
    flat, pending = [], [graph.output_steps()[1]]
    while pending:
        for item in pending.pop():
            if isinstance(item, list):
                pending.append(item)
            else:
                flat.append(item)
    assert sorted(flat) == sorted(graph.nodes)


# Mostly broken flows, as text ------------------------------------------------------------

NAMES = ["start", "end", "a", "b", "c", "next", "_x", "Big"]
target = st.sampled_from([*(f"self.{name}" for name in NAMES), "self.gone", "'a'", "x.a"])
tail = st.one_of(
    st.lists(target, max_size=3).map(lambda targets: f"self.next({', '.join(targets)})"),
    target.map(lambda t: f"self.next({t}, foreach='x')"),
    target.map(lambda t: f"self.next({t}, num_parallel=2)"),
    st.tuples(target, target).map(
        lambda pair: f"self.next({{1: {pair[0]}, 'k': {pair[1]}}}, condition='v')"
    ),
    st.sampled_from(["pass", "return", "self.next", "self.next({}, condition='v')", "yield 1"]),
)
arguments = st.sampled_from(["self", "self", "self, inputs", "", "self, a, b", "self, *a"])
marks = st.sampled_from(
    [
        "@step",
        "@step",
        "@step",
        "@step(start=True)",
        "@step(end=True)",
        "@Decorator('parallel')\n@step",
    ]
)
broken = st.dictionaries(
    st.sampled_from(NAMES), st.tuples(marks, arguments, tail), min_size=1, max_size=len(NAMES)
)


@settings(max_examples=400, deadline=None)
@given(broken)
def test_checking_never_breaks(spec):
    body = "\n".join(
        f"{mark}\ndef {name}({args}):\n    {last}\n" for name, (mark, args, last) in spec.items()
    )
    graph = build_graph(flow_of(body))
    faults = check_graph(graph)
    assert sorted(graph.sorted_nodes) == sorted(graph.nodes)
    for fault in faults:
        assert fault.message.endswith(".")
        assert fault.source_file == graph.source_file
        assert fault.line is not None
    assert len(set(faults)) == len(faults)
    if faults:
        with pytest.raises(LintWarn) as caught:
            raise_faults(faults)
        assert pickle.loads(pickle.dumps(caught.value)).faults == tuple(faults)
    show(graph)
    output_dot(graph)
    output_raw(graph)
    json.dumps(output_raw_json(graph))


# Small graphs against an oracle that runs them -----------------------------------------------


class CannotRun(Exception):
    pass


class Oracle:
    """Follows every way through a graph as an engine would go, and notes where it gets stuck."""

    def __init__(self, nodes):
        self.nodes = nodes
        self.context = {}
        self.closes = {}
        self.on_path = []

    def runs(self):
        try:
            reached_end = self.follow("start", ()) == {"end"}
        except CannotRun:
            return False
        return reached_end and set(self.context) == set(self.nodes)

    def follow(self, name, context):
        """Where a task of this step may get to: to joins that wait, or to the end."""
        if name in self.on_path or self.context.setdefault(name, context) != context:
            raise CannotRun
        if name == "end":
            if context:
                raise CannotRun
            return {"end"}
        node = self.nodes[name]
        self.on_path.append(name)
        if node.is_split:
            arrived = [
                self.arrive(name, t, (*context, (name, i))) for i, t in enumerate(node.out_funcs)
            ]
            joins = set.union(*arrived)
            if len(joins) != 1 or joins == {"end"}:
                raise CannotRun
            (join,) = joins
            if self.closes.setdefault(join, name) != name:
                raise CannotRun
            found = self.follow(join, context)
        else:
            targets = [t for t in node.out_funcs if t != name or node.type != "split-switch"]
            if not targets:
                raise CannotRun
            found = set.union(*(self.arrive(name, t, context) for t in targets))
        self.on_path.pop()
        return found

    def arrive(self, source, name, context):
        if not self.nodes[name].is_join:
            return self.follow(name, context)
        if not context or self.nodes[source].type in {"split", "foreach", "split-switch"}:
            raise CannotRun
        return {name}


def plain_step(self):
    pass


def joining_step(self, inputs):
    pass


def make_node(name, kind, targets, *, join):
    function = joining_step if join else plain_step
    call = None if name == "end" else NextCall(1, kind, tuple(dict.fromkeys(targets)))
    node = Node(name, function, function.__code__, 1, call)
    types = {"split": "split", "foreach": "foreach", "switch": "split-switch"}
    fallback = name if name in {"start", "end"} else "join" if join else "linear"
    node.type = types.get(kind, fallback)
    return node


def sound_shapes(rng, depth):
    """Shapes of a valid graph: for each step its kind, its targets, and whether it joins."""
    shapes = {"end": ("linear", [], False)}

    def add(kind, targets, *, join=False):
        name = f"s{len(shapes)}"
        shapes[name] = (kind, targets, join)
        return name

    def block(after, depth):
        for _ in range(rng.randint(1, 2)):
            kind = rng.choice(
                ["linear", "split", "foreach", "switch", "loop"] if depth else ["linear"]
            )
            if kind == "linear":
                after = add("linear", [after])
            elif kind == "loop":
                name = add("switch", [add("linear", [after])])
                shapes[name][1].append(name)
                after = name
            elif kind == "switch":
                merge = add("linear", [after])
                after = add("switch", [block(merge, depth - 1), block(merge, depth - 1)])
            else:
                join = add("linear", [after], join=True)
                count = 2 if kind == "split" else 1
                after = add(kind, [block(join, depth - 1) for _ in range(count)])
        return after

    shapes["start"] = ("linear", [block("end", depth)], False)
    return shapes


def random_graph(rng):
    """Make a valid graph, and mostly spoil it: bend transitions, make joins and unmake them."""
    shapes = sound_shapes(rng, rng.randint(0, 2))
    names = sorted(shapes)
    for _ in range(rng.choice([0, 1, 1, 2, 4])):
        name = rng.choice([name for name in names if name != "end"])
        kind, targets, join = shapes[name]
        if rng.random() < 0.3 and name != "start" and kind == "linear":
            shapes[name] = (kind, targets, not join)
        else:
            bent = rng.choice([other for other in names if other not in {"start", name}])
            if bent not in targets:
                targets[rng.randrange(len(targets))] = bent
    order = rng.sample(names, len(names))  # the order of definition must not matter
    return {name: make_node(name, *shapes[name][:2], join=shapes[name][2]) for name in order}


def test_a_graph_is_valid_exactly_when_it_can_run():
    rng = random.Random(20240229)
    outcomes = Counter()
    for _ in range(10_000):
        nodes = random_graph(rng)
        runs = Oracle(nodes).runs()
        findings = analyse(nodes, "start", "end").findings
        shapes = {name: (node.type, node.out_funcs) for name, node in nodes.items()}
        assert runs == (not findings), (findings, shapes)
        outcomes[runs] += 1
        outcomes.update({finding.kind for finding in findings})
    assert min(outcomes[True], outcomes[False]) > 2000
    assert set(get_args(FindingKind)) - outcomes.keys() == {"enters-start"}  # never bent there
