"""What the flow decorators refuse and what they declare."""

from __future__ import annotations

import pytest

from metaflow import (
    FlowSpec,
    Parameter,
    airflow_s3_key_sensor,
    conda_base,
    exit_hook,
    namespaced_event_name,
    project,
    schedule,
    step,
    trigger,
    trigger_on_finish,
)
from metaflow.ambient import ambient
from metaflow.authoring.flow_decorators import declare_flow, flow_decorators
from metaflow.errors.base import MetaflowException
from metaflow.errors.decorator import (
    InvalidFlowDecorator,
    ProjectOptionConflict,
    TriggerOptionInvalid,
)
from metaflow.errors.input import MetaflowUnknownUser
from metaflow.model.flow_facts import EventTrigger, FinishTrigger, Schedule, Situation


def hook():
    pass


def flow_with(*decorators, **parameters):
    """Make a flow class with these decorators and parameters."""

    def start(self):
        pass

    cls = type("DemoFlow", (FlowSpec,), {"start": step(start), **parameters})
    cls.__module__ = __name__
    for decorator in decorators:
        cls = decorator(cls)
    return cls


def declared(*decorators, context=None, owner="ada", **options):
    return declare_flow(flow_with(*decorators), Situation("DemoFlow", owner, options, context))


def refused(*decorators, **parameters):
    flow = flow_with(*decorators, **parameters)

    def ask():
        for decorator in flow_decorators(flow):
            decorator.check(flow, None)
        declare_flow(flow, Situation("F", "ada"))

    with pytest.raises(InvalidFlowDecorator) as caught:
        ask()
    assert caught.value.source_file == __file__
    assert caught.value.line_no is not None
    return str(caught.value)


def accepted(*decorators, **parameters):
    flow = flow_with(*decorators, **parameters)
    for decorator in flow_decorators(flow):
        decorator.check(flow, None)


@pytest.mark.parametrize(
    ("written", "options", "branch", "is_production", "is_user"),
    [
        ({}, {}, "user.ada", False, True),
        ({}, {"branch": "b"}, "test.b", False, False),
        ({}, {"production": True}, "prod", True, False),
        ({}, {"production": True, "branch": "b"}, "prod.b", True, False),
        ({"branch": "w"}, {}, "test.w", False, False),
        ({"branch": "w", "production": True}, {}, "prod.w", True, False),
        ({"branch": "w"}, {"branch": "w"}, "test.w", False, False),
    ],
)
def test_branches_of_a_project(written, options, branch, is_production, is_user):
    facts = declared(project(name="shop", **written), **options)
    assert facts.current == {
        "project_name": "shop",
        "branch_name": branch,
        "is_user_branch": is_user,
        "is_production": is_production,
        "project_flow_name": f"shop.{branch}.DemoFlow",
    }
    assert facts.system_tags == ("project:shop", f"project_branch:{branch}")
    assert facts.notes == (f"Project: *shop*, Branch: *{branch}*",)
    assert facts.project is not None
    assert facts.project.flow_name == f"shop.{branch}.DemoFlow"


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ({}, "`name` is missing"),
        ({"name": "Shop"}, "the name of a project"),
        ({"name": "a" * 129}, "the name of a project"),
        ({"name": 3}, "the name of a project"),
        ({"name": "a\n"}, "the name of a project"),
        ({"name": "a", "branch": "a-b"}, "the name of a branch"),
        ({"name": "a", "production": "yes"}, "True or False"),
    ],
)
def test_names_that_no_project_has(written, what):
    assert what in refused(project(**written))


@pytest.mark.parametrize(
    ("written", "options"),
    [({"branch": "a"}, {"branch": "b"}), ({"production": False}, {"production": True})],
)
def test_the_command_line_cannot_contradict_a_project(written, options):
    with pytest.raises(ProjectOptionConflict) as caught:
        declared(project(name="shop", **written), **options)
    assert caught.value.source_file == __file__


def test_a_user_branch_needs_a_user():
    with pytest.raises(MetaflowUnknownUser):
        declared(project(name="shop"), owner=None)
    assert declared(project(name="shop"), owner=None, production=True).project is not None


@pytest.mark.parametrize(
    ("written", "cron"),
    [
        ({}, "0 0 * * ? *"),
        ({"hourly": True}, "0 * * * ? *"),
        ({"weekly": True, "hourly": True}, "0 0 ? * SUN *"),
        ({"cron": "1 2 * * *", "weekly": True}, "1 2 * * *"),
    ],
)
def test_schedules(written, cron):
    assert declared(schedule(**written)).schedule == Schedule(cron)


