"""How flow decorators get onto classes, and which of them a flow has."""

from __future__ import annotations

import pytest

from metaflow import Config, FlowSpec, project, schedule, step, trigger_on_finish
from metaflow.authoring.composition import begin
from metaflow.authoring.flow_decorators import (
    declare_flow,
    find_flow_decorator,
    flow_decorators,
    own_flow_decorators,
)
from metaflow.errors.definition import (
    BadFlowDecoratorException,
    DuplicateFlowDecoratorException,
    InvalidDecoratorAttribute,
    UnknownFlowDecoratorException,
)
from metaflow.model.flow_facts import Situation


def names(flow):
    return [decorator.name for decorator in flow_decorators(flow)]


def test_with_and_without_parentheses():
    @schedule
    @project(name="a")
    class BothFlow(FlowSpec):
        pass

    assert names(BothFlow) == ["project", "schedule"]
    assert [str(decorator) for decorator in flow_decorators(BothFlow)] == [
        "@project(name='a')",
        "@schedule",
    ]
    assert BothFlow.__name__ == "BothFlow"


def test_those_of_bases_count_once():
    @project(name="a")
    class TopFlow(FlowSpec):
        pass

    class LeftFlow(TopFlow):
        pass

    @schedule
    class RightFlow(TopFlow):
        pass

    class DiamondFlow(LeftFlow, RightFlow):
        pass

    assert names(DiamondFlow) == ["project", "schedule"]
    assert names(LeftFlow) == ["project"]


def test_twice_is_an_error_with_its_place():
    @project(name="a")
    class UpperFlow(FlowSpec):
        pass

    @project(name="b")
    class LowerFlow(UpperFlow):
        pass

    with pytest.raises(DuplicateFlowDecoratorException) as caught:
        flow_decorators(LowerFlow)
    assert caught.value.source_file == __file__
    assert "LowerFlow" in str(caught.value)


def test_on_a_function_or_a_plain_class_it_is_an_error():
    with pytest.raises(BadFlowDecoratorException) as caught:

        @schedule(hourly=True)
        class Plain:
            pass

    assert caught.value.source_file == __file__
    with pytest.raises(BadFlowDecoratorException):
        project(name="a")(lambda: None)


def test_an_unknown_argument_is_an_error_with_its_place():
    with pytest.raises(InvalidDecoratorAttribute) as caught:
        project(nane="a")
    assert caught.value.source_file == __file__
    assert "did you mean `name`?" in str(caught.value)


def test_kinds_are_found_by_name():
    assert find_flow_decorator("project").name == "project"
    with pytest.raises(UnknownFlowDecoratorException) as caught:
        find_flow_decorator("projekt")
    assert "did you mean `project`?" in str(caught.value)


def test_changes_for_one_flow_reach_no_other():
    @project(name="a")
    class SharedFlow(FlowSpec):
        pass

    class OtherFlow(SharedFlow):
        pass

    own_flow_decorators(OtherFlow)[0].assign({"name": "b"})
    assert flow_decorators(OtherFlow)[0].attributes["name"] == "b"
    assert flow_decorators(SharedFlow)[0].attributes["name"] == "a"
    begin(OtherFlow, {"anew": 1})
    assert flow_decorators(OtherFlow)[0].attributes["name"] == "a"


def test_arguments_can_come_from_configs():
    class ConfiguredFlow(FlowSpec):
        cfg = Config("cfg")

        @step
        def start(self):
            pass

    decorated = project(**ConfiguredFlow.cfg.where)(ConfiguredFlow)
    decorated = trigger_on_finish(flow=ConfiguredFlow.cfg.after)(decorated)
    begin(decorated, {"cfg": {"where": {"name": "shop", "branch": "x"}, "after": "Up"}})
    facts = declare_flow(decorated, Situation("ConfiguredFlow"))
    assert facts.project.branch == "test.x"
    assert facts.finishes[0].flow == "Up"
