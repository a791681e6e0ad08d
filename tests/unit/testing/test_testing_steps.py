"""`run_step`: one step in this process, given what a run would give it."""

from __future__ import annotations

import os
import tomllib
from importlib import import_module
from pathlib import Path
from unittest.mock import Mock

import pytest

from metaflow import (
    Config,
    FlowSpec,
    JSONType,
    Parameter,
    catch,
    current,
    environment,
    project,
    step,
)
from metaflow.ambient import ambient
from metaflow.errors.base import MetaflowException
from metaflow.errors.definition import (
    InvalidNextException,
    UnhandledInMergeArtifactsException,
)
from metaflow.errors.testing import StepCallInvalid
from metaflow.testing import run_step


class TestedFlow(FlowSpec):
    __test__ = False
    limit = 7
    cfg = Config("cfg", default_value={"depth": 2})
    alpha = Parameter("alpha", default=1)
    my_rate = Parameter("my-rate", type=float, default=lambda context: 0.5)
    grid = Parameter("grid", type=JSONType, default="[1]")

    @step
    def start(self):
        print("starting", current.step_name, current.run_id, current.is_running_flow)
        self.names = ["x", "y"]
        self.next(self.work, foreach="names")

    @environment(vars={"A_WORD": "set"})
    @step
    def work(self):
        self.mine = (self.input, self.index, self.scale * self.alpha, os.environ["A_WORD"])
        self.stack = self.foreach_stack()
        self.next(self.join)

    @step
    def join(self, inputs):
        self.all = [one.mine for one in inputs]
        self.merge_artifacts(inputs, exclude=["mine"])
        self.next(self.fan)

    @step
    def fan(self):
        self.next(self.left, self.right)

    @step
    def left(self):
        self.side = "left"
        self.next(self.choose)

    @catch(var="trouble", print_exception=False)
    @step
    def right(self):
        self.side = 1 / self.zero
        self.next(self.choose)

    @step
    def choose(self, inputs):
        self.sides = [inputs.left.side, inputs.right.side, len(inputs)]
        self.word = "up"
        self.next(self.switch)

    @step
    def switch(self):
        self.next({"up": self.up, "down": self.end}, condition="word")

    @step
    def up(self):
        self.settings = [self.limit, self.cfg.depth, self.alpha, self.my_rate, self.grid]
        self.alpha = 5
        self.next(self.end)

    @step
    def end(self):
        self.done = current.graph["start_step"]
        self.names_of_parameters = current.parameter_names


class SilentFlow(FlowSpec):
    @step
    def start(self):
        if self.name:
            return
        self.next(self.end)

    @step
    def end(self):
        pass


def test_the_artifacts_the_output_and_the_transition_are_told():
    result = run_step(TestedFlow, "start")
    assert result.names == ["x", "y"]
    assert result.artifacts == {"names": ["x", "y"]}
    assert "names" in result
    assert result.stdout == "starting start test True\n"
    assert result.next_steps == ("work",)
    assert result.transition.foreach == "names"
    assert result.foreach_items == ["x", "y"]
    with pytest.raises(AttributeError, match="nothing"):
        _ = result.nothing


def test_a_step_inside_a_foreach_gets_its_item_and_nothing_stays_behind():
    before = dict(os.environ)
    result = run_step(
        TestedFlow,
        "work",
        artifacts={"scale": 10},
        input="y",
        index=3,
        parameters={"alpha": "4"},
    )
    assert result.mine == ("y", 3, 40, "set")
    assert result.stack == [(3, 4, "y")]
    assert result.artifacts["scale"] == 10
    assert dict(os.environ) == before
    assert ambient.current is None


def test_a_join_gets_inputs_in_the_order_given():
    result = run_step(
        TestedFlow, "join", inputs=[{"mine": 1, "common": [5]}, {"mine": 2, "common": [5]}]
    )
    assert (result.all, result.common) == ([1, 2], [5])
    assert result.next_steps == ("fan",)
    assert run_step(TestedFlow, "fan").next_steps == ("left", "right")
    with pytest.raises(UnhandledInMergeArtifactsException) as conflict:
        run_step(TestedFlow, "join", inputs=[{"mine": 1, "a": 1}, {"mine": 2, "a": 2}])
    assert conflict.value.artifact_names == ["a"]


@pytest.mark.parametrize(
    "inputs", [[{"side": "l"}, {"side": "r"}], {"right": {"side": "r"}, "left": {"side": "l"}}]
)
def test_a_join_of_a_split_knows_its_inputs_by_name(inputs):
    assert run_step(TestedFlow, "choose", inputs=inputs).sides == ["l", "r", 2]


