"""What surrounds the hook of a plug-in that is being called.

The `_ctx` forms of hooks take hardly any arguments; they look here for the rest.
"""

from __future__ import annotations

from typing import Any, Final

NAMES: Final = frozenset(
    {
        "environment",
        "flow",
        "flow_datastore",
        "graph",
        "inputs",
        "logger",
        "max_user_code_retries",
        "metadata",
        "package",
        "retry_count",
        "run_id",
        "step_name",
        "task_datastore",
        "task_id",
        "ubf_context",
    }
)


class SystemContext:
    """Facts of the step or task that a hook is called for; each phase knows its own.

    `flow`, `graph`, `environment`, `flow_datastore`, `metadata` and `logger` are always there,
    `step_name` for one step, `run_id` and `package` in a run, and the rest in a task.
    """

    def __init__(self) -> None:
        self._facts: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._facts[name]
        except KeyError:
            when = "is not known in this hook" if name in NAMES else "is not one of its facts"
            raise AttributeError(f"`system_context.{name}` {when}") from None

    def get(self, name: str, default: Any = None) -> Any:
        """Return a fact, or `default` when this phase does not know it."""
        return self._facts.get(name, default)

    def _enter(self, facts: dict[str, Any]) -> None:
        """Show these facts; for who calls hooks."""
        self._facts = facts


system_context: Final[SystemContext] = SystemContext()
