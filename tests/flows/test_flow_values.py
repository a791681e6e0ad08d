"""What becomes of attributes: carried on, merged, kept apart, refused, loaded when needed."""

from __future__ import annotations

import pickle

import pytest

FLOW = """
from metaflow import *
{head}

class ValuesFlow(FlowSpec):
{members}
    @step
    def start(self):
{start}
        self.next(self.middle)

    @step
    def middle(self):
{middle}
        self.next(self.end)

    @step
    def end(self):
{end}


if __name__ == "__main__":
    ValuesFlow()
"""


def lines(text, depth):
    return "\n".join(" " * depth + line for line in (text.strip("\n") or "pass").split("\n"))


def three_steps(workspace, start="", middle="", end="", members="", head=""):
    bodies = {"start": start, "middle": middle, "end": end}
    bodies = {name: lines(text, 8) for name, text in bodies.items()}
    members = lines(members, 4) if members else ""
    workspace.write(FLOW.format(head=head, members=members, **bodies))


# ── values of many types ─────────────────────────────────────────────────────────────────

VALUES = {
    "none": "None",
    "truth": "True",
    "big_number": "10**400",
    "not_a_number_twin": "float('inf')",
    "complex_number": "1 + 2j",
    "text": "'ünïcödé \\U0001f30a \\0'",
    "lone_surrogate": "'\\udc80'",
    "raw": "bytes(range(256)) * 1000",
    "changeable_raw": "bytearray(b'abc')",
    "empty": "[[], {}, (), set(), '']",
    "nested": "{'a': [{'b': ({1, 2}, frozenset({3}))}], (1, 2): None}",
    "deep": "__import__('functools').reduce(lambda inner, _: [inner], range(300), 0)",
    "day": "__import__('datetime').datetime(2020, 2, 29, tzinfo=__import__('datetime').timezone.utc)",
    "money": "__import__('decimal').Decimal('0.1')",
    "place": "__import__('pathlib').PurePosixPath('/a/b')",
    "identity": "__import__('uuid').UUID(int=7)",
    "ordered": "__import__('collections').OrderedDict(b=1, a=2)",
    "counted": "__import__('collections').Counter('abca')",
    "queue": "__import__('collections').deque([1, 2], maxlen=2)",
    "slice_of": "slice(1, None, 2)",
    "numbers": "range(3, 9, 2)",
    "kind": "dict",
    "function_of_library": "__import__('os').path.join",
    "error": "[type(e) for e in [ValueError('x')]]",
    "more": "...",
}


def test_values_of_many_types_pass_through_steps_unchanged(workspace):
    three_steps(
        workspace,
        start="\n".join(f"self.{name} = {source}" for name, source in VALUES.items())
        + "\nself.me = self.list_of_self = None",
        middle="\n".join(
            f"assert self.{name} == {source}\n"
            f"assert type(self.{name}) is type({source})\n"
            f"self.{name}_again = self.{name}"
            for name, source in VALUES.items()
            if name != "function_of_library"
        ),
    )
    data = workspace.run()["end"].task.data
    for name, source in VALUES.items():
        if name != "function_of_library":
            assert getattr(data, name) == eval(source)
            assert getattr(data, f"{name}_again") == eval(source)
            assert type(getattr(data, name)) is type(eval(source))


def test_names_like_those_of_python_and_of_the_client(workspace):
    names = ("print", "id", "list", "self_", "data", "task", "items", "keys", "count", "type")
    names += ("artifacts", "successful", "pathspec", "tags", "match", "é", "_private", "step")
    three_steps(
        workspace,
        start="\n".join(f"self.{name} = {name!r}" for name in names),
        middle="\n".join(f"assert self.{name} == {name!r}" for name in names),
    )
    task = workspace.run()["end"].task
    assert {name: getattr(task.data, name) for name in names} == {name: name for name in names}
    assert {name: task[name].data for name in names} == {name: name for name in names}
    assert {artifact.id for artifact in task} == {*names, "name"} - {"_private"}
    assert task.artifacts.items.data == "items"


