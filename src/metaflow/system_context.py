"""The path of what surrounds a plug-in decorator's hook: `metaflow.system_context`."""

from metaflow.decorators.plugin_context import SystemContext, system_context

__all__ = ["SystemContext", "system_context"]
