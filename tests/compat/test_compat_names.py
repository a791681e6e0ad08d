"""The names that programs import: from the package, and by the paths they are documented at."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import metaflow

PACKAGE = Path(metaflow.__file__).parent

PUBLIC = {
    "Config",
    "ConfigValue",
    "DataArtifact",
    "DeployedFlow",
    "Deployer",
    "Flow",
    "FlowMutator",
    "FlowSpec",
    "IncludeFile",
    "JSONType",
    "JSONTypeClass",
    "Metaflow",
    "NBDeployer",
    "NBRunner",
    "Parameter",
    "Run",
    "Runner",
    "Step",
    "StepMutator",
    "Task",
    "USER_SKIP_STEP",
    "UserStepDecorator",
    "__version__",
    "airflow_external_task_sensor",
    "airflow_internal",
    "airflow_s3_key_sensor",
    "argo_workflows_internal",
    "batch",
    "card",
    "catch",
    "conda",
    "conda_base",
    "conda_environment_yml_parser",
    "config_expr",
    "current",
    "default_metadata",
    "default_namespace",
    "environment",
    "exit_hook",
    "get_metadata",
    "get_namespace",
    "inspect_spin",
    "kubernetes",
    "metadata",
    "namespace",
    "namespaced_event_name",
    "parallel",
    "parallel_imap_unordered",
    "parallel_map",
    "profile",
    "project",
    "pypi",
    "pypi_base",
    "pyproject_toml_parser",
    "pytorch_parallel",
    "requirements_txt_parser",
    "resources",
    "retry",
    "run_flow",
    "schedule",
    "secrets",
    "step",
    "step_functions_internal",
    "timeout",
    "trigger",
    "trigger_on_finish",
    "unbounded_test_foreach_internal",
    "user_step_decorator",
    "yaml_parser",
}

CLIENT = {
    "DataArtifact",
    "Flow",
    "Metaflow",
    "Run",
    "Step",
    "Task",
    "default_metadata",
    "default_namespace",
    "get_metadata",
    "get_namespace",
    "metadata",
    "namespace",
}

PATHS = {
    "metaflow.R": {"run", "use_r"},
    "metaflow.client": CLIENT,
    "metaflow.client.core": CLIENT | {"Metadata", "MetaflowCode", "MetaflowData"},
    "metaflow.datastore.exceptions": {"DataException", "UnpicklableArtifactException"},
    "metaflow.events": {"MetaflowEvent", "Trigger"},
    "metaflow.exception": {
        "CommandException",
        "ExternalCommandFailed",
        "InvalidDecoratorAttribute",
        "METAFLOW_EXIT_ALLOW_RETRY",
        "METAFLOW_EXIT_DISALLOW_RETRY",
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
        "RunFailed",
        "RunNotStarted",
        "RunTimedOut",
        "UnhandledInMergeArtifactsException",
    },
    "metaflow.flowspec": {"FlowSpec", "InvalidNextException"},
    "metaflow.lint": {"LintWarn", "linter"},
    "metaflow.integrations": {"ArgoEvent"},
    "metaflow.includefile": {"IncludedFile"},
    "metaflow.metaflow_current": {"current"},
    "metaflow.metaflow_version": {"get_version"},
    "metaflow.multicore_utils": {"MulticoreException", "parallel_imap_unordered", "parallel_map"},
    "metaflow.parameters": {"JSONTypeClass", "ParameterContext"},
    "metaflow.package": {"MetaflowPackage", "NonUniqueFileNameToFilePathMappingException"},
    "metaflow.packaging_sys": {"ContentType"},
    "metaflow.plugins": {"InternalTestUnboundedForeachInput"},
    "metaflow.plugins.parallel_decorator": {"ParallelDecorator"},
    "metaflow.unbounded_foreach": {"UnboundedForeachInput"},
    "metaflow.plugins.catch_decorator": {"FailureHandledByCatch"},
    "metaflow.plugins.environment_decorator": {"EnvironmentDecorator"},
    "metaflow.plugins.package_suffixes_mutator": {"package_suffixes"},
    "metaflow.plugins.resources_decorator": {"ResourcesDecorator"},
    "metaflow.plugins.retry_decorator": {"RetryDecorator"},
    "metaflow.plugins.secrets": {"SecretsProvider", "get_secret"},
    "metaflow.plugins.timeout_decorator": {"TimeoutException"},
    "metaflow.runner.click_api": {
        "MetaflowAPI",
        "click_to_python_types",
        "extract_all_params",
        "loaded_modules",
    },
    "metaflow.runner.deployer": {"DeployedFlow", "Deployer", "TriggeredRun"},
    "metaflow.runner.metaflow_runner": {"ExecutingRun", "ExecutingTask", "Runner"},
    "metaflow.runner.nbdeploy": {"NBDeployer", "NBDeployerInitializationError"},
    "metaflow.runner.nbrun": {"NBRunner", "NBRunnerInitializationError"},
    "metaflow.tagging_util": {"MAX_TAG_SIZE", "validate_tag", "validate_tags"},
    "metaflow.util": {"get_username", "is_stringish", "resolve_identity", "to_pod"},
}

HEAVY = {"click", "numpy", "pandas", "rich", "sqlite3"}

DYING_FLOW = """
import os, signal, time
from metaflow import FlowSpec, catch, step, timeout

