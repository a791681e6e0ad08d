"""What the graph says of a valid flow: order, splits and joins, inheritance, source places."""

import functools
import importlib.util
import linecache
import sys

import pytest
from flow_source import cell, flow_of, graph_of, step

from metaflow.errors.definition import SourceUnavailable
from metaflow.graph import build_graph
from metaflow.graph.checks import check_graph

NESTED = """start: self.a, self.b
a: self.c, foreach='x'
c: self.d, self.e
d: self.de
e: self.de
de*: self.j
j*: self.join
b: self.s
s: {'p': self.p, 2: self.q, True: self.p}, condition='v'
p: self.m
q: self.m
m: self.join
join*: self.end
end:"""


def test_types():
    graph = graph_of(NESTED)
    assert {node.name: node.type for node in graph} == {
        "start": "split",
        "a": "foreach",
        "c": "split",
        "d": "linear",
        "e": "linear",
        "de": "join",
        "j": "join",
        "b": "linear",
        "s": "split-switch",
        "p": "linear",
        "q": "linear",
        "m": "linear",
        "join": "join",
        "end": "end",
    }


def test_transitions():
    graph = graph_of(NESTED)
    assert graph["start"].out_funcs == ["a", "b"]
    assert graph["a"].foreach_param == "x"
    assert graph["s"].condition == "v"
    assert graph["s"].switch_cases == {"p": "p", 2: "q", True: "p"}
    assert graph["s"].out_funcs == ["p", "q"]
    assert graph["join"].in_funcs == ["j", "m"]
    assert graph["start"].in_funcs == []
    assert graph["end"].out_funcs == []
    assert graph["b"].switch_cases is None
    assert graph["b"].foreach_param is None
    assert graph["b"].num_parallel is None
    assert graph["b"].has_tail_next
    assert not graph["end"].has_tail_next


def test_splits_and_joins():
    graph = graph_of(NESTED)
    assert {node.name: node.matching_join for node in graph if node.matching_join} == {
        "start": "join",
        "a": "j",
        "c": "de",
    }
    assert graph["d"].split_parents == ["start", "a", "c"]
    assert graph["de"].split_parents == ["start", "a", "c"]
    assert graph["j"].split_parents == ["start", "a"]
    assert graph["q"].split_parents == ["start"]
    assert graph["end"].split_parents == []
    assert [node.name for node in graph if node.is_inside_foreach] == ["c", "d", "e", "de"]


def test_order_has_each_step_after_its_predecessors():
    graph = graph_of(NESTED)
    place = {name: index for index, name in enumerate(graph.sorted_nodes)}
    assert set(place) == set(graph.nodes)
    for node in graph:
        for target in node.out_funcs:
            assert place[node.name] < place[target]
    assert graph.sorted_nodes[:2] == ["start", "a"]


def test_mapping_protocol():
    graph = graph_of(NESTED)
    assert graph.name == "F"
    assert "a" in graph
    assert "nope" not in graph
    assert len(graph) == 14
    assert [node.name for node in graph] == list(graph.nodes)
    with pytest.raises(KeyError):
        graph["nope"]


def test_looping_switch_is_its_own_predecessor():
    graph = graph_of("start: self.a\na: {'again': self.a, 'done': self.end}, condition='v'\nend:")
    assert graph["a"].in_funcs == ["start", "a"]
    assert graph["a"].out_funcs == ["a", "end"]
    assert graph.sorted_nodes == ["start", "a", "end"]


def test_documentation_and_marks():
    flow = flow_of(
        '''
"""What it is for.

    More.
"""
@Decorator("retry", times=3)
@step(node_info={"kind": "train"})
def start(self):
    """
    Begins.
        Indented.
    """
    self.next(self.end)

@step
def end(self):
    pass
'''
    )
    graph = build_graph(flow)
    assert graph.doc == "What it is for.\n\nMore."
    assert graph["start"].doc == "Begins.\n    Indented."
    assert graph["end"].doc == ""
    assert graph["start"].node_info == {"kind": "train"}
    assert [decorator.name for decorator in graph["start"].decorators] == ["retry"]
    assert (graph["start"].line, graph["start"].tail_next_lineno) == (8, 13)
    assert graph.line == 1


BASE = """
from flow_source import step

class Base:
    @step
    def start(self):
        self.next(self.middle)

    @step
    def middle(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""

DERIVED = """
from graph_base_flow import Base
from flow_source import step

class Left(Base):
    @step
    def middle(self):
        self.next(self.extra)

class Right(Base):
    @step
    def extra(self):
        self.next(self.end)

class Both(Left, Right):
    pass

class Without(Base):
    middle = None

