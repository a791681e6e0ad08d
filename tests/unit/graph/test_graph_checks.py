"""Every fault that a graph can have is found once, at the right place."""

import itertools
import pickle

import pytest
from flow_source import cell, faults_of, flow_of, graph_of, steps

from metaflow.errors.definition import LintWarn
from metaflow.graph import build_graph
from metaflow.graph.checks import check_graph, raise_faults


def at_def(index):
    return 3 + 4 * index


def at_next(index):
    return 4 + 4 * index


ONE_FAULT = {
    "unknown target": (
        """start: self.midle
        middle: self.end
        end:""",
        at_next(0),
        "start",
        "leads to `midle`",
        "did you mean `middle`?",
    ),
    "unknown target without a guess": (
        """start: self.quux
        end:""",
        at_next(0),
        "start",
        "leads to `quux`",
        "define the step `quux`",
    ),
    "unknown branch of a split": (
        """start: self.a, self.bb
        a: self.join
        b: self.join
        join*: self.end
        end:""",
        at_next(0),
        "start",
        "leads to `bb`",
        None,
    ),
    "no transition": (
        """start:
        a: self.end
        end:""",
        at_def(0),
        "start",
        "last statement of step `start`",
        "end the step with",
    ),
    "no transition inside a split": (
        """start: self.a, self.b
        a:
        b: self.join
        join*: self.end
        end:""",
        at_def(1),
        "a",
        "last statement of step `a`",
        None,
    ),
    "cycle": (
        """start: self.a
        a: self.b
        b: self.a
        end:""",
        at_next(2),
        "b",
        "`a` → `b` → `a`",
        "only a switch",
    ),
    "loop of one step": (
        """start: self.a
        a: self.a
        end:""",
        at_next(1),
        "a",
        "`a` → `a`",
        None,
    ),
    "switch that goes back to another step": (
        """start: self.a
        a: self.b
        b: {True: self.a, False: self.end}, condition='x'
        end:""",
        at_next(2),
        "b",
        "`a` → `b` → `a`",
        None,
    ),
    "unreachable step": (
        """start: self.end
        lonely: self.further
        further: self.end
        end:""",
        at_def(1),
        "lonely",
        "`lonely` is unreachable",
        "self.lonely",
    ),
    "unreachable ring": (
        """start: self.end
        a: self.b
        b: self.a
        end:""",
        at_def(1),
        "a",
        "`a` is unreachable",
        None,
    ),
    "transition into start": (
        """start: self.a
        a: self.start
        end:""",
        at_next(1),
        "a",
        "leads to `start`",
        None,
    ),
    "start that repeats itself": (
        """start: {True: self.start, False: self.end}, condition='v'
        end:""",
        at_next(0),
        "start",
        "leads to itself, but nothing can come before the start",
        "a step of its own that repeats itself",
    ),
    "end goes on": (
        """start: self.end
        end: self.start""",
        at_next(1),
        "end",
        "the flow's end",
        None,
    ),
    "only step goes on": ("start: self.end", at_next(0), "start", "only step", None),
    "end is a join": (
        """start: self.a, self.b
        a: self.end
        b: self.end
        end*:""",
        at_def(3),
        "end",
        "cannot be a join",
        None,
    ),
    "end is a join of nothing": (
        """start: self.end
        end*:""",
        at_def(1),
        "end",
        "cannot be a join",
        None,
    ),
    "open split at the end": (
        """start: self.a, self.b
        a: self.end
        b: self.end
        end:""",
        at_next(1),
        "a",
        "before the split `start` is joined",
        "put a join",
    ),
    "open foreach at the end": (
        """start: self.a, foreach='x'
        a: self.end
        end:""",
        at_next(1),
        "a",
        "before the split `start` is joined",
        None,
    ),
    "two open splits at the end": (
        """start: self.a, foreach='x'
        a: self.b, foreach='y'
        b: self.end
        end:""",
        at_next(2),
        "b",
        "before the splits `start` and `a` are joined",
        None,
    ),
    "join without split": (
        """start: self.j
        j*: self.end
        end:""",
        at_def(1),
        "j",
        "no split is open",
        "def j(self)",
    ),
    "second join of one split": (
        """start: self.a, foreach='x'
        a: self.j
        j*: self.k
        k*: self.end
        end:""",
        at_def(3),
        "k",
        "no split is open",
        None,
    ),
    "join behind a switch": (
        """start: {True: self.a, False: self.b}, condition='x'
        a: self.j
        b: self.j
        j*: self.end
        end:""",
        at_def(3),
        "j",
        "no split is open",
        None,
    ),
    "join that misses a branch": (
        """start: self.a, self.b, self.c
        a: self.j
        b: self.j
        c: self.end
        j*: self.end
        end:""",
        at_def(4),
        "j",
        "branch `c` does not lead to it",
        "`a`, `b` and `c`",
    ),
    "a join for each branch": (
        """start: self.a, self.b
        a: self.j
        b: self.k
        j*: self.l
        k*: self.l
        l*: self.end
        end:""",
        at_def(3),
        "j",
        "branch `b` does not lead to it",
        None,
    ),
    "join that mixes splits": (
        """start: self.a, self.b
        a: self.c, foreach='x'
        c: self.j
        b: self.j
        j*: self.end
        end:""",
        at_def(4),
        "j",
        "mixes steps",
        "inner splits first",
    ),
    "join that mixes a split with none": (
        """start: {1: self.a, 2: self.b}, condition='x'
        a: self.c, foreach='x'
        c: self.j
        b: self.j
        j*: self.end
        end:""",
        at_def(4),
        "j",
        "mixes steps",
        None,
    ),
    "split joined twice": (
        """start: self.s, foreach='x'
        s: {1: self.a, 2: self.b}, condition='v'
        a: self.j
        b: self.k
        j*: self.end
        k*: self.end
        end:""",
        at_def(5),
        "k",
        "which `j` closes already",
        None,
    ),
    "branches meet in a plain step": (
        """start: self.a, self.b
        a: self.c
        b: self.c
        c: self.end
        end:""",
        at_def(3),
        "c",
        "which is not a join",
        "def c(self, inputs)",
    ),
    "levels meet in a plain step": (
        """start: {1: self.a, 2: self.b}, condition='v'
        a: self.c, foreach='x'
        b: self.c
        c: self.end
        end:""",
        at_def(3),
        "c",
        "not inside the same splits (`a`)",
        None,
    ),
    "foreach into a join": (
        """start: self.j, foreach='x'
        j*: self.end
        end:""",
        at_next(0),
        "start",
        "straight into the join `j`",
        "put a step between",
    ),
    "split branch into a join": (
        """start: self.a, self.j
        a: self.j
        j*: self.end
        end:""",
        at_next(0),
        "start",
        "straight into the join `j`",
        None,
    ),
    "switch case into a join": (
        """start: self.s, foreach='x'
        s: {1: self.j, 2: self.a}, condition='v'
        a: self.j
        j*: self.end
        end:""",
        at_next(1),
        "s",
        "case of the switch `s`",
        None,
    ),
    "switch with one case": (
        """start: {1: self.end}, condition='v'
        end:""",
        at_next(0),
        "start",
        "a switch with one case",
        "at least two",
    ),
    "join that splits": (
        """start: self.a, self.b
        a: self.j
        b: self.j
        j*: self.c, self.d
        c: self.k
        d: self.k
        k*: self.end
        end:""",
        at_next(3),
        "j",
        "a join that also splits",
        None,
    ),
    "join that starts a foreach": (
        """start: self.a, foreach='x'
        a: self.j
        j*: self.b, foreach='y'
        b: self.k
        k*: self.end
        end:""",
        at_next(2),
        "j",
        "also starts a foreach",
        None,
    ),
    "join that switches": (
        """start: self.a, foreach='x'
        a: self.j
        j*: {1: self.b, 2: self.end}, condition='y'
        b: self.end
        end:""",
        at_next(2),
        "j",
        "also switches",
        None,
    ),
    "no start": (
        """strat: self.end
        end:""",
        1,
        None,
        "no start step",
        "should `strat` be called `start`?",
    ),
    "no end": (
        """start: self.a
        a: self.end""",
        1,
        None,
        "no end step",
        "annotate it with `@step(end=True)`",
    ),
    "end of another name": (
        """start: self.a
        a: self.fin
        fin:""",
        1,
        None,
        "no end step",
        "should `fin` be called `end`?",
    ),
    "reserved name": (
        """start: self.input
        input: self.end
        end:""",
        at_def(1),
        "input",
        "reserved",
        None,
    ),
    "upper-case name": (
        """start: self.Big
        Big: self.end
        end:""",
        at_def(1),
        "Big",
        "`Big` is not allowed",
        "call it `big`",
    ),
    "private name": (
        """start: self._a
        _a: self.end
        end:""",
        at_def(1),
        "_a",
        "`_a` is not allowed",
        "call it `a`",
    ),
}


