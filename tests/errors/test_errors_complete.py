"""Every error that programs can catch by a documented name has a test that raises it."""

from __future__ import annotations

import importlib

import pytest
import test_errors_of_programs
from errors_of_flows import FLOWS

from metaflow import exception

DOCUMENTED = {
    "metaflow.exception": (
        "CommandException",
        "ExternalCommandFailed",
        "InvalidDecoratorAttribute",
        "MetaflowDataMissing",
        "MetaflowException",
        "MetaflowExceptionWrapper",
        "MetaflowInternalError",
        "MetaflowInvalidPathspec",
        "MetaflowNamespaceMismatch",
        "MetaflowNotFound",
        "MetaflowTaggingError",
        "MetaflowUnknownUser",
        "MissingInMergeArtifactsException",
        "ParameterFieldFailed",
        "ParameterFieldTypeMismatch",
        "UnhandledInMergeArtifactsException",
    ),
    "metaflow.decorators": (
        "BadFlowDecoratorException",
        "BadStepDecoratorException",
        "DuplicateFlowDecoratorException",
        "DuplicateStepDecoratorException",
        "UnknownFlowDecoratorException",
        "UnknownStepDecoratorException",
    ),
    "metaflow.datastore.exceptions": ("DataException", "UnpicklableArtifactException"),
    "metaflow.flowspec": ("InvalidNextException",),
    "metaflow.lint": ("LintWarn",),
    "metaflow.multicore_utils": ("MulticoreException",),
    "metaflow.package": ("NonUniqueFileNameToFilePathMappingException",),
    "metaflow.plugins.catch_decorator": ("FailureHandledByCatch",),
    "metaflow.plugins.timeout_decorator": ("TimeoutException",),
    "metaflow.runner.nbrun": ("NBRunnerInitializationError",),
}
BY_PROGRAMS = {
    "DataException": "test_data_exception",
    "FailureHandledByCatch": "test_failure_handled_by_catch",
    "MetaflowDataMissing": "test_data_missing",
    "MetaflowExceptionWrapper": "test_exception_wrapper",
    "MetaflowInvalidPathspec": "test_invalid_pathspec",
    "MetaflowNamespaceMismatch": "test_namespace_mismatch",
    "MetaflowNotFound": "test_not_found",
    "MetaflowTaggingError": "test_tagging_error",
    "NBRunnerInitializationError": "test_nb_runner_without_a_notebook",
}
ELSEWHERE = {"RunFailed", "RunNotStarted", "RunTimedOut"}
"""What `Runner` and `run_flow` raise: tests/flows/test_flow_runner.py."""


@pytest.mark.parametrize("module", DOCUMENTED)
def test_all_are_there_and_tested(module):
    tested = {wrong.error for wrong in FLOWS} | BY_PROGRAMS.keys()
    for name in DOCUMENTED[module]:
        assert issubclass(getattr(importlib.import_module(module), name), Exception)
        assert name in tested, f"no test raises {name}"


def test_tests_exist():
    for name in BY_PROGRAMS.values():
        assert callable(getattr(test_errors_of_programs, name))


def test_no_error_is_left_out():
    public = {name for name in exception.__all__ if not name.startswith("METAFLOW_EXIT")}
    assert public == {*DOCUMENTED["metaflow.exception"], *ELSEWHERE}
