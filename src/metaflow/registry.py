"""Which implementation a name stands for; it is imported when it is first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow.protocols.extensions import Extensions

# Kind, name -> «module:attribute». Calls that go up a layer (a flow file starting the
# command line) and features that a flow may never use are both found here.
BUILT_IN: Final[dict[tuple[str, str], str]] = {
    ("face", "command_line"): "metaflow.cli.main:main",
    ("face", "command_tree"): "metaflow.cli.tree:command_tree",
    ("face", "uncaught"): "metaflow.cli.uncaught:show",
    ("face", "unstarted"): "metaflow.cli.uncaught:tell_unstarted",
    ("face", "worker"): "metaflow.compute.local.entry:main",
    ("client", "Run"): "metaflow.client:Run",
    ("client", "Task"): "metaflow.client:Task",
    ("event_logger", "debugLogger"): "metaflow.cli.telemetry:DebugLogger",
    ("event_logger", "nullSidecarLogger"): "metaflow.cli.telemetry:NullLogger",
    ("monitor", "debugMonitor"): "metaflow.cli.telemetry:DebugMonitor",
    ("monitor", "nullSidecarMonitor"): "metaflow.cli.telemetry:NullMonitor",
    ("client", "trigger"): "metaflow.client.trigger:current_trigger",
    ("face", "exit_hooks"): "metaflow.task.exit_hooks:main",
    ("flow_decorator", "airflow_external_task_sensor"): (
        "metaflow.decorators.unavailable:AirflowExternalTaskSensor"
    ),
    ("flow_decorator", "airflow_s3_key_sensor"): (
        "metaflow.decorators.unavailable:AirflowS3KeySensor"
    ),
    ("flow_decorator", "conda_base"): "metaflow.decorators.unavailable:CondaBase",
    ("flow_decorator", "exit_hook"): "metaflow.decorators.exit_hook:ExitHookDecorator",
    ("flow_decorator", "project"): "metaflow.decorators.project:ProjectDecorator",
    ("flow_decorator", "pypi_base"): "metaflow.decorators.unavailable:PypiBase",
    ("flow_decorator", "schedule"): "metaflow.decorators.schedule:ScheduleDecorator",
    ("flow_decorator", "trigger"): "metaflow.decorators.trigger:TriggerDecorator",
    ("flow_decorator", "trigger_on_finish"): "metaflow.decorators.trigger:TriggerOnFinishDecorator",
    ("secret_source", "inline"): "metaflow.secret_sources.inline:InlineSource",
    ("step_decorator", "airflow_internal"): "metaflow.decorators.unavailable:AirflowInternal",
    ("step_decorator", "argo_workflows_internal"): (
        "metaflow.decorators.unavailable:ArgoWorkflowsInternal"
    ),
    ("step_decorator", "batch"): "metaflow.decorators.unavailable:BatchDecorator",
    ("step_decorator", "conda"): "metaflow.decorators.unavailable:CondaDecorator",
    ("step_decorator", "kubernetes"): "metaflow.decorators.unavailable:KubernetesDecorator",
    ("step_decorator", "pypi"): "metaflow.decorators.unavailable:PypiDecorator",
    ("step_decorator", "secrets"): "metaflow.decorators.secrets:SecretsDecorator",
    ("step_decorator", "step_functions_internal"): (
        "metaflow.decorators.unavailable:StepFunctionsInternal"
    ),
    ("step_decorator", "card"): "metaflow.decorators.card:CardDecorator",
    ("step_decorator", "retry"): "metaflow.decorators.retry:RetryDecorator",
    ("step_decorator", "catch"): "metaflow.decorators.catch:CatchDecorator",
    ("step_decorator", "timeout"): "metaflow.decorators.timeout:TimeoutDecorator",
    ("step_decorator", "environment"): "metaflow.decorators.environment:EnvironmentDecorator",
    ("step_decorator", "parallel"): "metaflow.decorators.parallel:ParallelDecorator",
    ("step_decorator", "pytorch_parallel"): "metaflow.decorators.parallel:PytorchParallelDecorator",
    ("step_decorator", "resources"): "metaflow.decorators.resources:ResourcesDecorator",
    ("step_decorator", "unbounded_test_foreach_internal"): (
        "metaflow.decorators.unbounded_test_foreach:UnboundedTestForeachDecorator"
    ),
}


class Added:
    """Holder of what extension packages add; the module has one instance, `added`."""

    __slots__ = ("extensions",)

    def __init__(self) -> None:
        self.extensions: Extensions | None = None
        """Set by the façade when there are extension packages, or names are switched off."""


added: Final[Added] = Added()


def names(kind: str) -> list[str]:
    """List all registered names of a kind, sorted."""
    from metaflow import entry_points

    known = {name for group, name in BUILT_IN if group == kind}
    known |= entry_points.offered(kind).keys()
    if added.extensions is not None:
        for name, make in added.extensions.plugins(kind).items():
            (known.discard if make is None else known.add)(name)
    return sorted(known)


def load(kind: str, name: str) -> Any:
    """Import and return the implementation registered under this name.

    What extension packages say comes first, then what is built in, then what distributions
    offer by entry points.

    Raises
    ------
    KeyError
        Nothing of that kind has that name.
    """
    if added.extensions is not None:
        plugins = added.extensions.plugins(kind)
        if name in plugins:
            make = plugins[name]
            if make is None:
                raise KeyError(name)
            return make()
    target = BUILT_IN.get((kind, name))
    if target is None:
        from metaflow import entry_points

        return entry_points.load(kind, name)
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)


def plugged(kind: str) -> dict[str, Callable[[], Any] | None]:
    """List what is not built in but added to a kind by packages: what makes it, by name.

    Names that are switched off stand there with None. For kinds that each run asks for;
    where nothing is added, asking costs a fraction of a millisecond.
    """
    from metaflow import entry_points

    found: dict[str, Callable[[], Any] | None] = {}
    if entry_points.is_offered(kind):
        found.update({name: point.load for name, point in entry_points.offered(kind).items()})
    if added.extensions is not None:
        found.update(added.extensions.plugins(kind))
    return found


def has_plugged(kind: str) -> bool:
    """Tell whether packages add anything to a kind, without importing any of it."""
    if added.extensions is not None and added.extensions.plugins(kind):
        return True
    from metaflow import entry_points

    return entry_points.is_offered(kind)
