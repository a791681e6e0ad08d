"""What joins see of their inputs and make of them, and what the tasks of a foreach see."""

from __future__ import annotations

import pytest

SPLIT = """
from metaflow import *
{head}

class SplitFlow(FlowSpec):
    @step
    def start(self):
        self.common = [1]
        self.next(self.a, self.b)

    @step
    def a(self):
{a}
        self.next(self.join)

    @step
    def b(self):
{b}
        self.next(self.join)

    @step
    def join(self, inputs):
{join}
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SplitFlow()
"""


def lines(text, depth):
    return "\n".join(" " * depth + line for line in (text.strip("\n") or "pass").split("\n"))


def split(workspace, a="", b="", join="", head=""):
    workspace.write(
        SPLIT.format(head=head, a=lines(a, 8), b=lines(b, 8), join=lines(join, 8)),
    )


def public(task):
    return {artifact.id: artifact.data for artifact in task}


def test_inputs_of_a_static_join(workspace):
    split(
        workspace,
        a="self.x = 'a'\nself.only_a = 1",
        b="self.x = 'b'",
        join="""
assert [one.x for one in inputs] == ["a", "b"]
assert inputs.a.x == "a" and inputs.b.x == "b"
assert inputs[0].x == "a" and inputs[-1].x == "b" and [i.x for i in inputs[1:]] == ["b"]
assert len(inputs) == 2
assert inputs.a.common == [1] and not hasattr(inputs.b, "only_a")
assert str(inputs.a) == "<flow SplitFlow step a>"
assert inputs.a.foreach_stack() == [] and inputs.a.index is None and inputs.a.input is None
for wrong in (lambda: inputs.c, lambda: inputs.a.nothing, lambda: setattr(inputs.a, "x", 1)):
    try:
        wrong()
    except AttributeError:
        pass
    else:
        raise AssertionError
try:
    inputs[2]
except IndexError:
    self.out = sorted(one.x for one in inputs)
""",
    )
    run = workspace.run()
    assert public(run["end"].task) == {"name": "SplitFlow", "out": ["a", "b"]}


def test_merge_adopts_what_inputs_agree_on(workspace):
    split(
        workspace,
        a="self.same = {'k': [1]}\nself.only_a = 'a'\nself.set_here = 1\nself._private = 0",
        b="self.same = {'k': [1]}\nself.only_b = 'b'\nself.set_here = 2\nself._private = 0",
        join="self.set_here = 3\nself.merge_artifacts(inputs)\nassert self._private == 0",
    )
    assert public(workspace.run()["end"].task) == {
        "name": "SplitFlow",
        "same": {"k": [1]},
        "only_a": "a",
        "only_b": "b",
        "set_here": 3,
        "common": [1],
    }


@pytest.mark.parametrize(
    ("arguments", "carried"),
    [
        ("exclude=['x', 'y']", {"common", "z"}),
        ("exclude=['x', 'y', 'z', 'not_there']", {"common"}),
        ("include=['z']", {"z"}),
        ("include=['common', 'z']", {"common", "z"}),
    ],
)
def test_merge_can_leave_out(workspace, arguments, carried):
    split(
        workspace,
        a="self.x, self.y, self.z = 1, 1, 1",
        b="self.x, self.y, self.z = 2, 2, 1",
        join=f"self.merge_artifacts(inputs, {arguments})",
    )
    assert public(workspace.run()["end"].task).keys() == carried | {"name"}


@pytest.mark.parametrize(
    ("arguments", "kind", "names"),
    [
        ("", "UnhandledInMergeArtifactsException", ["x", "y"]),
        (", exclude=['x']", "UnhandledInMergeArtifactsException", ["y"]),
        (", include=['x', 'z']", "UnhandledInMergeArtifactsException", ["x"]),
        (", include=['z', 'u', 't']", "MissingInMergeArtifactsException", ["t", "u"]),
    ],
)
def test_merge_refuses_and_leaves_nothing(workspace, arguments, kind, names):
    split(
        workspace,
        head=f"from metaflow.exception import {kind}",
        a="self.x, self.y, self.z = 1, 1, 1",
        b="self.x, self.y, self.z = 2, 2, 1",
        join=f"""
try:
    self.merge_artifacts(inputs{arguments})
except {kind} as error:
    self.names = error.artifact_names
    self.message = str(error)
""",
    )
    data = public(workspace.run()["join"].task)
    assert data.keys() == {"name", "names", "message"}
    assert sorted(data["names"]) == names
    assert all(f"`{name}`" in data["message"] for name in names)


