"""Write a flow as plain Python; run it anywhere; find everything it did again.

The public names are listed here for editors and type checkers, and loaded on first use.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow.authoring.config_parsers import (
        conda_environment_yml_parser as conda_environment_yml_parser,
    )
    from metaflow.authoring.config_parsers import pyproject_toml_parser as pyproject_toml_parser
    from metaflow.authoring.config_parsers import (
        requirements_txt_parser as requirements_txt_parser,
    )
    from metaflow.authoring.config_parsers import yaml_parser as yaml_parser
    from metaflow.authoring.config_value import ConfigValue as ConfigValue
    from metaflow.authoring.configs import Config as Config
    from metaflow.authoring.current import current as current
    from metaflow.authoring.custom_decorators import USER_SKIP_STEP as USER_SKIP_STEP
    from metaflow.authoring.custom_decorators import UserStepDecorator as UserStepDecorator
    from metaflow.authoring.custom_decorators import user_step_decorator as user_step_decorator
    from metaflow.authoring.delayed import config_expr as config_expr
    from metaflow.authoring.flowspec import FlowSpec as FlowSpec
    from metaflow.authoring.include_file import IncludeFile as IncludeFile
    from metaflow.authoring.mutators import FlowMutator as FlowMutator
    from metaflow.authoring.mutators import StepMutator as StepMutator
    from metaflow.authoring.parameters import JSONType as JSONType
    from metaflow.authoring.parameters import JSONTypeClass as JSONTypeClass
    from metaflow.authoring.parameters import Parameter as Parameter
    from metaflow.authoring.steps import step as step
    from metaflow.client import DataArtifact as DataArtifact
    from metaflow.client import Flow as Flow
    from metaflow.client import Metaflow as Metaflow
    from metaflow.client import Run as Run
    from metaflow.client import Step as Step
    from metaflow.client import Task as Task
    from metaflow.client import default_metadata as default_metadata
    from metaflow.client import default_namespace as default_namespace
    from metaflow.client import get_metadata as get_metadata
    from metaflow.client import get_namespace as get_namespace
    from metaflow.client import inspect_spin as inspect_spin
    from metaflow.client import metadata as metadata
    from metaflow.client import namespace as namespace
    from metaflow.decorators.card import card as card
    from metaflow.decorators.catch import catch as catch
    from metaflow.decorators.environment import environment as environment
    from metaflow.decorators.exit_hook import exit_hook as exit_hook
    from metaflow.decorators.parallel import parallel as parallel
    from metaflow.decorators.parallel import pytorch_parallel as pytorch_parallel
    from metaflow.decorators.project import project as project
    from metaflow.decorators.resources import resources as resources
    from metaflow.decorators.retry import retry as retry
    from metaflow.decorators.schedule import schedule as schedule
    from metaflow.decorators.secrets import secrets as secrets
    from metaflow.decorators.timeout import timeout as timeout
    from metaflow.decorators.trigger import trigger as trigger
    from metaflow.decorators.trigger import trigger_on_finish as trigger_on_finish
    from metaflow.decorators.unavailable import (
        airflow_external_task_sensor as airflow_external_task_sensor,
    )
    from metaflow.decorators.unavailable import airflow_internal as airflow_internal
    from metaflow.decorators.unavailable import airflow_s3_key_sensor as airflow_s3_key_sensor
    from metaflow.decorators.unavailable import argo_workflows_internal as argo_workflows_internal
    from metaflow.decorators.unavailable import batch as batch
    from metaflow.decorators.unavailable import conda as conda
    from metaflow.decorators.unavailable import conda_base as conda_base
    from metaflow.decorators.unavailable import kubernetes as kubernetes
    from metaflow.decorators.unavailable import pypi as pypi
    from metaflow.decorators.unavailable import pypi_base as pypi_base
    from metaflow.decorators.unavailable import step_functions_internal as step_functions_internal
    from metaflow.decorators.unbounded_test_foreach import (
        unbounded_test_foreach_internal as unbounded_test_foreach_internal,
    )
    from metaflow.multicore import parallel_imap_unordered as parallel_imap_unordered
    from metaflow.multicore import parallel_map as parallel_map
    from metaflow.publishing.names import namespaced_event_name as namespaced_event_name
    from metaflow.runner.call import run_flow as run_flow
    from metaflow.runner.deployed import DeployedFlow as DeployedFlow
    from metaflow.runner.deployer import Deployer as Deployer
    from metaflow.runner.metaflow_runner import Runner as Runner
    from metaflow.runner.nbdeploy import NBDeployer as NBDeployer
    from metaflow.runner.nbrun import NBRunner as NBRunner
    from metaflow.timing import profile as profile

    __version__: str

_HOMES = {
    "metaflow.authoring.config_parsers": (
        "conda_environment_yml_parser",
        "pyproject_toml_parser",
        "requirements_txt_parser",
        "yaml_parser",
    ),
    "metaflow.authoring.config_value": ("ConfigValue",),
    "metaflow.authoring.configs": ("Config",),
    "metaflow.authoring.current": ("current",),
    "metaflow.authoring.custom_decorators": (
        "USER_SKIP_STEP",
        "UserStepDecorator",
        "user_step_decorator",
    ),
    "metaflow.authoring.delayed": ("config_expr",),
    "metaflow.authoring.flowspec": ("FlowSpec",),
    "metaflow.authoring.include_file": ("IncludeFile",),
    "metaflow.authoring.mutators": ("FlowMutator", "StepMutator"),
    "metaflow.authoring.parameters": ("JSONType", "JSONTypeClass", "Parameter"),
    "metaflow.authoring.steps": ("step",),
    "metaflow.client": (
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
        "inspect_spin",
        "metadata",
        "namespace",
    ),
    "metaflow.decorators.card": ("card",),
    "metaflow.decorators.catch": ("catch",),
    "metaflow.decorators.environment": ("environment",),
    "metaflow.decorators.exit_hook": ("exit_hook",),
    "metaflow.decorators.project": ("project",),
    "metaflow.decorators.parallel": ("parallel", "pytorch_parallel"),
    "metaflow.decorators.resources": ("resources",),
    "metaflow.decorators.retry": ("retry",),
    "metaflow.decorators.schedule": ("schedule",),
    "metaflow.decorators.secrets": ("secrets",),
    "metaflow.decorators.timeout": ("timeout",),
    "metaflow.decorators.trigger": ("trigger", "trigger_on_finish"),
    "metaflow.decorators.unavailable": (
        "airflow_external_task_sensor",
        "airflow_internal",
        "airflow_s3_key_sensor",
        "argo_workflows_internal",
        "batch",
        "conda",
        "conda_base",
        "kubernetes",
        "pypi",
        "pypi_base",
        "step_functions_internal",
    ),
    "metaflow.decorators.unbounded_test_foreach": ("unbounded_test_foreach_internal",),
    "metaflow.multicore": ("parallel_imap_unordered", "parallel_map"),
    "metaflow.publishing.names": ("namespaced_event_name",),
    "metaflow.runner.call": ("run_flow",),
    "metaflow.runner.deployed": ("DeployedFlow",),
    "metaflow.runner.deployer": ("Deployer",),
    "metaflow.runner.metaflow_runner": ("Runner",),
    "metaflow.runner.nbdeploy": ("NBDeployer",),
    "metaflow.runner.nbrun": ("NBRunner",),
    "metaflow.timing": ("profile",),
}
_NOT_YET = {
    "S3": "the S3 client",
}
"""Documented names that this version does not have, and what they belong to."""
_MODULES = frozenset(
    {
        "R",
        "cards",
        "client",
        "events",
        "exception",
        "metaflow_config",
        "metaflow_current",
        "metaflow_version",
        "plugins",
        "unbounded_foreach",
    }
)
"""Modules that programs reach through the package without importing them."""
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted([*_HOME_OF, "__version__"])  # noqa: PLE0605 - computed, so that no name is listed twice


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name == "__version__":
        from metaflow.settings.version import get_version

        return get_version()
    added = _from_extensions(name)
    if added is not None:
        return added
    home = _HOME_OF.get(name)
    if home is None:
        return _other(name)
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def _other(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"metaflow.{name}")
    if name in _NOT_YET:
        from metaflow.errors.feature import NotAvailableYet

        raise NotAvailableYet(f"metaflow.{name}", _NOT_YET[name])
    raise AttributeError(f"module 'metaflow' has no attribute {name!r}")


def _from_extensions(name: str) -> Any:
    return _exports[0](name) if _exports and not name.startswith("__") else None


def __dir__() -> list[str]:
    """List the public names."""
    return sorted([*globals(), *__all__])


def _has_extensions() -> bool:
    """Tell whether there may be extension packages, or plug-ins that are switched off."""
    for variable in os.environ:
        if variable.startswith(("METAFLOW_ENABLED_", "METAFLOW_TOGGLE_", "METAFLOW_EXTENSIONS_")):
            return True
    return any(
        finder.find_spec("metaflow_extensions", None) is not None
        for finder in sys.meta_path
        if hasattr(finder, "find_spec")
    )


_exports: list[Callable[[str], Any]] = []
"""Finds what extension packages have put under a public name, if there are any."""

if _has_extensions():
    _exports.append(import_module("metaflow.extensions.exports").install())