def make():
    class Inner(Base):
        class Helper:
            def start(self):
                return 1

        if True:
            try:
                @step
                def middle(
                    self,
                ):
                    for _ in range(2):
                        pass
                    self.next(
                        self.end,
                    )
            finally:
                pass
    return Inner
"""


@pytest.fixture
def modules(tmp_path, monkeypatch):
    loaded = []

    def load(name, text):
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        loaded.append(str(path))
        return module

    yield load
    for path in loaded:
        linecache.cache.pop(path, None)


def test_inheritance_across_files(modules):
    base = modules("graph_base_flow", BASE)
    derived = modules("graph_derived_flow", DERIVED)
    graph = build_graph(derived.Both)
    assert check_graph(graph) == []
    assert graph.sorted_nodes == ["start", "middle", "extra", "end"]
    assert graph["start"].source_file == base.__file__
    assert graph["start"].line == 6
    assert graph["middle"].source_file == derived.__file__
    assert graph["middle"].line == 7
    assert (graph.source_file, graph.line) == (derived.__file__, 15)


def test_attribute_that_is_no_step_removes_an_inherited_one(modules):
    modules("graph_base_flow", BASE)
    derived = modules("graph_derived_flow", DERIVED)
    (fault,) = check_graph(build_graph(derived.Without))
    assert "leads to `middle`" in fault.message


def test_class_inside_a_function(modules):
    modules("graph_base_flow", BASE)
    derived = modules("graph_derived_flow", DERIVED)
    graph = build_graph(derived.make())
    assert check_graph(graph) == []
    assert graph["middle"].line == 30
    assert graph.line == 22


def test_step_is_known_by_its_attribute():
    namespace, _ = cell(
        "@step\ndef body(self):\n    self.next(self.end)\n\n"
        "class F:\n    start = body\n    @step\n    def end(self):\n        pass\n"
    )
    graph = build_graph(namespace["F"])
    assert check_graph(graph) == []
    assert graph["start"].line == 2


def test_wrapped_function_is_read_below_its_wrapper():
    def noisy(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs)

        return wrapper

    namespace, filename = cell(
        "class F:\n    @step\n    @noisy\n    def start(self):\n        self.next(self.end)\n"
        "    @step\n    def end(self):\n        pass\n",
        {"noisy": noisy},
    )
    graph = build_graph(namespace["F"])
    assert check_graph(graph) == []
    assert graph["start"].source_file == filename
    assert graph["start"].line == 4


def test_flows_of_one_name_in_two_cells_are_not_mixed_up():
    first, _ = cell("class F:\n    @step\n    def start(self):\n        pass\n")
    second, _ = cell("class F:\n    @step\n    def start(self): self.next(self.gone)\n")
    assert check_graph(build_graph(first["F"])) == []
    assert len(check_graph(build_graph(second["F"]))) == 1


def test_redefined_class_is_read_where_it_was_defined_last():
    namespace, _ = cell(
        "class F:\n    @step\n    def start(self):\n        self.next(self.x)\n"
        "class F:\n    @step\n    def start(self):\n        pass\n"
    )
    graph = build_graph(namespace["F"])
    assert check_graph(graph) == []
    assert (graph["start"].line, graph.line) == (7, 5)


def test_code_without_source():
    namespace = {"step": step}
    exec("class F:\n    @step\n    def start(self):\n        pass\n", namespace)
    with pytest.raises(SourceUnavailable) as caught:
        build_graph(namespace["F"])
    assert "step `start` is not available: `<string>` cannot be read" in str(caught.value)
    assert caught.value.headline == "Source code not available"


def test_lambda_is_no_step():
    flow = flow_of("start = step(lambda self: None)")
    with pytest.raises(SourceUnavailable, match="it is a lambda"):
        build_graph(flow)


def test_object_is_no_step():
    class Callable:
        is_step = True

    with pytest.raises(SourceUnavailable, match="it is not a function"):
        build_graph(type("F", (), {"start": Callable()}))


@pytest.mark.parametrize(
    ("text", "reason"),
    [("x = 1\n" * 20, "has changed"), ("class (\n", "not valid Python any more")],
)
def test_file_that_changed_after_it_was_loaded(modules, text, reason):
    module = modules("graph_base_flow", BASE)
    with open(module.__file__, "w") as file:
        file.write(text)
    with pytest.raises(SourceUnavailable, match=reason):
        build_graph(module.Base)


def test_class_without_steps_of_its_own_in_a_cell():
    base, base_file = cell("class Base:\n    @step\n    def start(self):\n        pass\n")
    derived, _ = cell("class F(Base):\n    pass\n", base)
    graph = build_graph(derived["F"])
    assert check_graph(graph) == []
    assert graph.source_file == base_file
    assert graph.line is None
