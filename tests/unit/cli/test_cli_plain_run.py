"""A plain run is read as click reads it, or not at all."""

from __future__ import annotations

import sys
from typing import Any

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metaflow import FlowSpec, Parameter, step
from metaflow.cli import plain_run
from metaflow.cli.console import Console
from metaflow.cli.flow import FlowGroup
from metaflow.cli.run import build
from metaflow.cli.scope import Scope
from metaflow.settings.load import load_settings


@pytest.fixture(autouse=True, scope="module")
def _no_decorators_of_others():
    """Flows of other tests of this process may have loaded what plain flows do not use."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("metaflow.authoring.flow_decorators", "metaflow.authoring.custom_base"):
            patch.delitem(sys.modules, name, raising=False)
        yield


class Plain(FlowSpec):
    """Has a parameter of each simple type."""

    alpha = Parameter("alpha", default=0.5)
    depth = Parameter("depth", type=int)
    name_ = Parameter("Name", default="x")
    sure = Parameter("sure", default=False)

    @step
    def start(self) -> None:
        self.next(self.end)

    @step
    def end(self) -> None:
        pass


class Asking(FlowSpec):
    """Has a parameter that a run must give."""

    must = Parameter("must", type=int, required=True)

    @step
    def start(self) -> None:
        self.next(self.end)

    @step
    def end(self) -> None:
        pass


def as_click_reads(flow: type[FlowSpec], args: list[str]) -> dict[str, Any]:
    found = load_settings()
    scope = Scope(flow, found, Console(quiet=True))
    group = FlowGroup(found, flow)
    with group.make_context("flow", list(args), obj=scope, auto_envvar_prefix="METAFLOW") as ctx:
        top = dict(ctx.params)
        words = [*getattr(ctx, "_protected_args", ()), *ctx.args]
        name, command, rest = group.resolve_command(ctx, words)
        assert name == "run"
        assert command is not None
        with command.make_context("run", rest, parent=ctx) as sub:
            return {**sub.params, "quiet": top["quiet"], "pylint": top["pylint"]}


TOP = ["--quiet", "--not-quiet", "--pylint", "--no-pylint", "--metadata", "local", "--with", "--q"]
OPTIONS = [
    *plain_run.TEXTS,
    *plain_run.LISTS,
    *plain_run.COUNTS,
    "--alpha",
    "--depth",
    "--Name",
    "--name",
    "--sure",
    "--help",
    "--max-work",
    "-t",
    "--parent-task",
]
VALUES = [
    "1",
    "0",
    "-3",
    "2.5",
    "yes",
    "text",
    "",
    "²",
    " 7",
    "retry:times=2",
    "a=b",
    "--tag",
    "None",
]
ARG = st.sampled_from(OPTIONS)
PART = st.one_of(
    st.tuples(ARG, st.sampled_from(VALUES)),
    st.builds(lambda option, value: (f"{option}={value}",), ARG, st.sampled_from(VALUES)),
    st.tuples(ARG),
)
LINES = st.builds(
    lambda top, parts: [*top, "run", *(word for part in parts for word in part)],
    st.lists(st.sampled_from(TOP), max_size=3),
    st.lists(PART, max_size=4),
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(LINES)
def test_what_is_read_is_what_click_reads(args):
    plain = plain_run.read(Plain, args, {})
    if plain is None:
        return
    expected = as_click_reads(Plain, args)
    parameters = {
        "alpha": plain.parameters["alpha"],
        "depth": plain.parameters["depth"],
        "name": plain.parameters["name_"],
        "sure": plain.parameters["sure"],
    }
    mine = {**plain.values, **parameters, "quiet": plain.quiet, "pylint": plain.pylint}
    assert mine == expected
    assert {key: type(value) for key, value in mine.items()} == {
        key: type(value) for key, value in expected.items()
    }


@pytest.mark.parametrize(
    "args",
    [
        ["run"],
        ["--quiet", "--no-pylint", "run", "--max-workers", "3", "--tag", "a", "--tag=b"],
        ["run", "--alpha", "0.25", "--depth=3", "--with", "retry", "--Name", "n", "--sure", "on"],
    ],
)
def test_plain_lines_are_read(args):
    plain = plain_run.read(Plain, args, {"METAFLOW_USER": "ann"})
    assert plain is not None
    assert as_click_reads(Plain, args)["max_workers"] == plain.values["max_workers"]


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["show"],
        ["run", "--help"],
        ["run", "extra"],
        ["run", "--max-workers", "0"],
        ["run", "--max-workers", "many"],
        ["run", "--depth", "deep"],
        ["run", "--unknown", "1"],
        ["run", "--tag"],
        ["--with", "retry", "run"],
        ["--datastore-root", "x", "run"],
    ],
)
def test_all_other_lines_are_left_to_click(args):
    assert plain_run.read(Plain, args, {}) is None


def test_a_required_parameter_has_to_be_given():
    assert plain_run.read(Asking, ["run"], {}) is None
    plain = plain_run.read(Asking, ["run", "--must", "4"], {})
    assert plain is not None
    assert plain.parameters == {"must": 4}


@pytest.mark.parametrize("name", ["METAFLOW_RUN_MAX_WORKERS", "METAFLOW_QUIET", "METAFLOW_RUN_X"])
def test_options_in_the_environment_are_left_to_click(name):
    assert plain_run.read(Plain, ["run"], {name: "1"}) is None


def test_a_bad_setting_is_left_to_whoever_reports_it(monkeypatch):
    monkeypatch.setenv("METAFLOW_TASK_START", "never")
    assert plain_run.read(Plain, ["run"], {}) is None


def test_another_back_end_by_default_is_left_to_click(monkeypatch):
    monkeypatch.setenv("METAFLOW_DEFAULT_DATASTORE", "s3")
    assert plain_run.read(Plain, ["run"], {}) is None


def test_both_ways_know_the_same_options():
    found = load_settings()
    top = {f"METAFLOW_{str(it.name).upper()}" for it in FlowGroup(found, FlowSpec).params}
    assert top == plain_run.VARIABLES
    options = build(Scope(FlowSpec, found, Console(quiet=True))).params
    known = {option for option in options if isinstance(option, click.Option)}
    usual = {str(it.name): () if it.multiple else it.default for it in known}
    unset = {name: value for name, value in usual.items() if plain_run.USUAL[name] is None}
    assert usual.keys() == plain_run.USUAL.keys()
    assert {**usual, **dict.fromkeys(unset)} == plain_run.USUAL
