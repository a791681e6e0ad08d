"""What a running step can ask about itself: the `current` object."""

from __future__ import annotations

import os
from typing import Any, NoReturn

from metaflow import registry
from metaflow.ambient import ambient


class Current:
    """Facts about the task that runs in this process.

    Outside of a running flow the values are None, `is_running_flow` is False, and names that
    only some flows have (such as `project_name`) raise AttributeError.
    """

    __slots__ = ()

    @property
    def is_running_flow(self) -> bool:
        """Whether a step runs in this process."""
        return ambient.current is not None

    @property
    def flow_name(self) -> str | None:
        """Name of the flow."""
        return self._fact("flow_name")

    @property
    def run_id(self) -> str | None:
        """Id of the run."""
        return self._fact("run_id")

    @property
    def step_name(self) -> str | None:
        """Name of the step."""
        return self._fact("step_name")

    @property
    def task_id(self) -> str | None:
        """Id of the task."""
        return self._fact("task_id")

    @property
    def pathspec(self) -> str | None:
        """Identity of the task, `Flow/run/step/task`."""
        return self._fact("pathspec")

    @property
    def retry_count(self) -> int:
        """Number of this attempt, from 0."""
        return self._fact("retry_count") or 0

    @property
    def origin_run_id(self) -> str | None:
        """Id of the run that was resumed; None in a plain run."""
        return self._fact("origin_run_id")

    @property
    def namespace(self) -> str | None:
        """Namespace that the client uses in this task; None for all."""
        return self._fact("namespace")

    @property
    def username(self) -> str | None:
        """Name of the user who started the run."""
        return self._fact("username")

    @property
    def tags(self) -> set[str] | None:
        """Tags that the user gave to the run."""
        return self._fact("tags")

    @property
    def parameter_names(self) -> list[str] | None:
        """Attribute names of the flow's parameters."""
        return self._fact("parameter_names")

    @property
    def graph(self) -> dict[str, Any]:
        """Description of the flow's graph as plain data.

        Raises
        ------
        RuntimeError
            No flow is running.
        """
        facts = ambient.current
        if facts is None:
            raise RuntimeError("`current.graph` is only there while a flow is running.")
        graph: dict[str, Any] = facts["graph"]()
        return graph

    @property
    def task(self) -> Any:
        """Client object of this task."""
        facts = ambient.current
        return None if facts is None else registry.load("client", "Task")(
            facts["pathspec"], _namespace_check=False
        )

    @property
    def run(self) -> Any:
        """Client object of this run."""
        facts = ambient.current
        return None if facts is None else registry.load("client", "Run")(
            f"{facts['flow_name']}/{facts['run_id']}", _namespace_check=False
        )

    @property
    def tempdir(self) -> str | None:
        """Folder for temporary files; None outside of a running flow."""
        return os.environ.get("METAFLOW_TEMPDIR", ".") if ambient.current is not None else None

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value by name, or `default` when it is not there."""
        return getattr(self, key, default)

    def __contains__(self, key: str) -> bool:
        """Tell whether there is such a value."""
        return getattr(self, key, None) is not None

    def __getattr__(self, name: str) -> Any:
        """Return a value that decorators or a scheduler have added."""
        facts = ambient.current or {}
        try:
            return facts["extras"][name]
        except KeyError:
            raise AttributeError(f"`current` has no attribute {name!r} here") from None

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        """Refuse: `current` only tells."""
        raise AttributeError(f"`current.{name}` can't be assigned")

    def _update_env(self, values: dict[str, Any]) -> None:
        """Add attributes; for decorators."""
        if ambient.current is None:
            ambient.current = {}
        ambient.current.setdefault("extras", {}).update(values)

    def _fact(self, name: str) -> Any:
        return (ambient.current or {}).get(name)


current = Current()
