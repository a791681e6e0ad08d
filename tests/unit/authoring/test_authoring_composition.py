"""Composing a flow class: what mutators and decorators of users change, and what stays."""

from __future__ import annotations

from importlib import import_module

import pytest

from metaflow import (
    Config,
    FlowMutator,
    FlowSpec,
    Parameter,
    StepMutator,
    UserStepDecorator,
    config_expr,
    retry,
    step,
    timeout,
    user_step_decorator,
)
from metaflow.authoring.composition import begin, finish
from metaflow.authoring.constants import seal_parameters
from metaflow.authoring.flowspec import flow_graph
from metaflow.authoring.mutable import MutableFlow, MutableStep
from metaflow.authoring.older_names import OLDER_NAMES
from metaflow.authoring.parameters import collect_parameters
from metaflow.authoring.steps import step_functions, step_name
from metaflow.errors.custom import (
    CustomCodeFailed,
    CustomDecoratorInvalid,
    DecoratorAmbiguous,
    MutationConflict,
    MutationNotAllowed,
)
from metaflow.errors.definition import (
    BadFlowDecoratorException,
    BadStepDecoratorException,
    DuplicateStepDecoratorException,
    UnknownStepDecoratorException,
)


@user_step_decorator
def marked(step_name, flow, inputs=None, attributes=None):
    yield


@user_step_decorator
def bare(step_name, flow, inputs):
    yield


class Base(FlowSpec):
    shared = Parameter("shared", default=1)

    @retry(times=1)
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


def names(flow, name="start"):
    return [decorator.name for decorator in dict(step_functions(flow))[name].decorators]


# ── one class is composed, the others are not ────────────────────────────────────────────────


def test_what_is_added_to_one_flow_reaches_no_other():
    class One(Base):
        pass

    class Two(Base):
        pass

    finish(One, ["timeout:seconds=1", f"{__name__}.marked"])
    finish(Two, ["catch"])
    assert names(One) == ["retry", "timeout", "marked"]
    assert names(Two) == ["retry", "catch"]
    assert names(Base) == ["retry"]

    class Three(One):
        pass

    assert names(Three) == ["retry"]
    finish(Base, ["resources"])
    finish(Three, [])
    assert names(Three) == ["retry"]


def test_composing_anew_starts_from_the_source():
    class Again(Base):
        pass

    finish(Again, ["timeout:seconds=1"])
    first = Again.start
    finish(Again, ["timeout:seconds=1"])
    assert Again.start is first
    finish(Again, ["catch"])
    assert names(Again) == ["retry", "catch"]
    finish(Again, [])
    assert names(Again) == ["retry"]


def test_the_steps_of_a_composed_flow_are_still_its_steps():
    class Diamond(Base):
        @step
        def start(self):
            super().start()

    before = [name for name, _ in step_functions(Diamond)]
    graph = flow_graph(Diamond)
    finish(Diamond, ["timeout:seconds=1"])
    assert [name for name, _ in step_functions(Diamond)] == before
    assert graph["start"].function is Diamond.start
    assert [d.name for d in graph["end"].decorators] == ["timeout"]
    assert step_name(Diamond, Diamond.end) == step_name(Diamond, Base.end) == "end"
    assert step_name(Diamond, Base.start) is None
    assert Diamond.start.__doc__ == Base.start.__doc__
    assert Diamond.end.__name__ == "end"


def test_a_composed_base_class_does_not_hide_what_its_sibling_overrides():
    class Left(Base):
        pass

    class Right(Base):
        @step
        def end(self):
            """Of the right one."""

    finish(Left, ["timeout:seconds=1"])

    class Both(Left, Right):
        pass

    finish(Both, ["catch"])
    assert Both.end.__doc__ == "Of the right one."
    assert names(Both, "end") == ["catch"]


# ── finding decorators by name ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "name", ["marked", f"{__name__}.marked", f"{__name__.split('.')[-1]}.marked"]
)
def test_custom_decorators_are_found(name):
    class Found(Base):
        pass

    finish(Found, [f"{name}:k=2,text=x y"])
    assert Found.start.decorators[-1].attributes == {"k": 2, "text": "x y"}