@pytest.mark.parametrize("case", ONE_FAULT)
def test_one_mistake_is_one_fault(case):
    spec, line, step, text, hint = ONE_FAULT[case]
    graph = graph_of(spec)
    faults = check_graph(graph)
    assert [(fault.line, fault.step) for fault in faults] == [(line, step)], faults
    (fault,) = faults
    assert fault.source_file == graph.source_file
    assert text in fault.message
    assert hint is None or hint in fault.hint


MALFORMED = {
    "": "names no step",
    "foreach='x'": "names no step",
    "self.a, foreach=x": "`foreach=x`, which is not a string literal",
    "self.a, foreach='x', condition='y'": "combines `foreach` and `condition`",
    "self.a, foreach='x', num_parallel=2": "combines `foreach` and `num_parallel`",
    "self.a, self.b, foreach='x'": "combines `foreach` with 2 steps",
    "self.a, self.b, num_parallel=2": "combines `num_parallel` with 2 steps",
    "self.a, every='x'": "unknown keyword `every`",
    "self.a, **options": "unpacks keywords",
    "self.a, self.a": "names step `a` twice",
    "'a'": "has the destination `'a'`",
    "other.a": "has the destination `other.a`",
    "*[self.a]": "has the destination `*[self.a]`",
    "self.a.b": "has the destination `self.a.b`",
    "self.a()": "has the destination `self.a()`",
    "self.a, condition='x'": "has a `condition` but not one dictionary",
    "{1: self.a, 2: self.b}": "no `condition`",
    "{1: self.a, 2: self.b}, {}, condition='x'": "has a `condition` but not one dictionary",
    "{1: self.a, 2: self.b}, condition=x": "`condition=x`, which is not a string literal",
    "{1: self.a, 2: self.b}, condition='x', foreach='y'": "combines `condition` and `foreach`",
    "{}, condition='x'": "a switch with no case",
    "{1: self.a, 1: self.b}, condition='x'": "a switch with one case",
    "{x: self.a, 2: self.b}, condition='x'": "the case `x`, whose key is not a literal",
    "{self.x: self.a, 2: self.b}, condition='x'": "the case `self.x`",
    "{...: self.a, 2: self.b}, condition='x'": "the case `...`",
    "{-x: self.a, 2: self.b}, condition='x'": "the case `-x`",
    "{**x, 2: self.b}, condition='x'": "the case `**x`",
    "{1: 'a', 2: self.b}, condition='x'": "has the destination `'a'`",
}