def test_a_flow_that_is_never_due_has_no_schedule():
    assert declared(schedule(daily=False)).schedule is None


def test_functions_of_a_schedule_are_called_when_the_flow_is_deployed():
    made = schedule(cron=lambda context: context.cron, timezone=lambda: "Europe/Berlin")

    class Context:
        cron = "5 5 * * *"

    assert declared(made).schedule is None
    assert declared(made, context=Context()).schedule == Schedule("5 5 * * *", "Europe/Berlin")
    Context.cron = "nonsense"
    with pytest.raises(InvalidFlowDecorator):
        declared(made, context=Context())


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ({"cron": "99 * * * *"}, "`99` is no minute"),
        ({"cron": 5}, "`cron` is a string"),
        ({"timezone": "Mars/Olympus"}, "no such time zone"),
        ({"timezone": "../etc/passwd"}, "no such time zone"),
        ({"hourly": "yes"}, "`hourly` is True or False"),
    ],
)
def test_times_that_are_no_times(written, what):
    assert what in refused(schedule(**written))


def test_nobody_gives_a_required_parameter_to_a_scheduled_flow():
    needed = Parameter("needed", required=True)
    assert "`needed`" in refused(schedule(hourly=True), needed=needed)
    accepted(schedule(daily=False), needed=Parameter("needed", required=True))
    accepted(schedule, needed=Parameter("needed", required=True, default="x"))


@pytest.mark.parametrize(
    ("given", "events"),
    [
        ({"event": "a"}, [EventTrigger("a")]),
        ({"events": ["a", "b"]}, [EventTrigger("a"), EventTrigger("b")]),
        (
            {"event": {"name": "a", "parameters": {"size": "count"}}},
            [EventTrigger("a", (("size", "count"),))],
        ),
        (
            {"event": {"name": "a", "parameters": ["size", ("name", "who")]}},
            [EventTrigger("a", (("size", "size"), ("name", "who")))],
        ),
        ({"event": {"name": "a", "parameters": lambda: ["size"]}}, None),
    ],
)
def test_events(given, events):
    accepted(
        trigger(**given), size=Parameter("size", default=1), name_=Parameter("name", default="")
    )
    context = object()
    expected = [EventTrigger("a", (("size", "size"),))] if events is None else events
    assert declared(trigger(**given), context=context).events == tuple(expected)


def test_functions_of_triggers_are_called_when_the_flow_is_deployed():
    given = trigger(events=[lambda: "a", lambda context: {"name": context}, "c"])
    assert declared(given).events == ()
    found = declared(given, context="b").events
    assert found == (EventTrigger("a"), EventTrigger("b"), EventTrigger("c"))
    whole = trigger(events=lambda: ["a", "b"])
    accepted(whole)
    assert declared(whole, context=1).events == (EventTrigger("a"), EventTrigger("b"))
    flows = trigger_on_finish(flow=lambda: "p.user.ada.Up")
    assert declared(flows, context=1).finishes == (FinishTrigger("Up", "p", "user.ada"),)


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ({}, "it needs `event` or `events`"),
        ({"event": "a", "events": ["b"]}, "not both"),
        ({"events": "a"}, "`events` is a list"),
        ({"event": " "}, "at least one character"),
        ({"event": 3}, "a name, a dict or a function"),
        ({"event": {"parameters": {}}}, "needs a `name`"),
        ({"event": {"name": "a", "param": {}}}, "`param` is neither"),
        ({"event": {"name": "a", "parameters": {"nope": "x"}}}, "no parameter `nope`"),
        ({"event": {"name": "a", "parameters": [("size",)]}}, "names, and pairs"),
        ({"event": {"name": "a", "parameters": ["size", "size"]}}, "two fields"),
        ({"event": {"name": "a", "parameters": {"size": 3}}}, "named by strings"),
        ({"event": {"name": "a", "parameters": 3}}, "a dict, a list or a function"),
        ({"event": "a", "options": []}, "`options` is a dict"),
        ({"event": "a", "options": {"reset_at": {"cron": "x"}}}, "five fields"),
        ({"event": "a", "options": {"reset_at": "x"}}, "`reset_at` is a dict"),
        (
            {"event": "a", "options": {"reset_at": {"cron": "* * * * *", "timezone": "X"}}},
            "no such time zone",
        ),
    ],
)
def test_events_that_are_no_events(written, what):
    assert what in refused(trigger(**written), size=Parameter("size", default=1))