def test_parameters_configs_and_constants_are_there_and_fixed():
    with pytest.raises(AttributeError, match="not modifiable"):
        run_step(TestedFlow, "up")
    result = run_step(
        TestedFlow,
        "up",
        parameters={"my-rate": 2, "grid": {"a": 1}},
        configs={"cfg": {"depth": 9}},
        raises=False,
    )
    assert result.settings == [7, 9, 1, 2.0, {"a": 1}]
    assert isinstance(result.exception, AttributeError)
    assert result.transition is None


def test_test_doubles_may_be_artifacts():
    double = Mock()
    result = run_step(TestedFlow, "work", artifacts={"scale": 2, "model": double}, input=double)
    assert result.mine[0] is double
    assert result.model is double


def test_decorators_are_at_work():
    result = run_step(TestedFlow, "right", artifacts={"zero": 0})
    assert isinstance(result.handled, ZeroDivisionError)
    assert result.exception is None
    assert result.next_steps == ("choose",)
    assert "ZeroDivisionError" in result.trouble.type


def test_current_tells_what_flow_decorators_add():
    @project(name="birds", branch="blue")
    class ProjectFlow(FlowSpec):
        topic = Parameter("topic", default=lambda _: current.project_flow_name)

        @step
        def start(self):
            self.told = (current.project_name, current.branch_name, current.is_production)
            self.decorators = [one["name"] for one in current.graph["decorators"]]
            self.seen = self.topic
            self.next(self.end)

        @step
        def end(self):
            pass

    before = ambient.current
    result = run_step(ProjectFlow, "start")
    assert result.told == ("birds", "test.blue", False)
    assert result.seen == "birds.test.blue.ProjectFlow"
    assert result.decorators == ["project"]
    assert ambient.current is before
    with pytest.raises(MetaflowException, match="no parameter"):
        run_step(ProjectFlow, "start", parameters={"other": 1})
    assert ambient.current is before


def test_a_switch_and_the_end():
    result = run_step(TestedFlow, "switch", artifacts={"word": "down"})
    assert (result.next_steps, result.transition.condition) == (("end",), "word")
    with pytest.raises(RuntimeError, match="matches no case"):
        run_step(TestedFlow, "switch", artifacts={"word": "away"})
    with pytest.raises(InvalidNextException, match="does not exist"):
        run_step(TestedFlow, "switch")
    end = run_step(TestedFlow, "end")
    assert (end.done, end.next_steps, end.transition) == ("start", (), None)
    assert end.names_of_parameters == ["cfg", "alpha", "my_rate", "grid"]


def test_what_a_step_raises_is_raised_as_it_is():
    with pytest.raises(AttributeError, match="has no attribute 'scale'"):
        run_step(TestedFlow, "work", input=1)


@pytest.mark.parametrize(
    ("name", "given", "text"),
    [
        ("nosuch", {}, "there is no such step"),
        ("join", {}, "needs `inputs`"),
        ("work", {"inputs": [{}]}, "it is no join"),
        ("join", {"inputs": [{}], "artifacts": {"a": 1}}, "not `artifacts`"),
        ("choose", {"inputs": {"up": {}}}, "`up` does not lead to it"),
        ("start", {"input": 1}, "inside a foreach"),
        ("join", {"inputs": [{}], "index": 1}, "inside a foreach"),
        ("start", {"parameters": {"beta": 1}}, "no parameter `beta`"),
        ("start", {"configs": {"nope": {}}}, "no config `nope`"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused(name, given, text):
    with pytest.raises(MetaflowException, match=text):
        run_step(TestedFlow, name, **given)


def test_the_plug_in_is_an_entry_point_of_the_distribution():
    declared = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    ((name, module),) = declared["project"]["entry-points"]["pytest11"].items()
    # By this name pytest knows that the module is loaded already.
    assert name == module
    assert import_module(module).metaflow_store is not None


def test_a_faulty_graph_is_refused():
    class FaultyFlow(FlowSpec):
        @step
        def start(self):
            self.next(self.nowhere)

        @step
        def end(self):
            pass

    with pytest.raises(MetaflowException, match="nowhere"):
        run_step(FaultyFlow, "start")
    assert issubclass(StepCallInvalid, MetaflowException)


def test_a_step_that_does_not_call_next_is_told():
    result = run_step(SilentFlow, "start", raises=False)
    assert isinstance(result.exception, StepCallInvalid)
    assert "without a call of `self.next`" in str(result.exception)
