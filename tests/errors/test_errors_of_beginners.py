"""What goes wrong in the first days with flows, and whether what is told helps to go on."""

from __future__ import annotations

import os

import pytest

FLOW = """
from metaflow import *


class FirstFlow(FlowSpec):
    rate = Parameter("rate", default=0.1)
    dry = Parameter("dry", type=bool)

    @step
    def start(self):
        self.modle = 1
        {start}

    @step
    def left(self):
        self.score = 1
        self.next(self.join)

    @step
    def right(self):
        self.score = 2
        self.next(self.join)

    @step
    def join(self, inputs):
        {join}
        self.next(self.end)

    @step
    def end(self):
        {end}


if __name__ == "__main__":
    FirstFlow()
"""
GO = {"start": "self.next(self.left, self.right)", "join": "pass", "end": "pass"}


def source_of(**parts):
    return FLOW.format(**GO | parts)


@pytest.fixture
def first(workspace):
    workspace.write(source_of())
    return workspace


IN_STEPS = {
    "foreach over a number": (
        {"start": "self.n = 5; self.next(self.left, foreach='n')"},
        "`self.n` can't be iterated over: it is of type `int`",
        "for so many tasks, write `self.n = range(5)`",
    ),
    "foreach over something else": (
        {"start": "self.n = None; self.next(self.left, foreach='n')"},
        "it is of type `NoneType`",
        "a foreach takes a list, or another collection",
    ),
    "foreach over nothing": (
        {"start": "self.n = []; self.next(self.left, foreach='n')"},
        "has no items",
        "where that may happen, let a switch lead around the foreach",
    ),
    "misspelled artifact": (
        {"join": "self.merge_artifacts(inputs, include=['modle'])", "end": "print(self.model)"},
        "AttributeError: Flow FirstFlow has no attribute 'model'",
        "did you mean `modle`?",
    ),
    "artifact of an input": (
        {"join": "inputs.left.scrore"},
        "no attribute 'scrore'",
        "did you mean `score`?",
    ),
    "artifact in a join": (
        {"join": "print(self.score)"},
        "no attribute 'score'",
        (
            "a join begins without artifacts: take `score` from one of `inputs`, or call "
            "`self.merge_artifacts(inputs)` first"
        ),
    ),
    "flow in an artifact": (
        {"join": "self.best = [inputs.left]"},
        (
            "Artifact `best` of type `builtins.list` cannot be pickled: Flow FirstFlow can't be "
            "serialized: `self` or an element of `inputs` was stored in an artifact. The value in the "
            "way is `self.best[0]`."
        ),
        "store the values you need (`self.x = inputs[0].x`), not the whole object",
    ),
}


@pytest.mark.parametrize("case", IN_STEPS)
def test_in_a_step(workspace, case):
    parts, says, hint = IN_STEPS[case]
    source = source_of(**parts)
    if "foreach" in source:
        source = (
            source[: source.index("    @step\n    def right")]
            + source[source.index("    @step\n    def join") :]
        )
    workspace.write(source)
    out = workspace.fail("run").out
    told = "\n".join(line.partition("] ")[2] for line in out.splitlines())
    assert says in told
    assert f"hint: {hint}" in told
    assert told.count("hint: ") == 1


USAGE = {
    "misspelled command": (("rnu",), "No such command 'rnu'. Did you mean 'run'?"),
    "another command": (("zzz",), "No such command 'zzz'."),
    "parameter before the command": (
        ("--rate", "3", "run"),
        (
            "No such option '--rate' here: it belongs to `run` and stands behind it, as in "
            "`flow.py run --rate …`."
        ),
    ),
    "option of run before the command": (
        ("--max-workers", "3", "run"),
        "as in `flow.py run --max-workers …`.",
    ),
    "top-level option behind the command": (
        ("run", "--datastore-root", "x"),
        (
            "No such option '--datastore-root' here: it concerns all commands, so it stands before "
            "the command, as in `flow.py --datastore-root … run`."
        ),
    ),
    "misspelled option": (("run", "--rat", "3"), "'--rate'"),
    "truth value without a value": (
        ("run", "--dry"),
        "It is a truth value: write `--dry True` or `--dry False`.",
    ),
    "other value without a value": (("run", "--rate"), "Option '--rate' requires an argument."),
}


@pytest.mark.parametrize("case", USAGE)
def test_on_the_command_line(first, case):
    arguments, says = USAGE[case]
    done = first.flow(*arguments)
    assert done.code == 2
    assert says in done.err.splitlines()[-1]


def test_a_step_without_self_is_one_mistake(workspace):
    workspace.write(source_of().replace("def left(self)", "def left()"))
    told = workspace.fail("check").err
    assert "Step `left` has no argument `self`." in told
    assert "hint: write `def left(self):`" in told
    assert "faults" not in told


def test_a_method_without_step_is_told(workspace):
    workspace.write(source_of().replace("    @step\n    def left", "    def left"))
    told = workspace.fail("check").err
    assert "which is a method without `@step`." in told
    assert "hint: put `@step` on the line before `def left`" in told
    assert "faults" not in told
    workspace.write(source_of().replace("    @step\n    def end", "    def end"))
    told = workspace.fail("check").err
    assert "Step `join` leads to `end`, which is a method without `@step`." in told
    assert "faults" not in told


def test_functions_of_the_user_fail_in_their_own_lines(workspace):
    declared = 'rate = Parameter("rate", default=lambda context: current.nothing)'
    source = source_of().replace('rate = Parameter("rate", default=0.1)', declared)
    workspace.write(source)
    told = workspace.fail("run").err
    assert "Parameter field failed" in told
    assert told.count('File "') == 1
    assert f'{workspace.folder / "flow.py"}", line 6, in <lambda>' in told


def test_a_decorator_of_the_command_line_is_not_looked_for_in_the_file(first):
    told = first.fail("run", "--with", "retry:times=99").err
    assert "    Invalid decorator:\n" in told
    assert "hint: `@retry` was added by `--with` or the setting DEFAULT_DECOSPECS" in told
    first.write(source_of().replace("@step", "@secrets(sources=['no.such'])\n    @step", 1))
    told = first.fail("run").err
    assert "Unknown secret source in file" in told
    assert f"{first.folder / 'flow.py'} on line 11:" in told


def test_a_store_that_cannot_be_made_is_no_internal_error(first):
    (first.folder / "file").write_text("")
    told = first.fail("run", METAFLOW_DATASTORE_SYSROOT_LOCAL=str(first.folder / "file")).err
    assert "    Storage unavailable:\n" in told
    assert f"Cannot use `{first.folder / 'file'}{os.sep}.metaflow`: Not a directory." in told
    assert "Traceback" not in told


def test_a_flow_that_is_not_started_is_missed(workspace):
    workspace.write(source_of().partition("if __name__")[0])
    done = workspace.flow("run")
    assert "    Flow not started:\n" in done.err
    assert "`flow.py` defines the flow `FirstFlow`, but does not start it" in done.err
    assert "FirstFlow()`" in done.err.partition("hint: ")[2]
    # Nobody has asked for anything, or the program has failed and says so, or knows better.
    assert workspace.python("flow.py").err == ""
    assert workspace.python("flow.py", "chart").err == ""
    workspace.write(source_of().partition("if __name__")[0] + "1 / 0\n")
    assert workspace.flow("run").err.endswith("ZeroDivisionError: division by zero\n")
    workspace.write(source_of().replace("FirstFlow()", "FirstFlow(use_cli=False)"))
    assert workspace.flow("run").err == ""