class DyingFlow(FlowSpec):
    @catch(var="death", print_exception=False)
    @step
    def start(self):
        os.kill(os.getpid(), signal.SIGKILL)
        self.next(self.end)

    @catch(var="lateness", print_exception=False)
    @timeout(seconds=0.01)
    @step
    def end(self):
        while True:
            time.sleep(1)

if __name__ == "__main__":
    DyingFlow()
"""


def python(folder: Path, *arguments: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("METAFLOW")}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=kept | {"METAFLOW_USER": "ann", "METAFLOW_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def loaded_by(folder: Path, statement: str) -> set[str]:
    """Import in a fresh interpreter and return all modules that are then loaded."""
    return set(python(folder, "-c", f"{statement}\nimport sys\nprint(*sys.modules)").split())


def test_the_package_has_all_public_names():
    assert set(metaflow.__all__) >= PUBLIC
    assert set(dir(metaflow)) >= PUBLIC


@pytest.mark.parametrize("name", sorted(metaflow.__all__))
def test_each_public_name_resolves(name):
    assert getattr(metaflow, name) is not None


def test_a_star_import_brings_all_names(tmp_path):
    printed = python(tmp_path, "-c", "from metaflow import *\nprint(*globals())")
    assert set(printed.split()) >= PUBLIC


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Flowspec"):
        _ = metaflow.Flowspec


@pytest.mark.parametrize(
    ("path", "name"), [(path, name) for path, names in PATHS.items() for name in sorted(names)]
)
def test_each_documented_path_has_its_names(path, name):
    module = import_module(path)
    assert getattr(module, name) is not None
    assert name in module.__all__


@pytest.mark.parametrize("name", sorted(CLIENT))
def test_the_package_and_the_client_name_the_same_things(name):
    assert getattr(metaflow, name) is getattr(import_module("metaflow.client"), name)


def test_no_folder_or_module_takes_a_public_name():
    # Importing a submodule sets an attribute of that name on the package.
    taken = {entry.stem for entry in PACKAGE.iterdir()}
    assert not taken & set(metaflow.__all__)


def test_importing_the_package_loads_next_to_nothing(tmp_path):
    loaded = loaded_by(tmp_path, "import metaflow")
    assert not loaded & HEAVY
    assert {name for name in loaded if name.startswith("metaflow")} == {"metaflow"}


def test_what_a_flow_file_imports_loads_nothing_heavy(tmp_path):
    names = "FlowSpec, Parameter, catch, current, retry, step, timeout"
    assert not loaded_by(tmp_path, f"from metaflow import {names}") & HEAVY


@pytest.mark.parametrize("path", [*PATHS, "metaflow.metaflow_config"])
def test_a_legacy_path_loads_nothing_heavy(tmp_path, path):
    reads = path.startswith(("metaflow.client", "metaflow.events"))
    allowed = {"sqlite3"} if reads else set()
    if path.startswith("metaflow.runner"):  # knows the command line, and reads runs back
        allowed = {"click", "sqlite3"}
    assert not loaded_by(tmp_path, f"import {path}") & (HEAVY - allowed)


def test_settings_can_be_imported(tmp_path):
    (tmp_path / ".metaflow").mkdir()
    (tmp_path / ".metaflow" / "config.json").write_text(
        '{"METAFLOW_DATASTORE_SYSROOT_LOCAL": "/somewhere", "METAFLOW_DEFAULT_DECOSPECS": "retry"}'
    )
    printed = python(
        tmp_path,
        "-c",
        "from metaflow import metaflow_config as c\n"
        "from metaflow.metaflow_config import *\n"
        "print(DATASTORE_SYSROOT_LOCAL, DEFAULT_DECOSPECS, DEFAULT_METADATA,"
        " DEFAULT_PACKAGE_SUFFIXES, MAX_ATTEMPTS, USER, set(c.__all__) <= set(dir(c)),"
        " hasattr(c, 'NOT_A_SETTING'))",
    )
    assert printed == "/somewhere retry local .py,.R,.RDS 6 ann True False\n"


def test_settings_of_back_ends_are_what_somebody_has_set(tmp_path):
    (tmp_path / ".metaflow").mkdir()
    (tmp_path / ".metaflow" / "config.json").write_text(
        '{"METAFLOW_SERVICE_URL": "http://there", "METAFLOW_DEBUG_S3CLIENT": "1"}'
    )
    printed = python(
        tmp_path,
        "-c",
        "from metaflow.metaflow_config import DATASTORE_SYSROOT_S3, DEBUG_S3CLIENT, SERVICE_URL\n"
        "from metaflow.metaflow_config import DEFAULT_SECRETS_BACKEND_TYPE, SERVICE_HEADERS\n"
        "print(DATASTORE_SYSROOT_S3, DEBUG_S3CLIENT, SERVICE_URL, DEFAULT_SECRETS_BACKEND_TYPE,"
        " dict(SERVICE_HEADERS))",
    )
    assert printed == "None 1 http://there None {}\n"


def test_exit_codes_are_those_that_the_engine_obeys():
    from metaflow import exception
    from metaflow.engine import crew
    from metaflow.task import attempt

    assert exception.METAFLOW_EXIT_DISALLOW_RETRY == crew.NO_RETRY_EXIT_CODE
    assert exception.METAFLOW_EXIT_DISALLOW_RETRY == attempt.NO_RETRY_EXIT_CODE
    assert exception.METAFLOW_EXIT_ALLOW_RETRY != crew.NO_RETRY_EXIT_CODE


@pytest.mark.parametrize(
    ("path", "name", "arguments"),
    [
        ("metaflow.plugins.catch_decorator", "FailureHandledByCatch", (2,)),
        ("metaflow.plugins.timeout_decorator", "TimeoutException", ("fit", 90)),
    ],
)
def test_errors_of_decorators_survive_pickling(path, name, arguments):
    error = getattr(import_module(path), name)(*arguments)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)


def test_what_catch_stores_names_its_errors_by_their_documented_paths(tmp_path):
    (tmp_path / "dying.py").write_text(DYING_FLOW)
    python(tmp_path, "dying.py", "run")
    printed = python(
        tmp_path,
        "-c",
        "from metaflow import Flow\n"
        "run = Flow('DyingFlow').latest_run\n"
        "print(run['start'].task.data.death.type, run.data.lateness.type)",
    )
    assert printed.split() == [
        "metaflow.plugins.catch_decorator.FailureHandledByCatch",
        "metaflow.plugins.timeout_decorator.TimeoutException",
    ]
