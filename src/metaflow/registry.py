"""Which implementation a name stands for; it is imported when it is first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

# Kind, name -> «module:attribute». Calls that go up a layer (a flow file starting the
# command line) and features that a flow may never use are both found here.
BUILT_IN: Final[dict[tuple[str, str], str]] = {
    ("face", "command_line"): "metaflow.cli.flow:main",
    ("face", "command_tree"): "metaflow.cli.tree:command_tree",
    ("face", "worker"): "metaflow.compute.local.entry:main",
    ("client", "Run"): "metaflow.client:Run",
    ("client", "Task"): "metaflow.client:Task",
    ("event_logger", "debugLogger"): "metaflow.cli.telemetry:DebugLogger",
    ("event_logger", "nullSidecarLogger"): "metaflow.cli.telemetry:NullLogger",
    ("monitor", "debugMonitor"): "metaflow.cli.telemetry:DebugMonitor",
    ("monitor", "nullSidecarMonitor"): "metaflow.cli.telemetry:NullMonitor",
    ("step_decorator", "card"): "metaflow.decorators.card:CardDecorator",
    ("step_decorator", "retry"): "metaflow.decorators.retry:RetryDecorator",
    ("step_decorator", "catch"): "metaflow.decorators.catch:CatchDecorator",
    ("step_decorator", "timeout"): "metaflow.decorators.timeout:TimeoutDecorator",
    ("step_decorator", "environment"): "metaflow.decorators.environment:EnvironmentDecorator",
    ("step_decorator", "resources"): "metaflow.decorators.resources:ResourcesDecorator",
}


def names(kind: str) -> list[str]:
    """List all registered names of a kind, sorted."""
    return sorted(name for known, name in BUILT_IN if known == kind)


def load(kind: str, name: str) -> Any:
    """Import and return the implementation registered under this name.

    Raises
    ------
    KeyError
        Nothing of that kind has that name.
    """
    module, _, attribute = BUILT_IN[kind, name].partition(":")
    return getattr(import_module(module), attribute)