def test_a_module_is_imported_for_its_decorator(tmp_path, monkeypatch):
    (tmp_path / "far_away.py").write_text(
        "from metaflow import user_step_decorator\n"
        "@user_step_decorator\n"
        "def distant(step_name, flow, inputs):\n    yield\n"
        "@user_step_decorator\n"
        "def marked(step_name, flow, inputs):\n    yield\n"
    )
    (tmp_path / "broken_far_away.py").write_text("import no_such_module_at_all\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    class Imported(Base):
        pass

    finish(Imported, ["far_away.distant"])
    assert names(Imported)[-1] == "distant"
    with pytest.raises(DecoratorAmbiguous, match=r"`far_away.marked` and `.*\.marked`"):
        finish(Imported, ["marked"])
    finish(Imported, ["far_away.marked"])
    with pytest.raises(ModuleNotFoundError):
        finish(Imported, ["broken_far_away.x"])
    from metaflow.authoring import custom_base

    for name in [name for name in custom_base.LOADED if name.startswith("far_away")]:
        del custom_base.LOADED[name]


@pytest.mark.parametrize("name", ["no_such", "no.such.module", "os.path", f"{__name__}.Base"])
def test_unknown_decorators_are_told_with_the_known_ones(name):
    with pytest.raises(UnknownStepDecoratorException, match=r"`bare`.*`retry`"):
        finish(Base, [name])


def test_a_step_keeps_the_custom_decorator_that_it_has():
    class Kept(FlowSpec):
        @marked(k=1)
        @marked
        @step
        def start(self):
            pass

    finish(Kept, ["marked:k=3"])
    assert [d.attributes for d in Kept.start.decorators] == [{}, {"k": 1}]


# ── wrong use ────────────────────────────────────────────────────────────────────────────────


def test_custom_decorators_stand_on_steps():
    with pytest.raises(BadStepDecoratorException, match="`@marked` is applied to `f`"):

        @marked
        def f(self):
            pass

    with pytest.raises(BadStepDecoratorException):

        @marked(k=1)
        def g(self):
            pass

    class Of(FlowMutator):
        pass

    with pytest.raises(BadFlowDecoratorException):
        Of()(dict)


def test_arguments_need_something_that_takes_them():
    for wrong in (lambda: bare(k=1), lambda: type("M", (StepMutator,), {})(1)):
        with pytest.raises(CustomDecoratorInvalid, match="takes no arguments"):
            wrong()

    class Positional(FlowSpec):
        @marked(1)
        @step
        def start(self):
            pass

    with pytest.raises(CustomDecoratorInvalid, match="need names"):
        finish(Positional, [])


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (lambda step_name, flow, inputs: None, "not a generator"),
        (lambda flow: (yield), "it takes `step_name, flow, inputs`"),
        (print, "not a generator"),
    ],
)
def test_a_generator_is_needed(function, problem):
    with pytest.raises(CustomDecoratorInvalid, match=problem):
        user_step_decorator(function)


def test_a_failing_mutator_is_named_with_the_users_lines():
    class Failing(StepMutator):
        def mutate(self, mutable_step):
            raise ZeroDivisionError("oh")

    class Fails(FlowSpec):
        @Failing
        @step
        def start(self):
            pass

    with pytest.raises(CustomCodeFailed, match="`mutate` of `Failing`") as caught:
        finish(Fails, [])
    assert "authoring" + "/custom_base" not in caught.value.trace
    assert 'raise ZeroDivisionError("oh")' in caught.value.trace


# ── mutators ─────────────────────────────────────────────────────────────────────────────────


def mutated(early=None, late=None, base=Base, above=()):
    """Compose a flow with a mutator that calls these functions."""

    class Calls(FlowMutator):
        def pre_mutate(self, mutable_flow):
            assert self._flow_cls.__name__ == "Mutated"
            if early is not None:
                early(mutable_flow)

        def mutate(self, mutable_flow):
            if late is not None:
                late(mutable_flow)

    class Mutated(base):
        CONSTANT = 1

    for each in above:
        Mutated = each(Mutated)  # noqa: N806
    Mutated = Calls(Mutated)  # noqa: N806
    finish(Mutated, [])
    assert Mutated._flow_cls is Mutated(use_cli=False)._flow_cls is Mutated
    return Mutated


