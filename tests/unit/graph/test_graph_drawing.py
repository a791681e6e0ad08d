"""What `show`, `output-dot`, `output-raw` and the artifact `_graph_info` make of a graph."""

import json
import textwrap

import pytest
from flow_source import Decorator, flow_of, graph_of

from metaflow.graph import build_graph
from metaflow.graph.description import plain
from metaflow.graph.drawing import graph_info, output_dot, output_raw, output_raw_json, show

SWITCH = """start: self.s
s: {'say "hi"': self.a, 2: self.b, True: self.a, 'again': self.s}, condition='v'
a: self.m
b: self.m
m: self.end
end:"""


def documented():
    return build_graph(
        flow_of(
            '''
"""A flow.
On two lines."""
@Decorator("retry", times=3)
@Decorator("catch", var="x")
@step
def start(self):
    """Begins.

    Goes on.
    """
    self.next(self.a, self.b)

@step
def a(self):
    self.next(self.join)

@step
def b(self):
    self.next(self.join)

@step
def join(self, inputs):
    self.next(self.end)

@step
def end(self):
    pass
'''
        )
    )


def test_show():
    shown = show(documented())
    assert shown.doc == "A flow.\nOn two lines."
    assert shown.steps == textwrap.dedent(
        """\
        @catch
        @retry
        Step start
            Begins.

            Goes on.
            => a, b

        Step a
            ?
            => join

        Step b
            ?
            => join

        Step join
            ?
            => end

        Step end
            ?
        """
    )


def test_show_without_documentation():
    assert show(graph_of("start: self.end\nend:")).doc == ""


def test_dot():
    text = output_dot(documented())
    assert text.startswith("digraph F {\n")
    assert text.endswith("}")
    edges = [line.strip() for line in text.splitlines() if "->" in line]
    assert edges == ["start -> a;", "start -> b;", "a -> join;", "b -> join;", "join -> end;"]


def test_dot_of_a_switch():
    text = output_dot(graph_of(SWITCH))
    assert 's [shape="hexagon", label="s"];' in text
    assert r's -> a [label="say \"hi\", True"];' in text
    assert 's -> b [label="2"];' in text
    assert 's -> s [label="again"];' in text


def test_dot_quotes_its_own_words():
    text = output_dot(graph_of("start: self.node\nnode: self.end\nend:"))
    assert 'start -> "node";' in text
    assert '"node" -> end;' in text


def test_raw_dump_names_everything():
    text = output_raw(documented())
    assert "Flow F" in text
    assert "Step join" in text
    assert "    split_parents: ['start']" in text
    assert "['start', [['a'], ['b']], 'join', 'end']" in text


def test_raw_json():
    described = output_raw_json(documented())
    assert json.loads(json.dumps(described)) == described
    assert described["graph_structure"] == ["start", [["a"], ["b"]], "join", "end"]
    assert list(described["graph"]) == ["start", "a", "b", "join", "end"]
    start = described["graph"]["start"]
    assert start.pop("source_file").startswith("<cell-")
    assert start == {
        "name": "start",
        "type": "split-static",
        "line": 7,
        "doc": "Begins.\n\nGoes on.",
        "decorators": [
            {
                "name": name,
                "attributes": attributes,
                "statically_defined": True,
                "inserted_by": None,
            }
            for name, attributes in (("catch", {"var": "x"}), ("retry", {"times": 3}))
        ],
        "next": ["a", "b"],
        "node_info": {},
        "matching_join": "join",
    }