def test_large_arrays_and_frames(workspace):
    three_steps(
        workspace,
        head="import numpy as np, pandas as pd",
        start="self.array = np.arange(3_000_000, dtype=np.float64).reshape(3, -1)\n"
        "self.view = self.array[:, ::7]\n"
        "self.frame = pd.DataFrame({'n': range(50_000), 's': [f'row {i}' for i in range(50_000)]},\n"
        "                          index=pd.date_range('2020', periods=50_000, freq='min'))",
        middle="self.total = float(self.array.sum())\n"
        "self.frame = self.frame[self.frame.n % 2 == 0]\n"
        "self.array[0, 0] = -1.0",
        end="assert self.array[0, 0] == -1.0 and self.array.shape == (3, 1_000_000)\n"
        "self.cut = self.frame.tail(1)",
    )
    run = workspace.run()
    import numpy as np

    before, data = run["start"].task.data, run["end"].task.data
    assert before.array[0, 0] == 0.0
    assert data.array[0, 0] == -1.0
    assert np.array_equal(data.view, before.array[:, ::7])
    assert data.total == before.array.sum()
    assert len(before.frame) == 50_000
    assert len(data.frame) == 25_000
    assert list(data.cut.s) == ["row 49998"]
    assert data.frame.equals(before.frame[before.frame.n % 2 == 0])


# ── attributes ───────────────────────────────────────────────────────────────────────────


def test_an_artifact_is_loaded_when_it_is_touched_and_only_then(workspace):
    head = """
import os

class Counted:
    def __init__(self, name):
        self.name = name
    def __reduce__(self):
        return restore, (self.name,)

def restore(name):
    print("LOADED", name)
    return Counted(name)
"""
    three_steps(
        workspace,
        head=head,
        start="self.one, self.two, self.three = (Counted(n) for n in ('one', 'two', 'three'))",
        middle="self.one\nself.one\nself.two.name\nself.three = 3",
        end="hasattr(self, 'one')\nassert 'two' in dir(self)",
    )
    run = workspace.run()
    assert run["start"].task.stdout == ""
    assert run["middle"].task.stdout == "LOADED one\nLOADED two\n"
    assert run["end"].task.stdout == "LOADED one\n"


def test_untouched_artifacts_are_passed_on_by_reference(workspace):
    three_steps(
        workspace,
        start="self.big, self.same = list(range(100_000)), [1, 2]",
        middle="self.same = [1, 2]",
    )
    run = workspace.run()
    first, last = run["start"].task, run["end"].task
    for name in ("big", "same"):
        assert first[name].sha == last[name].sha
    stored = sum(f.stat().st_size for f in workspace.folder.rglob(".metaflow/**/*") if f.is_file())
    assert stored < 1_000_000


def test_a_changed_list_is_seen_downstream_but_not_upstream(workspace):
    three_steps(
        workspace,
        start="self.items = [1]; self.alias = self.items",
        middle="self.items.append(2)\nassert self.alias == [1], 'each name is an object of its own'",
        end="self.items += [3]",
    )
    run = workspace.run()
    values = [run[name].task.data.items for name in ("start", "middle", "end")]
    assert values == [[1], [1, 2], [1, 2, 3]]


def test_a_missing_attribute(workspace):
    three_steps(workspace, middle="self.nothing")
    done = workspace.fail("run")
    assert done.said("AttributeError: Flow ValuesFlow has no attribute 'nothing'")
    task = workspace.latest()["middle"].task
    assert task.exception.type == "builtins.AttributeError"
    assert not task.finished


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("self.level = 2", "level"),
        ("self.palette = []", "palette"),
        ("setattr(self, 'level', 3)", "level"),
        ("self.level += 1", "level"),
    ],
)
def test_parameters_and_constants_are_read_only(workspace, statement, name):
    members = "level = Parameter('level', default=1)\npalette = ['red']"
    three_steps(workspace, members=members, middle=statement)
    done = workspace.fail("run")
    assert done.said(f"AttributeError: `self.{name}`")
    assert done.said("not modifiable")


def test_constants_stay_as_they_are(workspace):
    three_steps(
        workspace,
        members="palette = ['red']\nclass Inner: pass\nshade = staticmethod(len)\n"
        "@property\ndef hue(self): return 'hue of ' + self.palette[0]",
        start="self.palette.append('green')\nself.seen = self.hue",
        end="assert self.palette == ['red'], self.palette\nassert self.Inner().__class__ is self.Inner\n"
        "assert self.shade('abc') == 3",
    )
    data = workspace.run()["end"].task.data
    assert data.palette == ["red"]
    assert data.seen == "hue of red"
    assert "hue" not in data
    assert "Inner" not in data


