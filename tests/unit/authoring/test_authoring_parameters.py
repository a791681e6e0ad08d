"""Parameters: which declarations are sound, and how values are converted."""

from __future__ import annotations

import pickle

import click
import pytest

from metaflow.authoring.deploy_time import ParameterContext, resolve_default
from metaflow.authoring.parameters import JSONType, JSONTypeClass, Parameter, collect_parameters
from metaflow.errors.input import (
    ParameterFieldFailed,
    ParameterFieldTypeMismatch,
    ParameterNameInvalid,
    ParameterValueInvalid,
)

CONTEXT = ParameterContext("F", "ann", "p", print, "local", {})


def flow_of(*parameters):
    return type("F", (), {f"attribute_{i}": p for i, p in enumerate(parameters)})


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        (str, "a", "a"),
        (str, "", ""),
        (int, "7", 7),
        (int, " -7 ", -7),
        (int, 7, 7),
        (float, "0.5", 0.5),
        (float, "1e3", 1000.0),
        (float, 2, 2.0),
        (bool, "True", True),
        (bool, "yes", True),
        (bool, "1", True),
        (bool, "false", False),
        (bool, "no", False),
        (bool, "0", False),
        (bool, True, True),
        (JSONType, '{"a": [1, null]}', {"a": [1, None]}),
        (JSONType, '"text"', "text"),
        (JSONTypeClass, "3", 3),
        (JSONType, {"a": 1}, {"a": 1}),
        (JSONType, [1], [1]),
        (complex, "1+2j", 1 + 2j),
        (click.Choice(["a", "b"]), "b", "b"),
    ],
)
def test_conversion(kind, given, value):
    converted = Parameter("p", type=kind).convert(given)
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize(
    ("kind", "given", "says"),
    [
        (int, "x", "`x` is not an integer"),
        (int, "1.5", "not an integer"),
        (int, 1.5, "of type `float`, not `int`"),
        (int, True, "of type `bool`, not `int`"),
        (float, "x", "`x` is not a number"),
        (bool, "maybe", "not a truth value"),
        (bool, 1, "of type `int`, not `bool`"),
        (str, 1, "of type `int`, not `str`"),
        (JSONType, "{", "not valid JSON"),
    ],
)
def test_a_value_that_does_not_fit(kind, given, says):
    with pytest.raises(ParameterValueInvalid, match=says) as caught:
        Parameter("p", type=kind).convert(given)
    assert caught.value.name == "p"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_no_value_stays_none():
    assert Parameter("p", type=int).convert(None) is None
    assert resolve_default(Parameter("p"), CONTEXT) is None


@pytest.mark.parametrize(
    ("default", "kind"), [("a", str), (1, int), (1.5, float), (True, bool), (None, str)]
)
def test_the_type_is_that_of_the_default(default, kind):
    parameter = Parameter("p", default=default)
    assert parameter.value_type is kind
    assert resolve_default(parameter, CONTEXT) == default


def test_separator_makes_a_list():
    parameter = Parameter("p", separator=",", default="a,b")
    assert parameter.convert("x,,y") == ["x", "", "y"]
    assert resolve_default(parameter, CONTEXT) == ["a", "b"]
    assert parameter.convert(("a", "b")) == ["a", "b"]
    with pytest.raises(ParameterValueInvalid, match="neither"):
        parameter.convert(3)


def test_a_repeated_option_makes_a_tuple():
    parameter = Parameter("p", type=int, multiple=True)
    assert parameter.convert(["1", 2]) == (1, 2)


@pytest.mark.parametrize(
    "name",
    ["max-workers", "max_workers", "MAX-workers", "tag", "tags", "with", "run-id", "params", "obj"],
)
def test_reserved_names(name):
    with pytest.raises(ParameterNameInvalid, match="reserved") as caught:
        collect_parameters(flow_of(Parameter(name)))
    assert caught.value.source_file == __file__
    assert caught.value.line_no is not None


@pytest.mark.parametrize("name", ["", "a b", "1a", "a.b", None, 3])
def test_malformed_names(name):
    with pytest.raises(ParameterNameInvalid, match="a name consists of"):
        collect_parameters(flow_of(Parameter(name)))


@pytest.mark.parametrize(("one", "other"), [("a", "a"), ("a", "A"), ("a-b", "a_b")])
def test_names_are_unique(one, other):
    with pytest.raises(ParameterNameInvalid, match=f"already has a parameter `{one}`"):
        collect_parameters(flow_of(Parameter(one), Parameter(other)))