@pytest.mark.parametrize(
    ("spec", "kind", "extra"),
    [
        (
            "start: self.a, foreach='x'\na: self.j\nj*: self.end\nend:",
            "split-foreach",
            {"foreach_artifact": "x", "matching_join": "j"},
        ),
        (
            "start: self.a, num_parallel=3\na: self.j\nj*: self.end\nend:",
            "split-parallel",
            {"num_parallel": 3, "matching_join": "j"},
        ),
        (
            "start: {1: self.a, 'k': self.end}, condition='v'\na: self.end\nend:",
            "split-switch",
            {"condition": "v", "switch_cases": {"1": "a", "k": "end"}},
        ),
        ("start: self.end\nend:", "start", {}),
        ("start:", "end", {}),
    ],
)
def test_described_types(spec, kind, extra):
    described = graph_of(spec).output_steps()[0]["start"]
    assert described["type"] == kind
    keys = {"foreach_artifact", "num_parallel", "condition", "switch_cases", "matching_join"}
    assert {key: value for key, value in described.items() if key in keys} == extra


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("start:", ["start"]),
        ("start: self.end\nend:", ["start", "end"]),
        (
            (
                "start: self.a, foreach='x'\na: self.b, foreach='y'\nb: self.j\nj*: self.k\n"
                "k*: self.end\nend:"
            ),
            ["start", [["a", [["b"]], "j"]], "k", "end"],
        ),
        (SWITCH, ["start", "s", [["a"], ["b"]], "m", "end"]),
        (
            "start: {1: self.a, 2: self.end}, condition='v'\na: self.end\nend:",
            ["start", [["a"], []], "end"],
        ),
        (
            (
                "start: {1: self.a, 2: self.b, 3: self.c}, condition='v'\na: self.x\nb: self.x\n"
                "c: self.end\nx: self.end\nend:"
            ),
            ["start", [["a", "x"], ["b"], ["c"]], "end"],
        ),
        (
            (
                "start: self.s, foreach='x'\ns: {1: self.a, 2: self.b}, condition='v'\na: self.j\n"
                "b: self.j\nj*: self.end\nend:"
            ),
            ["start", [["s", [["a"], ["b"]]]], "j", "end"],
        ),
        ("start: self.a, self.b\na: self.b\nb: self.a\nend:", ["start", [["a", "b"], []]]),
        ("start: self.nowhere\nend:", ["start"]),
        ("a: self.b\nb: self.a", []),
    ],
)
def test_structure(spec, expected):
    assert graph_of(spec).output_steps()[1] == expected


def test_graph_info():
    graph = documented()
    graph["start"].function.node_info["hook"] = test_graph_info
    info = graph_info(
        graph,
        file="flow.py",
        parameters=[("alpha", float), ("path", "FilePath")],
        constants=[("table", dict)],
        decorators=[Decorator("project", name="p")],
        extensions={"acme": {"version": 1}},
    )
    steps, nested = graph.output_steps()
    assert info == {
        "file": "flow.py",
        "start_step": "start",
        "end_step": "end",
        "parameters": [{"name": "alpha", "type": "float"}, {"name": "path", "type": "FilePath"}],
        "constants": [{"name": "table", "type": "dict"}],
        "steps": steps,
        "graph_structure": nested,
        "doc": "A flow.\nOn two lines.",
        "decorators": [
            {
                "name": "project",
                "attributes": {"name": "p"},
                "statically_defined": True,
                "inserted_by": None,
            }
        ],
        "extensions": {"acme": {"version": 1}},
    }
    assert info["steps"]["start"]["node_info"] == {"hook": "test_graph_info"}
    json.dumps(info)


class Text(str):
    __slots__ = ()


class Opaque:
    def __str__(self):
        return "opaque!"


def test_plain_data():
    ring = [1]
    ring.append(ring)
    assert plain(ring) == [1, "..."]
    assert plain({1: (Opaque(), {2, 1}), None: len}) == {
        "1": ["opaque!", [1, 2]],
        "None": "len",
    }
    assert plain([Opaque, plain, b"x", 1.5, None, True]) == [
        "Opaque",
        "plain",
        "b'x'",
        1.5,
        None,
        True,
    ]
    shared = [1]
    assert plain([shared, shared]) == [[1], [1]]
    assert type(plain(Text("x"))) is str
