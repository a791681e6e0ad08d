"""Every wrong way to leave a step is told, with its line; every fault of a graph before a run."""

from __future__ import annotations

import pytest

NEXT = """
from metaflow import FlowSpec, step


class NextFlow(FlowSpec):
    @step
    def start(self):
        self.items, self.empty, self.number, self.key = [1, 2], [], 5, "no"
        go = self.next
        {statement}
        self.next({source})

    @step
    def a(self):
        self.next(self.{after_a})
{rest}

    @step
    def end(self):
        pass

    def method(self):
        pass


if __name__ == "__main__":
    NextFlow()
"""
REST = {
    "self.a": ("end", ""),
    "self.a, foreach='items'": ("join", ("join(self, inputs)", "end")),
    "self.a, foreach='empty'": ("join", ("join(self, inputs)", "end")),
    "self.a, foreach='number'": ("join", ("join(self, inputs)", "end")),
    "self.a, foreach='nothing'": ("join", ("join(self, inputs)", "end")),
    "{'yes': self.a, 'so': self.b}, condition='key'": ("end", ("b(self)", "end")),
    "{'yes': self.a, 'so': self.b}, condition='nothing'": ("end", ("b(self)", "end")),
}
CALL_LINE = 10
"""Where `statement` stands in the file; the transition itself is on the next line."""


def write(workspace, source, statement="pass"):
    after_a, more = REST[source]
    rest = f"\n    @step\n    def {more[0]}:\n        self.next(self.{more[1]})\n" if more else ""
    workspace.write(NEXT.format(statement=statement, source=source, after_a=after_a, rest=rest))


WRONG_CALLS = {
    "keyword": ("go(self.a, foreech='items')", "no keyword `foreech`"),
    "no step": ("go()", "names no step"),
    "a name": ("go('a')", "is not a step"),
    "a method": ("go(self.method)", "`method` is not a step"),
    "a value": ("go(None)", "is not a step"),
    "foreach is no name": ("go(self.a, foreach=[1])", "`foreach` takes the name"),
    "foreach of nothing": ("go(self.a, foreach='nope')", "does not exist"),
    "foreach to two": ("go(self.a, self.end, foreach='items')", "exactly one step"),
    "not iterable": ("go(self.a, foreach='number')", "can't be iterated over"),
    "no items": ("go(self.a, foreach='empty')", "no items"),
    "no dict": ("go(self.a, condition='key')", "exactly one dict"),
    "empty dict": ("go({}, condition='key')", "exactly one dict"),
    "two dicts": ("go({'no': self.a}, {'x': self.a}, condition='key')", "exactly one dict"),
    "dict alone": ("go({'no': self.a})", "needs `condition`"),
    "condition is no name": ("go({'no': self.a}, condition=1)", "`condition` takes the name"),
    "condition of nothing": ("go({'no': self.a}, condition='nope')", "does not exist"),
    "switch and foreach": ("go({'no': self.a}, condition='key', foreach='items')", "combined"),
    "case is no step": ("go({'no': self.method}, condition='key')", "is not a step"),
}


@pytest.mark.parametrize("name", WRONG_CALLS)
def test_a_wrong_call_is_told_with_its_line(workspace, name):
    statement, says = WRONG_CALLS[name]
    write(workspace, "self.a", statement)
    done = workspace.fail("run")
    assert done.said("Invalid self.next() transition detected")
    assert done.said(says)
    assert [text for text in done.said("line ") if f"line {CALL_LINE}" in text]
    assert "Step start (task-id 1) failed." in done.err
    task = workspace.latest()["start"].task
    assert task.exception.type == "metaflow.errors.definition.InvalidNextException"
    assert not task.finished


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("self.a, foreach='empty'", "no items"),
        ("self.a, foreach='number'", "can't be iterated over"),
        ("self.a, foreach='nothing'", "does not exist"),
        ("{'yes': self.a, 'so': self.b}, condition='nothing'", "does not exist"),
    ],
)
def test_what_the_source_cannot_show_is_told_too(workspace, source, says):
    write(workspace, source)
    done = workspace.fail("run")
    assert done.said("Invalid self.next() transition detected")
    assert done.said(says)
    assert [text for text in done.said("line ") if f"line {CALL_LINE + 1}" in text]