def test_mutators_are_called_in_order():
    calls = []

    class Told(FlowMutator):
        def init(self, name):
            self.name = name

        def pre_mutate(self, mutable_flow):
            calls.append(f"early {self.name}")
            if self.name == "base":
                mutable_flow.add_decorator(Added("added"))
                mutable_flow.start.add_decorator(AddedToStep, deco_kwargs={"name": "step added"})

        def mutate(self, mutable_flow):
            calls.append(f"late {self.name}")

    class ToldOfStep(StepMutator):
        def init(self, name):
            self.name = name

        def pre_mutate(self, mutable_step):
            assert self._my_step.name == mutable_step.name
            calls.append(f"early {self.name}")

        def mutate(self, mutable_step):
            calls.append(f"late {self.name}")

    class Added(Told):
        pass

    class AddedToStep(ToldOfStep):
        pass

    @Told("base")
    class Parent(FlowSpec):
        @ToldOfStep("step")
        @step
        def start(self):
            pass

    @Told("own")
    class Child(Parent):
        pass

    order = ["base", "own", "added", "step", "step added"]
    finish(Child, [])
    assert calls == [f"early {n}" for n in order] + [f"late {n}" for n in order]
    del calls[:]
    finish(Child, ["catch"])
    assert calls == [f"early {n}" for n in order] + [f"late {n}" for n in order]


def test_arguments_of_mutators_may_come_from_configs():
    seen = []

    class Takes(FlowMutator):
        def init(self, *args, **kwargs):
            seen.append((args, kwargs))

    @Takes(config_expr("cfg.a"), b=config_expr("cfg"))
    class Configured(Base):
        cfg = Config("cfg")

    begin(Configured, {"cfg": {"a": 1}})
    assert seen == [((1,), {"b": {"a": 1}})]


def test_parameters_are_added_and_removed():
    def early(flow):
        flow.add_parameter("extra", Parameter("extra", default=2))
        assert flow.remove_parameter("shared") is True
        assert flow.remove_parameter("nowhere") is False
        assert [name for name, _ in flow.parameters] == ["extra"]
        assert flow.extra.default == 2

    flow = mutated(early)
    seal_parameters(flow)
    assert [name for name, _ in collect_parameters(flow)] == ["extra"]
    assert [name for name, _ in collect_parameters(Base)] == ["shared"]
    assert not hasattr(flow, "shared")
    assert not hasattr(flow(use_cli=False), "shared")

    class Child(flow):
        pass

    assert [name for name, _ in collect_parameters(Child)] == ["shared"]


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (lambda f: f.add_parameter("shared", Parameter("s")), MutationConflict, "already"),
        (lambda f: f.add_parameter("CONSTANT", Parameter("s")), MutationConflict, "not a param"),
        (lambda f: f.add_parameter("start", Parameter("s")), MutationConflict, "not a parameter"),
        (lambda f: f.add_parameter("x", 3), MutationConflict, "not a Parameter"),
        (lambda f: f.start.add_decorator(3), MutationConflict, "`3` is not a decorator"),
        (
            lambda f: f.start.add_decorator("retry:times=1", deco_kwargs={"times": 2}),
            MutationConflict,
            "both in its text and besides",
        ),
        (
            lambda f: f.start.add_decorator("retry", deco_args=[1]),
            MutationConflict,
            "keyword arguments only",
        ),
        (lambda f: f.start.add_decorator("retyr"), UnknownStepDecoratorException, "retry"),
        (
            lambda f: f.start.add_decorator(retry, duplicates=f.ERROR),
            DuplicateStepDecoratorException,
            "more than once",
        ),
        (lambda f: f.remove_decorator("Calls"), MutationNotAllowed, "cannot be removed"),
        (lambda f: f.nothing, CustomCodeFailed, "no step, parameter or config 'nothing'"),
    ],
)
def test_changes_that_cannot_be(change, error, text):
    with pytest.raises(error, match=text):
        mutated(change)


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.add_parameter("x", Parameter("x")),
        lambda f: f.remove_parameter("shared"),
        lambda f: f.add_decorator("project", deco_kwargs={"name": "x"}),
        lambda f: f.remove_decorator("project"),
        lambda f: f.start.add_decorator(type("M", (StepMutator,), {})),
    ],
)
def test_changes_that_come_too_late(change):
    with pytest.raises(MutationNotAllowed, match="only allowed in the `pre_mutate`"):
        mutated(late=change)


def test_an_existing_parameter_is_replaced_on_demand():
    flow = mutated(lambda f: f.add_parameter("shared", Parameter("s", default=7), overwrite=True))
    assert [(n, p.default) for n, p in collect_parameters(flow)] == [("shared", 7)]
    assert collect_parameters(Base)[0][1].default == 1