@pytest.mark.parametrize("arguments", MALFORMED)
def test_malformed_transition(arguments):
    body = f"""
@step
def start(self):
    self.next({arguments})

@step
def a(self):
    self.next(self.end)

@step
def b(self):
    self.next(self.end)

@step
def end(self):
    pass
"""
    (fault,) = [f for f in check_graph(build_graph(flow_of(body))) if f.step == "start"]
    assert MALFORMED[arguments] in fault.message
    assert fault.line == 4


@pytest.mark.parametrize(
    ("body", "line", "text"),
    [
        ("def a():\n    self.next(self.end)", 7, "no argument `self`"),
        ("def a(self, inputs, more):\n    self.next(self.end)", 7, "has 3 arguments"),
        ("def a(self, *inputs):\n    self.next(self.end)", 7, "never passed"),
        ("def a(self, **inputs):\n    self.next(self.end)", 7, "never passed"),
        ("def a(self, *, x=1):\n    self.next(self.end)", 7, "never passed"),
        ("def a(self):\n    yield 1\n    self.next(self.end)", 7, "is a generator"),
        ("async def a(self):\n    self.next(self.end)", 7, "is asynchronous"),
        ("async def a(self):\n    yield 1\n    self.next(self.end)", 7, "is asynchronous"),
        ("def a(self):\n    if self.x:\n        self.next(self.end)", 7, "last statement"),
        ("def a(self):\n    x = self.next(self.end)", 7, "last statement"),
        ("def a(self):\n    return self.next(self.end)", 7, "last statement"),
        ("def a(self):\n    other.next(self.end)", 7, "last statement"),
        ("def a(self):\n    self.next", 7, "last statement"),
    ],
)
def test_fault_of_a_step_by_itself(body, line, text):
    flow = flow_of(
        f"@step\ndef start(self):\n    self.next(self.a)\n\n@step\n{body}\n\n"
        "@step\ndef end(self):\n    pass"
    )
    faults = [f for f in check_graph(build_graph(flow)) if "no split is open" not in f.message]
    if "()" in body:  # without `self` there is no `self.next` either
        faults = [fault for fault in faults if "last statement" not in fault.message]
    (fault,) = faults
    assert (fault.line, fault.step) == (line, "a")
    assert text in fault.message