@pytest.mark.parametrize(
    ("given", "flows"),
    [
        ({"flow": "Up"}, [FinishTrigger("Up")]),
        ({"flow": "shop.prod.Up"}, [FinishTrigger("Up", "shop", "prod")]),
        ({"flow": "shop.user.ada.Up"}, [FinishTrigger("Up", "shop", "user.ada")]),
        ({"flows": ["A", "B"]}, [FinishTrigger("A"), FinishTrigger("B")]),
        (
            {"flow": {"name": "Up", "project": "shop", "project_branch": "prod"}},
            [FinishTrigger("Up", "shop", "prod")],
        ),
        ({"flow": {"name": lambda: "Up"}}, [FinishTrigger("Up")]),
    ],
)
def test_ends_of_flows(given, flows):
    accepted(trigger_on_finish(**given))
    assert declared(trigger_on_finish(**given), context=1).finishes == tuple(flows)


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ({}, "it needs `flow` or `flows`"),
        ({"flow": "shop.Up"}, "`project.branch.Flow`"),
        ({"flow": ["Up"]}, "a name, a dict or a function"),
        ({"flow": {"project": "shop"}}, "`name` is a string"),
        ({"flow": {"name": "Up", "branch": "b"}}, "`branch` is none of them"),
        ({"flow": {"name": "Up", "project": 3}}, "`project` is a string"),
    ],
)
def test_flows_that_are_no_flows(written, what):
    assert what in refused(trigger_on_finish(**written))


def test_a_trigger_option_names_a_run():
    made = trigger_on_finish(flow="Up")
    assert declared(made, trigger=("Up/1", "Up/2")).started_by == ("Up/1", "Up/2")
    for wrong in ("Up", "Up/1/start", "/1"):
        with pytest.raises(TriggerOptionInvalid):
            declared(made, trigger=(wrong,))


def test_exit_hooks_are_named_so_that_a_new_process_finds_them():
    made = [
        exit_hook(on_success=[hook, "hook"], on_error=["json.dumps"]),
        exit_hook(on_error=[hook]),
    ]
    accepted(*made)
    found = declared(*made).exit_hooks
    own = f"{__name__}.hook"
    assert [(one.function, one.on_success) for one in found] == [
        (own, True),
        ("hook", True),
        ("json.dumps", False),
        (own, False),
    ]


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ({}, "it needs `on_success` or `on_error`"),
        ({"on_success": hook}, "`on_success` is a list"),
        ({"on_success": [lambda: None]}, "top level of a file"),
        ({"on_success": [3]}, "a function or the name of one"),
        ({"on_error": ["nope"]}, "no function of this name"),
        ({"on_error": ["no-name"]}, "not the name of a function"),
        ({"on_error": ["nowhere_at_all.hook"]}, "no module `nowhere_at_all`"),
        ({"on_error": [hook], "options": 3}, "`options` is a dict"),
    ],
)
def test_exit_hooks_that_nobody_finds(written, what):
    assert what in refused(exit_hook(**written))


def test_an_event_belongs_to_a_branch_of_a_project(monkeypatch):
    name = namespaced_event_name("news")
    monkeypatch.setattr(
        ambient, "current", {"extras": {"project_name": "p", "branch_name": "prod"}}
    )
    assert name(None) == name() == "mfns.p.prod.news"
    monkeypatch.setattr(ambient, "current", None)
    assert name() == "mfns.news"


def test_what_needs_a_back_end_says_so():
    assert declared(conda_base(packages={"a": "1"})).unavailable[0].decorator == "conda_base"
    assert declared(conda_base(python="3.12")).unavailable
    assert declared(conda_base).unavailable == ()
    off = declared(conda_base(packages={"a": "1"}, disabled=True))
    assert (off.unavailable, off.disabled) == ((), ("conda_base",))


def test_sensors_are_handed_on():
    facts = declared(airflow_s3_key_sensor(bucket_key="s3://b/k"))
    (sensor,) = facts.sensors
    assert (sensor.kind, sensor.attributes["bucket_key"]) == ("airflow_s3_key_sensor", "s3://b/k")
    assert "`bucket_key` is missing" in refused(airflow_s3_key_sensor)


def test_errors_are_of_the_framework():
    assert issubclass(InvalidFlowDecorator, MetaflowException)
