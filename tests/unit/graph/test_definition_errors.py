"""Errors about a flow's definition say what is wrong, where, and what to do."""

import pickle

import pytest

from metaflow.errors import definition
from metaflow.errors.base import MetaflowException
from metaflow.errors.definition import (
    BadFlowDecoratorException,
    BadStepDecoratorException,
    DuplicateFlowDecoratorException,
    DuplicateStepDecoratorException,
    GraphFault,
    InvalidDecoratorAttribute,
    InvalidNextException,
    LintWarn,
    MissingInMergeArtifactsException,
    SourceUnavailable,
    UnhandledInMergeArtifactsException,
    UnknownFlowDecoratorException,
    UnknownStepDecoratorException,
    closest,
    quoted,
)


def place():
    pass


LINE = place.__code__.co_firstlineno

ERRORS = [
    (
        InvalidNextException("a", "`self.x` has no items", 7, "flow.py"),
        "Invalid self.next() transition detected",
        "Step `a` cannot go on: `self.x` has no items.",
    ),
    (
        BadStepDecoratorException("retry", place),
        "Syntax error",
        "Decorator `@retry` is applied to `place`, which is not a step.",
    ),
    (
        BadFlowDecoratorException("project", place),
        "Syntax error",
        "Flow decorator `@project` is applied to `place`, which is not a subclass of `FlowSpec`.",
    ),
    (
        DuplicateStepDecoratorException("retry", place),
        "Duplicate decorators",
        "Step `place` has the decorator `@retry` more than once.",
    ),
    (
        DuplicateFlowDecoratorException("project", "F"),
        "Duplicate decorators",
        "Flow `F` has the decorator `@project` more than once.",
    ),
    (
        UnknownStepDecoratorException("rety", ["timeout", "retry"]),
        "Unknown step decorator",
        "There is no decorator `rety`. The known ones are `retry` and `timeout`.",
    ),
    (
        UnknownFlowDecoratorException("x"),
        "Unknown flow decorator",
        "There is no decorator `x`.",
    ),
    (
        InvalidDecoratorAttribute("retry", "time", {"times": 3, "minutes_between_retries": 2}),
        "Unknown decorator attribute",
        (
            "Decorator `retry` does not have the attribute `time`. "
            "It takes `minutes_between_retries` and `times`."
        ),
    ),
    (
        InvalidDecoratorAttribute("parallel", "n"),
        "Unknown decorator attribute",
        "Decorator `parallel` does not have the attribute `n`. It takes none.",
    ),
    (
        UnhandledInMergeArtifactsException(["x", "y", "x"], "join"),
        "Unhandled artifacts in merge",
        (
            "The inputs of step `join` have different values for `x` and `y`, "
            "so they cannot be merged."
        ),
    ),
    (
        MissingInMergeArtifactsException(["x"], "join"),
        "Missing artifacts in merge",
        "`merge_artifacts` is to include `x`, which none of the inputs of step `join` has.",
    ),
    (
        SourceUnavailable("F", "a", "x.py", 3, "it is gone"),
        "Source code not available",
        (
            "The graph of flow `F` is read from the source of its steps, "
            "but the source of step `a` is not available: it is gone."
        ),
    ),
    (
        LintWarn.of([GraphFault("Wrong.", "x.py", 3, "a", "do better")]),
        "Validity checker found an issue",
        "Wrong.",
    ),
]


@pytest.mark.parametrize(("error", "headline", "message"), ERRORS)
def test_headline_and_sentence(error, headline, message):
    assert isinstance(error, MetaflowException)
    assert error.headline == headline
    assert error.message == message


@pytest.mark.parametrize(("error", "headline", "message"), ERRORS)
def test_errors_survive_pickling(error, headline, message):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert vars(again) == vars(error)
    assert str(again) == str(error)


def test_every_error_is_tested():
    defined = {
        value
        for value in vars(definition).values()
        if isinstance(value, type)
        and issubclass(value, MetaflowException)
        and value.__module__ == definition.__name__
        and not value.__name__.startswith("_")
    }
    assert defined == {type(error) for error, _, _ in ERRORS}


@pytest.mark.parametrize(
    "error",
    [BadStepDecoratorException("retry", place), DuplicateStepDecoratorException("x", place)],
)
def test_errors_about_a_function_point_to_it(error):
    assert (error.line_no, error.source_file) == (LINE, __file__)


def test_errors_about_other_things_have_no_place():
    error = BadStepDecoratorException("retry", 7)
    assert (error.line_no, error.source_file) == (None, None)
    assert "`7`" in error.message
    assert error.hint == "give arguments by name, as in `@retry(name=value)`"
    assert "is given `7`" in BadFlowDecoratorException("project", 7).message
    assert "an object" in BadFlowDecoratorException("project", object()).message


def test_names_of_artifacts_do_not_repeat():
    assert UnhandledInMergeArtifactsException(["x", "y", "x"]).artifact_names == ["x", "y"]
    assert MissingInMergeArtifactsException(iter("ab")).artifact_names == ["a", "b"]


def test_misspelled_names_are_guessed():
    assert UnknownStepDecoratorException("rety", ["retry", "x"]).hint == "did you mean `retry`?"
    assert UnknownStepDecoratorException("zzz", ["retry", "x"]).hint is None
    assert InvalidDecoratorAttribute("retry", "time", ["times"]).hint == "did you mean `times`?"
    assert closest("TRAIN", ["test", "train"]) == "train"
    assert closest("x", []) is None


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["a"], "`a`"), (["a", "b"], "`a` and `b`"), (["a", "b", "c"], "`a`, `b` and `c`")],
)
def test_enumerations(names, text):
    assert quoted(names) == text


def test_single_fault_lends_its_place_and_hint():
    error = LintWarn.of([GraphFault("Wrong.", "x.py", 3, "a", "do better")])
    assert (error.source_file, error.line_no, error.hint) == ("x.py", 3, "do better")


def test_lint_error_of_an_outside_check():
    error = LintWarn("Names are too short.", 7, "x.py")
    assert (error.message, error.line_no, error.source_file) == ("Names are too short.", 7, "x.py")
    assert error.faults == ()


def test_fault_as_text():
    fault = GraphFault("Wrong.", "x.py", 3, "a", "do better")
    assert str(fault) == "Wrong.\n  in x.py, line 3, step `a`\n  hint: do better"
    assert str(GraphFault("Wrong.", "x.py", None)) == "Wrong.\n  in x.py"
    assert str(GraphFault("Wrong.", None, None)) == "Wrong."