def test_decorators_of_steps_are_added_replaced_and_removed():
    def late(flow):
        start = flow.start
        assert start.add_decorator("retry", deco_kwargs={"times": 4}) is None
        made = start.add_decorator(retry, deco_kwargs={"times": 4}, duplicates=start.OVERRIDE)
        assert made.attributes["times"] == 4
        assert made.inserted_by == [f"{__name__}.mutated.<locals>.Calls"]
        assert made.statically_defined
        assert start.add_decorator("retry", duplicates=MutableStep.IGNORE) is None
        added = start.add_decorator(marked, deco_kwargs={"k": 1})
        assert isinstance(added, UserStepDecorator)
        assert start.add_decorator("marked:k=2") is None
        specs = list(start.decorator_specs)
        assert specs == [
            ("retry", "metaflow.plugins.retry_decorator.RetryDecorator", [], {"times": 4}),
            ("marked", f"{__name__}.marked", [], {"k": 1}),
        ]
        assert start.has_decorator("retry")
        assert start.has_decorator("metaflow.plugins.retry_decorator.RetryDecorator")
        assert start.has_decorator("metaflow.decorators.retry.RetryDecorator")
        assert not start.has_decorator("decorators.retry.RetryDecorator")
        assert start.get_decorator_specs(f"{__name__}.marked") == specs[1:]
        assert start.remove_decorator("retry", deco_kwargs={"times": 3}) is False
        assert start.remove_decorator("marked", deco_args=[], deco_kwargs={"k": 1}) is True
        assert flow.end.add_decorator(timeout, deco_kwargs={"seconds": 3}) is not None
        assert flow.end.remove_decorator("timeout") is True
        assert flow.end.flow is flow

    flow = mutated(late=late)
    assert names(flow) == ["retry"]
    assert flow.start.decorators[0].given == {"times": 4}
    assert Base.start.decorators[0].given == {"times": 1}


@pytest.mark.parametrize("qualified", [*OLDER_NAMES, *OLDER_NAMES.values()])
def test_built_in_decorators_are_known_by_both_of_their_paths(qualified):
    module, _, name = qualified.rpartition(".")
    kind = getattr(import_module(module), name)

    def late(flow):
        assert type(flow.end.add_decorator(qualified)) is kind
        assert flow.end.add_decorator(kind) is None
        (spec,) = flow.end.get_decorator_specs(qualified)
        assert spec[:2] == (kind.name, OLDER_NAMES.get(qualified, qualified))
        assert flow.end.remove_decorator(qualified) is True
        assert not flow.end.has_decorator(kind.name)

    mutated(late=late)


def test_a_flow_decorator_is_added_by_its_path():
    path = "metaflow.decorators.project.ProjectDecorator"

    def early(flow):
        assert flow.add_decorator(f"{path}:name=p").given == {"name": "p"}
        assert flow.has_decorator(path)
        assert flow.remove_decorator(path) is True

    mutated(early=early)


def test_decorators_of_flows_are_added_and_removed():
    from metaflow.authoring.flow_decorators import flow_decorators

    def early(flow):
        assert isinstance(flow, MutableFlow)
        assert flow.add_decorator("project:name=one") is not None
        assert flow.add_decorator("project", deco_kwargs={"name": "two"}) is None
        assert flow.has_decorator("project")
        assert flow.get_decorator_specs("project")[0][3] == {"name": "one"}
        assert flow.has_decorator("Calls")
        again = flow.add_decorator("project", deco_kwargs={"name": "two"}, duplicates=flow.OVERRIDE)
        assert again.attributes["name"] == "two"
        assert flow.add_decorator("schedule", deco_kwargs={"daily": True}) is not None
        assert flow.remove_decorator("schedule") is True
        assert flow.remove_decorator("schedule") is False

    flow = mutated(early)
    assert [d.attributes["name"] for d in flow_decorators(flow)] == ["two"]
    assert flow_decorators(Base) == []


def test_a_class_is_mutator_and_decorator_at_once():
    calls = []

    class Both(UserStepDecorator, StepMutator):
        def init(self, k=1):
            self.k = k

        def mutate(self, mutable_step):
            calls.append((self.k, mutable_step.name))

    class Uses(FlowSpec):
        @Both(k=3)
        @step
        def start(self):
            pass

    finish(Uses, [])
    assert calls == [(3, "start")]
    assert Uses.start.decorators[0].custom.k == 3