def test_hint_shows_where_a_misplaced_transition_is():
    flow = flow_of(
        "@step\ndef start(self):\n    if self.x:\n        self.next(self.a)\n"
        "    else:\n        self.next(self.end)\n\n@step\ndef end(self):\n    pass"
    )
    (fault,) = check_graph(build_graph(flow))
    assert "line 5, 7" in fault.hint


def test_two_annotated_starts():
    flow = flow_of(
        "@step(start=True)\ndef a(self):\n    self.next(self.end)\n\n"
        "@step(start=True)\ndef b(self):\n    self.next(self.end)\n\n"
        "@step\ndef end(self):\n    pass"
    )
    (fault,) = check_graph(build_graph(flow))
    assert (fault.line, fault.step) == (7, "b")
    assert "`a` and `b` are all annotated with `start=True`" in fault.message


def test_two_annotated_ends():
    flow = flow_of(
        "@step\ndef start(self):\n    self.next({1: self.a, 2: self.b}, condition='v')\n\n"
        "@step(end=True)\ndef a(self):\n    pass\n\n"
        "@step(end=True)\ndef b(self):\n    pass"
    )
    (fault,) = check_graph(build_graph(flow))
    assert (fault.line, fault.step) == (11, "b")
    assert "`a` and `b` are all annotated with `end=True`" in fault.message


@pytest.mark.parametrize("which", ["start", "end"])
def test_literal_name_beside_an_annotation(which):
    flow = flow_of(
        f"@step(start=True)\ndef a(self):\n    self.next(self.{which})\n\n"
        f"@step\ndef {which}(self):\n    self.next(self.b)\n\n"
        "@step(end=True)\ndef b(self):\n    pass"
    )
    (fault,) = check_graph(build_graph(flow))
    assert (fault.line, fault.step) == (7, which)
    assert f"has the name of the flow's {which}" in fault.message


def test_annotated_ends_need_no_names():
    flow = flow_of(
        "@step(start=True)\ndef a(self):\n    self.next(self.b)\n\n"
        "@step(end=True)\ndef b(self):\n    pass"
    )
    graph = build_graph(flow)
    assert check_graph(graph) == []
    assert (graph.start_step, graph.end_step) == ("a", "b")
    assert [node.type for node in graph] == ["start", "end"]