def test_a_second_call(workspace):
    write(workspace, "self.a", "go(self.a)")
    done = workspace.fail("run")
    assert done.said("called twice")
    assert [text for text in done.said("line ") if f"line {CALL_LINE + 1}" in text]


def test_a_value_that_matches_no_case(workspace):
    write(workspace, "{'yes': self.a, 'so': self.b}, condition='key'")
    done = workspace.fail("run")
    assert done.said("RuntimeError")
    (message,) = done.said("RuntimeError: ")
    assert all(part in message for part in ("key", "'no'", "'yes'", "'so'"))


def test_no_call_at_all(workspace):
    write(workspace, "self.a", "return")
    done = workspace.fail("run")
    assert done.said("Task finished successfully.")
    assert "    Internal error:\n" in done.err
    assert "finished with no `self.next`" in done.err
    start = workspace.latest()["start"].task
    assert start.successful
    assert not list(start.child_tasks)


@pytest.mark.parametrize(
    "statement",
    ["go(self.end); return", "go(self.a, self.end); return", "go(self.a, foreach='items'); return"],
)
def test_another_call_than_the_source_shows(workspace, statement):
    write(workspace, "self.a", statement)
    done = workspace.fail("run")
    assert done.said("Task finished successfully.")
    assert "Internal error:" in done.err
    assert "`self.next(self.a)`" in done.err
    assert not workspace.latest().finished


def test_more_items_than_allowed(workspace):
    write(workspace, "self.a, foreach='items'", "self.items = list(range(101))")
    done = workspace.fail("run")
    assert done.said("Task finished successfully.")
    assert "Step failure:" in done.err
    assert "--max-num-splits" in done.err
    assert "101" in done.err
    assert workspace.latest()["start"].task.successful
    assert workspace.run("--max-num-splits", "101").successful
    workspace.succeed("run", METAFLOW_RUN_MAX_NUM_SPLITS="101")


def test_foreach_tells_how_many_tasks_follow(workspace):
    write(workspace, "self.a, foreach='items'")
    assert workspace.succeed("run").said("Foreach yields 2 child steps.")


FAULTY = """
from metaflow import FlowSpec, step


class FaultyFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.left, self.right)

    @step
    def left(self):
        self.next(self.missing)

    @step
    def right(self):
        self.x = 1

    @step
    def crowded(self, inputs, more):
        self.next(self.end)

    @step
    def end(self):
        open("ran", "w").close()


if __name__ == "__main__":
    FaultyFlow()
"""


@pytest.mark.parametrize("command", ["run", "check", "resume", ""])
def test_all_faults_of_a_graph_are_told_before_anything_runs(workspace, command):
    workspace.write(FAULTY)
    done = workspace.fail(*command.split())
    assert "Validity checker found an issue" in done.err
    for fault in ("`missing`", "`right`", "`crowded`"):
        assert fault in done.err
    for line in (12, 15, 19):
        assert f"line {line}" in done.err
    assert "Traceback" not in done.err
    assert done.out == ""
    assert not (workspace.folder / "ran").exists()
    assert not (workspace.folder / ".metaflow").exists()


def test_faults_of_the_way_through_the_steps_are_told_together(workspace):
    source = FAULTY.replace("self.missing", "self.end").replace("self.x = 1", "self.next(self.end)")
    workspace.write(source.replace("self, inputs, more", "self"))
    done = workspace.fail("run")
    assert "before the split `start` is joined" in done.err
    assert "`crowded` is unreachable" in done.err
    assert done.out == ""


def test_one_fault_names_file_and_line(workspace):
    write(workspace, "self.a")
    path = workspace.folder / "flow.py"
    path.write_text(path.read_text().replace("self.next(self.end)", "self.next(self.And)"))
    done = workspace.fail("run")
    assert f"Validity checker found an issue in file {path} on line {CALL_LINE + 5}:" in done.err
