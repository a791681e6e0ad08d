"""What goes wrong while a flow's class is defined is told like all else; catching it is possible."""

from __future__ import annotations

import sys
from traceback import extract_tb

import pytest

from metaflow import retry, step
from metaflow.exception import InvalidDecoratorAttribute

FLOW = """
from metaflow import *

{head}

{above}
class DefinedFlow(FlowSpec):
    {member}

    {decorator}
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    DefinedFlow()
"""
MUTATOR = "class bare(StepMutator): pass"
MISTAKES = {
    "argument": (
        {"decorator": "@catch(nope=1)"},
        "Unknown decorator attribute",
        "@catch",
        "does not have the attribute `nope`",
    ),
    "flow argument": (
        {"above": "@project(nme='p')"},
        "Unknown decorator attribute",
        "@project",
        "hint: did you mean `name`?",
    ),
    "no step": (
        {"member": "@retry\n    def other(self): pass"},
        "Syntax error",
        "@retry",
        "`other`, which is not a step",
    ),
    "no flow": (
        {"head": "@project(name='p')\ndef other(): pass"},
        "Syntax error",
        "@project",
        "`other`, which is not a subclass of `FlowSpec`",
    ),
    "argument without a name": (
        {"decorator": "@retry(3)"},
        "Syntax error",
        "@retry",
        "hint: give arguments by name, as in `@retry(times=…)`",
    ),
    "flow argument without a name": (
        {"above": "@project('p')"},
        "Syntax error",
        "@project",
        "hint: give arguments by name, as in `@project(name=…)`",
    ),
    "twice": (
        {"decorator": "@timeout(hours=1)\n    @timeout(hours=2)"},
        "Duplicate decorators",
        "@timeout(hours=1)",
        "`@timeout` more than once",
    ),
    "mutator with arguments": (
        {"head": MUTATOR, "decorator": "@bare(1)"},
        "Invalid custom decorator",
        "@bare",
        "no method `init`",
    ),
    "mutator of no step": (
        {"head": MUTATOR, "member": "@bare\n    def other(self): pass"},
        "Syntax error",
        "@bare",
        "`other`, which is not a step",
    ),
    "mutator of something else": (
        {"head": MUTATOR, "above": "@bare()"},
        "Syntax error",
        "@bare()",
        "`DefinedFlow`, which is not a step",
    ),
    "decorator that is no generator": (
        {"head": "@user_step_decorator\ndef plain(step_name, flow, inputs): return"},
        "Invalid custom decorator",
        "@user_step_decorator",
        "it has no `yield`",
    ),
    "decorator with other arguments": (
        {"head": "@user_step_decorator\ndef plain(flow): yield"},
        "Invalid custom decorator",
        "@user_step_decorator",
        "it takes `step_name, flow, inputs`",
    ),
    "config": (
        {"member": "cfg = Config('cfg', default='a', default_value={})"},
        "Invalid config",
        "cfg = ",
        "it has a `default`, which is a file, and a `default_value`",
    ),
    "name of a config": (
        {"member": "cfg = Config('a b')"},
        "Invalid config",
        "cfg = ",
        "a name consists",
    ),
    "early use of a config": (
        {"member": "cfg = Config('cfg'); text = f'{cfg.a}'"},
        "Config not known yet",
        "cfg = ",
        "hint: let an expression do it later",
    ),
}


def source_of(parts: dict[str, str]) -> str:
    return FLOW.format(**{"head": "", "above": "", "member": "", "decorator": ""} | parts)


@pytest.mark.parametrize("case", MISTAKES)
def test_mistake(workspace, case):
    parts, headline, at, says = MISTAKES[case]
    source = source_of(parts)
    workspace.write(source)
    line = source[: source.index(at)].count("\n") + 1
    done = workspace.fail("run")
    first, *rest = done.err.splitlines()
    assert first.startswith(f"    {headline}")
    assert first.endswith(f" in file {workspace.folder / 'flow.py'} on line {line}:")
    assert says in "\n".join(rest)
    assert "Traceback" not in done.err
    assert all(text.startswith("    ") for text in rest)
    assert done.out == ""


WRONG = source_of({"decorator": "@catch(nope=1)"})


def test_the_way_through_other_files_and_functions_is_told(workspace):
    workspace.write(
        """
        from metaflow import retry


        def careful(function):
            return retry(tims=2)(function)
        """,
        "team.py",
    )
    workspace.write(source_of({"head": "from team import careful", "decorator": "@careful"}))
    folder = workspace.folder
    told = workspace.fail("run").err
    assert f"in file {folder / 'team.py'} on line 6:" in told
    assert f"reached from {folder / 'flow.py'}, line 10\n" in told
    assert told.count("reached from") == 1
    workspace.write("from flow import DefinedFlow\n\nDefinedFlow()\n", "other.py")
    done = workspace.python("other.py", "run")
    assert f"reached from {folder / 'other.py'}, line 1\n" in done.err


def test_a_mistake_of_a_mutator_is_where_it_asks_for_the_change(workspace):
    mutator = (
        "class adds(FlowMutator):\n"
        "    def pre_mutate(self, mutable_flow):\n"
        "        self.work(mutable_flow.start)\n"
        "    def work(self, mutable_step):\n"
        "        mutable_step.add_decorator('retry', deco_kwargs={'tims': 1})\n"
    )
    workspace.write(source_of({"head": mutator, "above": "@adds"}))
    told = workspace.fail("run").err
    assert f"attribute in file {workspace.folder / 'flow.py'} on line 8:" in told
    assert "hint: did you mean `times`?" in told


def test_other_exceptions_are_shown_by_python(workspace):
    workspace.write(WRONG)
    workspace.write(
        """
        try:
            import flow
        except Exception as error:
            print(type(error).__name__, error.line_no, error.attribute)
        1 / 0
        """,
        "other.py",
    )
    done = workspace.python("other.py")
    assert done.out == "InvalidDecoratorAttribute 10 nope\n"
    assert done.err.startswith("Traceback")
    assert done.err.endswith("ZeroDivisionError: division by zero\n")


def test_a_hook_of_the_program_is_left_alone(workspace):
    workspace.write(
        """
        import sys

        sys.excepthook = lambda kind, error, trace: print("mine:", kind.__name__)
        import flow
        """,
        "other.py",
    )
    workspace.write(WRONG)
    done = workspace.python("other.py")
    assert (done.out, done.err) == ("mine: InvalidDecoratorAttribute\n", "")


def test_an_exception_that_is_caught_has_no_frames_of_what_it_came_through(monkeypatch):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # put back afterwards
    with pytest.raises(InvalidDecoratorAttribute) as caught:

        @retry(tims=2)
        @step
        def start(self):
            """Do nothing."""

    frames = extract_tb(caught.value.__traceback__)
    assert [frame.filename == __file__ for frame in frames] == [True, False]
    assert caught.value.source_file == __file__
