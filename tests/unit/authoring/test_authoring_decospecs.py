"""How decorators given as text are read, attached and refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaflow import FlowSpec, catch, environment, resources, retry, step, timeout
from metaflow.authoring.composition import finish
from metaflow.authoring.step_decorators import declare, parse_decospec
from metaflow.errors.decorator import InvalidDecoratorValue
from metaflow.errors.definition import (
    BadStepDecoratorException,
    DuplicateStepDecoratorException,
    InvalidDecoratorAttribute,
    UnknownStepDecoratorException,
)
from metaflow.graph import build_graph


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("retry", ("retry", {})),
        ("retry:times=3", ("retry", {"times": 3})),
        (
            "retry:times=3,minutes_between_retries=0.5",
            ("retry", {"times": 3, "minutes_between_retries": 0.5}),
        ),
        ("x:a=hello world,b=true", ("x", {"a": "hello world", "b": True})),
        ("x:a=one,two,b=3", ("x", {"a": "one,two", "b": 3})),
        ('environment:vars={"A": "b,c=d"}', ("environment", {"vars": {"A": "b,c=d"}})),
        ('x:a=["p,q=r", 1],b="z,y=1"', ("x", {"a": ["p,q=r", 1], "b": "z,y=1"})),
        ("x:a=3abc", ("x", {"a": "3abc"})),
        ("x:a=", ("x", {"a": ""})),
    ],
)
def test_decospecs_are_read(spec: str, expected: tuple[str, dict[str, object]]) -> None:
    assert parse_decospec(spec) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.from_regex(r"[a-z]\w{0,5}", fullmatch=True), json_values, max_size=4))
def test_json_values_survive(attributes: dict[str, object]) -> None:
    import json

    spec = "d:" + ",".join(f"{name}={json.dumps(value)}" for name, value in attributes.items())
    assert parse_decospec(spec) == ("d", attributes)


def make_flow() -> type[FlowSpec]:
    class OneFlow(FlowSpec):
        @retry(times=2)
        @step
        def start(self) -> None:
            self.next(self.end)

        @step
        def end(self) -> None:
            pass

    return OneFlow


def test_a_decorator_of_the_step_wins_over_one_for_all() -> None:
    flow = make_flow()
    finish(flow, ["retry:times=4", "retry:times=1", "timeout:seconds=5"])
    specs = declare(flow, build_graph(flow))
    assert {name: spec.retries for name, spec in specs.items()} == {"start": 2, "end": 4}
    names = [decorator.name for decorator in flow.end.decorators]  # type: ignore[attr-defined]
    assert names == ["retry", "timeout"]


def test_an_unknown_decorator_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownStepDecoratorException, match="retry"):
        finish(make_flow(), ["retyr"])


def test_an_unknown_attribute_is_refused() -> None:
    with pytest.raises(InvalidDecoratorAttribute, match="tims"):
        finish(make_flow(), ["retry:tims=3"])


def test_a_decorator_needs_a_step() -> None:
    with pytest.raises(BadStepDecoratorException):

        @retry
        def plain(self: object) -> None:
            pass


def test_a_decorator_stands_on_a_step_once() -> None:
    with pytest.raises(DuplicateStepDecoratorException):

        @retry
        @retry(times=1)
        @step
        def twice(self: object) -> None:
            pass


@pytest.mark.parametrize(
    "decorate",
    [
        retry(times=5),
        retry(times="3"),
        retry(minutes_between_retries=-1),
        timeout,
        timeout(seconds=-1),
        timeout(minutes="2"),
        environment(vars=3),
        environment(vars={"A=B": "x"}),
        resources(cpu="many"),
    ],
)
def test_bad_values_are_refused_with_file_and_line(decorate: object) -> None:
    class BadFlow(FlowSpec):
        @decorate  # type: ignore[operator, untyped-decorator]
        @step
        def start(self) -> None:
            pass

    with pytest.raises(InvalidDecoratorValue) as caught:
        declare(BadFlow, build_graph(BadFlow))
    assert caught.value.source_file == __file__
    assert caught.value.line_no


def test_catch_is_refused_where_it_could_not_go_on() -> None:
    class SplitFlow(FlowSpec):
        @catch
        @step
        def start(self) -> None:
            self.items = [1]
            self.next(self.a, foreach="items")

        @step
        def a(self) -> None:
            self.next(self.j)

        @step
        def j(self, inputs: object) -> None:
            self.next(self.end)

        @step
        def end(self) -> None:
            pass

    with pytest.raises(InvalidDecoratorValue, match="foreach"):
        declare(SplitFlow, build_graph(SplitFlow))


def test_environment_values_become_strings() -> None:
    class EnvFlow(FlowSpec):
        @environment(vars={"A": 1, "B": None})
        @step
        def start(self) -> None:
            pass

    spec = declare(EnvFlow, build_graph(EnvFlow))["start"]
    assert dict(spec.env) == {"A": "1", "B": "None"}
