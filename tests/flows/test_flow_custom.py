"""Decorators and mutators of users in whole runs."""

from __future__ import annotations

import json

import pytest

HEAD = """
import os
from metaflow import (
    Config, FlowMutator, FlowSpec, Parameter, StepMutator, USER_SKIP_STEP, UserStepDecorator,
    catch, retry, step, timeout, user_step_decorator,
)

"""
FOOT = """

if __name__ == "__main__":
    CustomFlow()
"""


def write(workspace, decorators, body):
    workspace.write(f"{HEAD}{decorators}\n\nclass CustomFlow(FlowSpec):\n{body}{FOOT}")


LINE = """
    {above}
    @step
    def start(self):
        self.trace = [*getattr(self, "trace", []), "step"]
        {code}
        self.next(self.end)

    @step
    def end(self):
        pass
"""
TRACE = """
@user_step_decorator
def told(step_name, flow, inputs, attributes):
    name = attributes["n"]
    flow.trace = [*getattr(flow, "trace", []), f"before {name}"]
    yield
    flow.trace = [*flow.trace, f"after {name}"]


class Told(UserStepDecorator):
    def init(self, n):
        self.n = n

    def pre_step(self, step_name, flow, inputs=None):
        flow.trace = [*getattr(flow, "trace", []), f"before {self.n}"]

    def post_step(self, step_name, flow, exception=None):
        flow.trace = [*flow.trace, f"after {self.n}", repr(exception)]
        return exception
"""


def trace(workspace, decorators, above, code="pass", **env):
    """Run a flow of two steps and return what its start has left."""
    write(workspace, TRACE + decorators, LINE.format(above=above, code=code))
    return workspace.run(**env)["start"].task.data


@pytest.mark.parametrize("start", ["auto", "spawn"])
def test_the_topmost_decorator_is_outermost(workspace, start):
    above = "@told(n=1)\n    @Told(n=2)\n    @told(n=3)"
    seen = trace(workspace, "", above, METAFLOW_TASK_START=start).trace
    assert seen == [
        "before 1", "before 2", "before 3", "step", "after 3", "after 2", "None", "after 1",
    ]  # fmt: skip


SWALLOW = """
@user_step_decorator
def swallow(step_name, flow, inputs):
    try:
        yield
    except ZeroDivisionError as error:
        flow.caught = str(error)


class Swallow(UserStepDecorator):
    def post_step(self, step_name, flow, exception=None):
        flow.caught = str(exception)


@user_step_decorator
def fail(step_name, flow, inputs):
    yield
    return ValueError("of the decorator")
"""


@pytest.mark.parametrize("above", ["@swallow", "@Swallow"])
def test_a_swallowed_exception_lets_the_step_succeed(workspace, above):
    assert trace(workspace, SWALLOW, above, "1 / 0").caught == "division by zero"


def test_a_decorator_may_let_the_step_fail(workspace):
    above = '@catch(var="problem")\n    @retry(times=1)\n    @fail'
    data = trace(workspace, SWALLOW, above)
    assert data.problem.exception == "of the decorator"
    write(workspace, SWALLOW, LINE.format(above="@fail", code="pass"))
    done = workspace.fail("run")
    assert "ValueError: of the decorator" in done.out
    assert "metaflow/authoring" not in done.out


def test_built_in_decorators_are_outside(workspace):
    decorators = """
@user_step_decorator
def slow(step_name, flow, inputs):
    flow.attempts = getattr(flow, "attempts", 0) + 1
    try:
        yield
    except Exception as error:
        flow.kind = type(error).__name__
        raise
"""
    code = "import time\n        time.sleep(50)"
    above = '@catch(var="problem")\n    @timeout(seconds=1)\n    @slow'
    data = trace(workspace, decorators, above, code)
    assert data.kind == "TimeoutException"
    assert "timed out" in data.problem.exception


REPLACE = """
def instead(flow, inputs=None):
    flow.replaced = True
    return True


def instead_itself(flow):
    flow.replaced = True
    flow.next(flow.end)


@user_step_decorator
def replaced(step_name, flow, inputs):
    yield instead


@user_step_decorator
def replaced_itself(step_name, flow, inputs):
    yield instead_itself


class Replaced(UserStepDecorator):
    def pre_step(self, step_name, flow, inputs=None):
        return instead


class Skipped(UserStepDecorator):
    def pre_step(self, step_name, flow, inputs=None):
        self.skip_step = True


@user_step_decorator
def skipped(step_name, flow, inputs):
    yield USER_SKIP_STEP
"""


@pytest.mark.parametrize("above", ["@replaced", "@replaced_itself", "@Replaced"])
def test_a_step_is_replaced_with_the_decorators_below_it(workspace, above):
    data = trace(workspace, REPLACE, f"{above}\n    @told(n=1)", "1 / 0")
    assert data.replaced
    assert "trace" not in data


@pytest.mark.parametrize("above", ["@skipped", "@Skipped"])
def test_a_step_is_skipped(workspace, above):
    assert trace(workspace, REPLACE, f"@told(n=1)\n    {above}", "1 / 0").trace == [
        "before 1",
        "after 1",
    ]