def test_one_object_cannot_be_two_parameters():
    shared = Parameter("a")
    with pytest.raises(ParameterNameInvalid, match="already has"):
        collect_parameters(flow_of(shared, shared))


@pytest.mark.parametrize(
    ("parameter", "field"),
    [
        (Parameter("p", type=int, default="x"), "default"),
        (Parameter("p", type=str, default=1), "default"),
        (Parameter("p", type=bool, default=1), "default"),
        (Parameter("p", default={"a": 1}), "default"),
        (Parameter("p", default=object()), "default"),
        (Parameter("p", type=list), "type"),
        (Parameter("p", type="int"), "type"),
        (Parameter("p", type=int, separator=","), "separator"),
        (Parameter("p", separator=""), "separator"),
        (Parameter("p", separator=lambda: ","), "separator"),
        (Parameter("p", required=lambda: True), "required"),
        (Parameter("p", show_default=lambda: True), "show_default"),
    ],
)
def test_fields_of_a_wrong_type(parameter, field):
    with pytest.raises(ParameterFieldTypeMismatch, match=f"Parameter `p`, `{field}`") as caught:
        collect_parameters(flow_of(parameter))
    assert caught.value.headline == "Parameter field with a mismatching type"
    assert caught.value.field == field
    assert caught.value.line_no == parameter.line_no


def test_text_defaults_are_converted():
    parameter = Parameter("p", type=int, default="5")
    assert [p for _, p in collect_parameters(flow_of(parameter))] == [parameter]
    assert resolve_default(parameter, CONTEXT) == 5


def test_parameters_come_from_all_bases_in_order():
    class Left:
        a = Parameter("a")
        b = Parameter("b")

    class Right:
        c = Parameter("c")

    class Flow(Left, Right):
        d = Parameter("d")
        a = Parameter("other")
        b = 3

    found = [(name, parameter.name) for name, parameter in collect_parameters(Flow)]
    assert found == [("c", "c"), ("d", "d"), ("a", "other")]


def test_the_place_of_a_declaration_is_outside_of_constructors():
    class Special(Parameter):
        def __init__(self, name):
            super().__init__(name, type=int)

    parameter = Special("p")
    assert parameter.source_file == __file__
    assert (
        parameter.line_no
        == test_the_place_of_a_declaration_is_outside_of_constructors.__code__.co_firstlineno + 5
    )


def test_a_function_computes_the_default():
    seen = []

    def compute(context):
        seen.append(context)
        return 3

    assert resolve_default(Parameter("p", type=int, default=compute), CONTEXT) == 3
    assert seen == [CONTEXT]
    assert seen[0].flow_name == "F"
    assert seen[0]._fields == (
        "flow_name",
        "user_name",
        "parameter_name",
        "logger",
        "ds_type",
        "configs",
    )


def test_a_function_returns_json_text():
    parameter = Parameter("p", type=JSONType, default=lambda _: '{"a": 1}')
    assert resolve_default(parameter, CONTEXT) == {"a": 1}


@pytest.mark.parametrize(
    ("kind", "result", "says"),
    [
        (int, "3", "of type `str`, not `int`"),
        (int, 3.5, "of type `float`"),
        (str, 3, "of type `int`, not `str`"),
        (None, 3, "of type `int`, not `str`"),
        (bool, 1, "of type `int`, not `bool`"),
        (JSONType, {"a": 1}, "a `dict`, not JSON text"),
        (JSONType, "{", "not valid JSON"),
        (int, None, "None, not a value of type `int`"),
    ],
)
def test_a_function_that_returns_the_wrong_type(kind, result, says):
    parameter = Parameter("p", type=kind, default=lambda _: result)
    with pytest.raises(ParameterFieldTypeMismatch, match=says):
        resolve_default(parameter, CONTEXT)


def fails(context):
    raise KeyError(context.parameter_name)


def test_a_function_that_fails_shows_its_own_frames():
    with pytest.raises(ParameterFieldFailed, match="in fails") as caught:
        resolve_default(Parameter("p", default=fails), CONTEXT)
    error = caught.value
    assert error.headline == "Parameter field failed"
    assert "KeyError: 'p'" in error.message
    assert "deploy_time" not in error.message
    assert isinstance(error.__cause__, KeyError)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