def test_what_is_no_artifact(workspace):
    three_steps(
        workspace,
        start="self.__hidden = self.number = 1\nself.method = self.start\nself.fun = lambda: 1\n"
        "object.__setattr__(self, '__dunder', 1)\ndel self.number",
        middle="assert not hasattr(self, 'fun') and not hasattr(self, '__dunder')",
    )
    task = workspace.run()["end"].task
    assert {artifact.id for artifact in task} == {"name"}
    assert "_ValuesFlow__hidden" in task


@pytest.mark.parametrize("value", ["self", "[self]", "{'me': self}"])
def test_a_flow_is_no_value(workspace, value):
    three_steps(workspace, middle=f"self.before = 1\nself.me = {value}")
    done = workspace.fail("run")
    assert done.said("can't be serialized")
    task = workspace.latest()["middle"].task
    assert not task.successful
    assert task.metadata_dict["attempt_ok"] == "False"


@pytest.mark.parametrize(
    "value", ["(i for i in [1])", "open(__file__)", "__import__('threading').Lock()"]
)
def test_what_cannot_be_pickled_is_named(workspace, value):
    three_steps(workspace, middle=f"self.fine = 1\nself.odd_one = {value}")
    done = workspace.fail("run")
    assert done.said("Cannot pickle artifact")
    assert done.said("odd_one")
    task = workspace.latest()["middle"].task
    assert not task.finished
    assert task.data.fine == 1


def test_an_exception_keeps_what_was_set_before(workspace):
    three_steps(workspace, start="self.x = 1", middle="self.x = 2\nself.y = 3\n1 / 0\nself.z = 4")
    done = workspace.fail("run")
    task = workspace.latest()["middle"].task
    assert (task.data.x, task.data.y) == (2, 3)
    assert "z" not in task.data
    assert task.exception.type == "builtins.ZeroDivisionError"
    assert 'flow.py", line ' in task.exception.stacktrace
    assert done.said("<flow ValuesFlow step middle> failed:")
    assert done.said("ZeroDivisionError: division by zero")
    assert not done.said("site-packages")
    assert not [text for text in done.said('File "') if "/metaflow/task/" in text]


def test_runs_can_be_pickled_and_read_elsewhere(workspace):
    three_steps(workspace, start="self.x = [1, 2]")
    run = workspace.run()
    (workspace.folder / "task.pickle").write_bytes(pickle.dumps(run["end"].task))
    done = workspace.python(
        "-c",
        "import pickle, os\n"
        "task = pickle.load(open('task.pickle', 'rb'))\n"
        "print(task.pathspec, task.data.x, os.getpid())",
    )
    assert done.code == 0, done.err
    assert done.out.startswith(f"{run['end'].task.pathspec} [1, 2] ")


def test_types_of_parameters_are_told_by_resumed_runs_too(workspace):
    members = "size = Parameter('size', default=3)\nname_ = Parameter('name', type=str)"
    three_steps(workspace, members=members)
    workspace.run()
    told = workspace.latest()["end"].task["_graph_info"].data["parameters"]
    workspace.succeed("resume", "end")
    resumed = workspace.latest()["end"].task["_graph_info"].data["parameters"]
    assert told == [{"name": "size", "type": "int"}, {"name": "name_", "type": "str"}]
    assert resumed == told


def test_what_tools_read_of_open_foreachs_is_the_same_in_a_step_and_in_the_client(workspace):
    workspace.write("""
from metaflow import FlowSpec, step


class ValuesFlow(FlowSpec):
    @step
    def start(self):
        self.letters = "ab"
        self.next(self.each, foreach="letters")

    @step
    def each(self):
        assert self._current_step == "each"
        self.seen = [tuple(frame) for frame in self._foreach_stack]
        self.named = self._foreach_stack[-1].value, self._foreach_stack[-1].num_splits
        self.next(self.join)

    @step
    def join(self, inputs):
        assert self._foreach_stack == []
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ValuesFlow()
""")
    _, task = sorted(workspace.run()["each"], key=lambda task: task.index)
    assert task.data.seen == [("start", "letters", 2, 1, "b")] == task["_foreach_stack"].data
    assert task.data.named == ("b", 2)