def test_annotated_end_that_goes_on():
    flow = flow_of(
        "@step\ndef start(self):\n    self.next(self.b)\n\n"
        "@step(end=True)\ndef b(self):\n    self.next(self.start)"
    )
    (fault,) = check_graph(build_graph(flow))
    assert "annotated as the flow's end" in fault.message


@pytest.mark.parametrize("name", ["start", "end", "whatever"])
def test_single_step_is_both_ends(name):
    graph = graph_of(f"{name}:")
    assert check_graph(graph) == []
    assert graph.start_step == graph.end_step == name
    assert graph[name].type == "end"


def test_flow_without_steps():
    (fault,) = check_graph(build_graph(flow_of("x = 1")))
    assert "has no steps" in fault.message
    assert fault.step is None


PARALLEL = """
@step
def start(self):
    self.next(self.a{call})

{decorator}@step
def a(self):
    self.next(self.{after})

@step
def join(self, inputs):
    self.next(self.end)

@step
def end(self):
    pass
"""


@pytest.mark.parametrize(
    ("call", "decorator", "after", "step", "text"),
    [
        (", num_parallel=4", "", "join", "start", "does not have the decorator `@parallel`"),
        (", foreach='x'", "@Decorator('parallel')\n", "join", "start", "without `num_parallel`"),
    ],
)
def test_fault_of_a_gang(call, decorator, after, step, text):
    flow = flow_of(PARALLEL.format(call=call, decorator=decorator, after=after))
    (fault,) = check_graph(build_graph(flow))
    assert (fault.line, fault.step) == (4, step)
    assert text in fault.message


def test_gang_without_join():
    body = PARALLEL.format(call=", num_parallel=2", decorator="@Decorator('parallel')\n", after="b")
    body = body.replace(
        "@step\ndef join", "@step\ndef b(self):\n    self.next(self.join)\n\n@step\ndef join"
    )
    (fault,) = check_graph(build_graph(flow_of(body)))
    assert (fault.line, fault.step) == (9, "a")
    assert "is not a join" in fault.message


def test_gang_that_ends_the_flow():
    flow = flow_of("@Decorator('parallel')\n@step\ndef start(self):\n    pass")
    (fault,) = check_graph(build_graph(flow))
    assert "no join follows" in fault.message


def test_good_gang():
    flow = flow_of(
        PARALLEL.format(
            call=", num_parallel=self.n + 1", decorator="@Decorator('parallel')\n", after="join"
        )
    )
    graph = build_graph(flow)
    assert check_graph(graph) == []
    start = graph["start"]
    assert (start.type, start.parallel_foreach, start.num_parallel) == (
        "foreach",
        True,
        "self.n + 1",
    )
    assert graph["a"].parallel_step
    assert not start.parallel_step


def test_decorators_like_parallel_count():
    class Gang:
        name = "pytorch_parallel"
        IS_PARALLEL = True

    flow = flow_of(PARALLEL.format(call=", num_parallel=2", decorator="", after="join"))
    graph = build_graph(flow)
    flow.a.decorators.append(Gang())  # attached after the graph was built
    assert check_graph(graph) == []


SEVERAL = """start: self.a, self.b
    a: self.nowhere
    b:
    Bad: self.end
    end:"""


def test_all_faults_are_found_in_the_order_of_the_source():
    faults = faults_of(SEVERAL)
    assert [(fault.line, fault.step) for fault in faults] == [
        (at_next(1), "a"),
        (at_def(2), "b"),
        (at_def(3), "Bad"),
    ]


def test_independent_faults_of_splits():
    faults = faults_of(
        """start: self.a, self.b
        a: self.j
        b: self.end
        j*: self.k
        k: self.m, foreach='x'
        m: self.end
        end:"""
    )
    assert [fault.step for fault in faults] == ["j", "m"]


def test_error_of_one_fault_has_its_place():
    faults = faults_of("start: self.nowhere\nend:")
    with pytest.raises(LintWarn) as caught:
        raise_faults(faults)
    error = caught.value
    assert error.headline == "Validity checker found an issue"
    assert (error.source_file, error.line_no) == (faults[0].source_file, 4)
    assert error.message == faults[0].message
    assert error.faults == tuple(faults)