def test_an_unhandled_conflict_fails_the_step(workspace):
    split(workspace, a="self.x = 1", b="self.x = 2", join="self.merge_artifacts(inputs)")
    done = workspace.fail("run")
    assert done.said("Unhandled artifacts in merge")
    assert done.said("`x`")
    assert "Step failure:" in done.err


@pytest.mark.parametrize("where", ["a", "join"])
def test_merge_is_for_joins_with_one_choice(workspace, where):
    calls = {
        "a": {"a": "self.merge_artifacts([])"},
        "join": {"join": "self.merge_artifacts(inputs, exclude=['x'], include=['y'])"},
    }
    split(workspace, **calls[where])
    done = workspace.fail("run")
    assert done.said("`merge_artifacts`")
    assert workspace.latest()[where].task.exception.type.endswith("MetaflowException")


def test_an_input_is_no_value(workspace):
    split(workspace, join="self.kept = inputs[0]")
    assert workspace.fail("run").said("can't be serialized")


def test_frames_and_arrays_agree_by_content(workspace):
    split(
        workspace,
        head="import pandas as pd, numpy as np",
        a="self.frame = pd.DataFrame({'x': [1, 2]})\nself.array = np.ones(100_000)",
        b="self.frame = pd.DataFrame({'x': [1, 2]})\nself.array = np.ones(100_000)",
        join="self.merge_artifacts(inputs)",
    )
    data = workspace.run().data
    assert list(data.frame.x) == [1, 2]
    assert data.array.sum() == 100_000


# ── foreach ──────────────────────────────────────────────────────────────────────────────


def test_items_of_numpy_and_pandas(workspace):
    source = """
        import numpy as np
        import pandas as pd
        from metaflow import FlowSpec, step

        class ItemsFlow(FlowSpec):
            @step
            def start(self):
                self.rows = pd.Series([10, 20, 30], index=list("abc"))
                self.blocks = np.arange(6).reshape(3, 2)
                self.next(self.first, foreach="rows")

            @step
            def first(self):
                self.got = int(self.input)
                self.next(self.meet)

            @step
            def meet(self, inputs):
                self.got = [one.got for one in inputs]
                self.blocks = inputs[0].blocks
                self.next(self.second, foreach="blocks")

            @step
            def second(self):
                self.row = list(map(int, self.input))
                self.next(self.collect)

            @step
            def collect(self, inputs):
                self.rows = [one.row for one in inputs]
                self.got = inputs.second.got
                self.next(self.end)

            @step
            def end(self):
                pass

        if __name__ == "__main__":
            ItemsFlow()
        """
    workspace.write(source)
    done = workspace.flow("run")
    # A join can't open a foreach itself; a step between them can.
    assert done.code == 1
    assert "Validity checker found an issue" in done.err
    between = """self.next(self.again)

            @step
            def again(self):
                self.next(self.second,"""
    workspace.write(source.replace("self.next(self.second,", between))
    data = workspace.run().data
    assert data.got == [10, 20, 30]
    assert data.rows == [[0, 1], [2, 3], [4, 5]]


def test_the_list_of_a_foreach_may_change_or_go_while_its_tasks_run(workspace):
    workspace.write("""
        from metaflow import FlowSpec, step

        class ListFlow(FlowSpec):
            @step
            def start(self):
                self.items = ["a", "b"]
                self.next(self.work, foreach="items")

            @step
            def work(self):
                self.items.append("c")
                self.first = self.input
                self.next(self.more)

            @step
            def more(self):
                self.items = None
                self.second = self.input
                self.next(self.join)

            @step
            def join(self, inputs):
                self.seen = [(i.first, i.second, i.input, i.items) for i in inputs]
                self.next(self.end)

            @step
            def end(self):
                assert self.input is None and self.index is None and self.foreach_stack() == []

        if __name__ == "__main__":
            ListFlow()
        """)
    assert workspace.run().data.seen == [("a", "a", "a", None), ("b", "b", "b", None)]