FORMS = """
class override(UserStepDecorator):
    def pre_step(self, step_name, flow, inputs=None):
        self.skip_step = {"foreach": "others"}

    def post_step(self, step_name, flow, exception=None):
        flow.others = [5, 6, 7]
        return exception


@user_step_decorator
def skip(step_name, flow, inputs):
    if inputs is not None:
        flow.total = sum(each.value for each in inputs)
    flow.kind = "b"
    yield USER_SKIP_STEP
"""
BODY = """
    cfg = Config("cfg", default_value={"a": "a", "b": "b"})

    @override
    @step
    def start(self):
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.value = self.input
        self.next(self.join)

    @skip
    @step
    def join(self, inputs):
        self.next(self.choose)

    @skip
    @step
    def choose(self):
        self.next({self.cfg.a: self.a, "b": self.b}, condition="kind")

    @step
    def a(self):
        self.next(self.end)

    @step
    def b(self):
        self.next(self.split)

    @skip
    @step
    def split(self):
        self.next(self.left, self.right)

    @step
    def left(self):
        self.next(self.meet)

    @step
    def right(self):
        self.next(self.meet)

    @step
    def meet(self, inputs):
        self.merge_artifacts(inputs)
        self.next(self.end)

    @skip
    @step
    def end(self):
        1 / 0
"""


def test_every_form_of_transition_is_done_for_a_skipped_step(workspace):
    write(workspace, FORMS, BODY)
    run = workspace.run()
    assert run.data.total == 18
    assert {step.id for step in run} >= {"work", "b", "left", "right", "meet", "end"}
    assert "a" not in {step.id for step in run}


@pytest.mark.parametrize(
    ("decorator", "said"),
    [
        ("if False:\n        yield", "`@wrong` on step `start`: it has not yielded."),
        ("yield\n    yield", "it has yielded more than once"),
        ("yield 3", "it has chosen `3` in place of the step"),
        ("yield lambda flow: 3", "what replaces the step has returned `3`"),
        ("yield\n    return 3", "it has returned `3`"),
        ('yield {"foreach": "x"}', "gives `foreach`, which the step's `self.next` does not have"),
    ],
)
def test_a_decorator_that_breaks_the_rules_is_told(workspace, decorator, said):
    wrong = f"@user_step_decorator\ndef wrong(step_name, flow, inputs):\n    {decorator}\n"
    write(workspace, wrong, LINE.format(above="@wrong", code="pass"))
    assert said in workspace.fail("run").out


def test_a_decorator_is_added_by_the_name_of_the_flows_own_module(workspace):
    workspace.write(
        HEAD
        + "print('imported', __name__)\n"
        + TRACE
        + "\n\nclass CustomFlow(FlowSpec):\n"
        + LINE.format(above="", code="pass")
        + FOOT
    )
    done = workspace.succeed("run", "--with", "flow.told:n=7")
    assert done.out.count("imported") == 1
    assert workspace.latest()["start"].task.data.trace == ["before 7", "step", "after 7"]


MUTATED = """
class patient(StepMutator):
    def init(self, times=1):
        self.times = times

    def mutate(self, mutable_step):
        print("mutating", mutable_step.name)
        mutable_step.add_decorator("retry", deco_kwargs={"times": self.times})


class sized(FlowMutator):
    def pre_mutate(self, mutable_flow):
        for name, value in mutable_flow.cfg.options.items():
            mutable_flow.add_parameter(name, Parameter(name, default=value))
        mutable_flow.remove_parameter("old")
        mutable_flow.end.add_decorator(patient(2))


"""
SIZED = """
    cfg = Config("cfg", default_value={"options": {"depth": 3, "label": "x"}})
    old = Parameter("old", default=1)

    @patient
    @step
    def start(self):
        self.attempts = [*getattr(self, "attempts", []), 1]
        self.seen = [self.depth, self.label, hasattr(self, "old")]
        if not os.path.exists("tried"):
            open("tried", "w").close()
            raise OSError("once")
        self.next(self.end)

    @step
    def end(self):
        pass
"""


@pytest.mark.parametrize("start", ["auto", "spawn"])
def test_mutators_change_parameters_and_decorators_in_every_process(workspace, start):
    workspace.write(f"{HEAD}{MUTATED}@sized\nclass CustomFlow(FlowSpec):\n{SIZED}{FOOT}")
    help_text = workspace.succeed("run", "--help").out
    assert "--depth INTEGER" in help_text
    assert "--old" not in help_text
    done = workspace.succeed("run", "--depth", "9", METAFLOW_TASK_START=start)
    assert workspace.latest()["start"].task.data.seen == [9, "x", False]
    # What mutators print belongs to no task.
    assert done.out.count("mutating start") == 1
    assert done.said("mutating") == []
    graph = json.loads(workspace.succeed("output-raw", "--json").out.split("mutating end")[1])
    shown = graph["graph"]["end"]["decorators"]
    assert [(each["name"], each["attributes"]) for each in shown] == [
        ("patient", {"_args": [2]}),
        ("retry", {"times": 2, "minutes_between_retries": 2}),
    ]
    assert shown[1]["inserted_by"] == ["__main__.sized", "__main__.patient"]
    (workspace.folder / "tried").unlink()
    workspace.succeed("resume", "start", METAFLOW_TASK_START=start)
    assert workspace.latest()["start"].task.data.seen == [9, "x", False]
    assert "@retry\nStep start" in workspace.succeed("show").out


def test_a_failing_mutator_fails_the_command(workspace):
    decorators = "class bad(StepMutator):\n    def mutate(self, step):\n        1 / 0\n"
    write(workspace, decorators, LINE.format(above="@bad", code="pass"))
    err = workspace.fail("run").err
    assert "Custom decorator failed:" in err
    assert "ZeroDivisionError" in err
    assert "Internal error" not in err