def test_error_of_several_faults_lists_them_all():
    faults = faults_of(SEVERAL)
    with pytest.raises(LintWarn) as caught:
        raise_faults(faults)
    text = str(caught.value)
    for fault in faults:
        assert fault.message in text
        assert f"in {fault.source_file}, line {fault.line}, step `{fault.step}`" in text
    assert "3 faults" in text
    assert str(pickle.loads(pickle.dumps(caught.value))) == text


def test_valid_graph_raises_nothing():
    raise_faults(faults_of("start: self.end\nend:"))


def test_faults_name_the_file_of_the_base_class():
    base, base_file = cell(
        "class Base:\n    @step\n    def end(self):\n        self.next(self.start)\n"
    )
    derived, derived_file = cell(
        "class F(Base):\n    @step\n    def start(self):\n        self.next(self.nd)\n", base
    )
    faults = check_graph(build_graph(derived["F"]))
    assert [(f.source_file, f.line, f.step) for f in faults] == [
        (derived_file, 4, "start"),
        (base_file, 4, "end"),
    ]


GOOD = {
    "linear": "start: self.a\na: self.end\nend:",
    "config key": """start: {self.cfg.kind: self.a, self.cfg['x'].y: self.b}, condition='v'
        a: self.end
        b: self.end
        end:""",
    "recursion": """start: self.a
        a: {'again': self.a, 'done': self.end}, condition='v'
        end:""",
    "several keys for one step": """start: {1: self.a, 2: self.a}, condition='v'
        a: self.end
        end:""",
    "foreach in branches in foreach": """start: self.a, foreach='x'
        a: self.b, self.c
        b: self.d, foreach='y'
        d: self.e
        e*: self.f
        c: self.f
        f*: self.g
        g*: self.end
        end:""",
    "switch in a foreach": """start: self.s, foreach='x'
        s: {1: self.a, 2: self.b}, condition='v'
        a: self.j
        b: self.j
        j*: self.end
        end:""",
    "splits in a switch": """start: {1: self.a, 2: self.b}, condition='v'
        a: self.c, self.d
        c: self.j
        d: self.j
        j*: self.m
        b: self.m
        m: self.end
        end:""",
}


@pytest.mark.parametrize("case", GOOD)
def test_good_graph_has_no_faults(case):
    assert faults_of(GOOD[case]) == []


def test_very_long_flow_needs_no_recursion():
    names = ["start", *(f"s{i}" for i in range(1500)), "end"]
    spec = "\n".join(f"{a}: self.{b}" for a, b in itertools.pairwise(names)) + "\nend:"
    graph = graph_of(spec)
    assert check_graph(graph) == []
    assert graph.sorted_nodes == names


def test_very_deep_flow_needs_no_recursion():
    depth = 300
    lines = ["start: self.s0, foreach='x'"]
    lines += [f"s{i}: self.s{i + 1}, foreach='x'" for i in range(depth)]
    lines += [f"s{depth}: self.j{depth}"]
    lines += [f"j{i}*: self.j{i - 1}" for i in range(depth, 0, -1)]
    lines += ["j0*: self.end", "end:"]
    graph = graph_of("\n".join(lines))
    assert check_graph(graph) == []
    assert graph["start"].matching_join == "j0"
    _, nested = graph.output_steps()
    for index in range(depth):
        assert nested[0] == ("start" if index == 0 else f"s{index - 1}")
        (nested,) = nested[1]


def test_this_instead_of_self_is_understood():
    flow = flow_of("@step\ndef start(this):\n    this.next(this.end)\n\n@step\ndef end(this): ...")
    assert check_graph(build_graph(flow)) == []


def test_steps_that_specs_write_are_what_they_say():
    # The line numbers above rest on this layout.
    assert steps("a: self.b").splitlines() == ["@step", "def a(self):", "    self.next(self.b)"]
