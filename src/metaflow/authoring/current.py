"""What a running step can ask about itself: the `current` object."""

from __future__ import annotations

import os
from typing import Any, NoReturn

from metaflow import registry
from metaflow.ambient import ambient


class Fact:
    """Property that shows one fact about the running task; None outside of one.

    To type checkers it is `Any`: who reads it in a step need not fend off the None.
    """

    def __init__(self, name: str, doc: str) -> None:
        self._name = name
        self.__doc__ = doc

    def __get__(self, instance: object, owner: type) -> Any:
        """Look the fact up."""
        return (ambient.current or {}).get(self._name)


def _running() -> dict[str, Any] | None:
    """Facts about the task that runs here; a launcher only has what decorators have added."""
    facts = ambient.current
    return facts if facts is not None and "flow_name" in facts else None


class Current:
    """Facts about the task that runs in this process.

    Outside of a running flow the values are None, `is_running_flow` is False, and names that
    only some flows have (such as `project_name`) raise AttributeError.
    """

    __slots__ = ()

    @property
    def is_running_flow(self) -> bool:
        """Whether a step runs in this process."""
        return _running() is not None

    flow_name: Fact = Fact("flow_name", "Name of the flow.")
    run_id: Fact = Fact("run_id", "Id of the run.")
    step_name: Fact = Fact("step_name", "Name of the step.")
    task_id: Fact = Fact("task_id", "Id of the task.")
    pathspec: Fact = Fact("pathspec", "Identity of the task, `Flow/run/step/task`.")
    origin_run_id: Fact = Fact("origin_run_id", "Id of the run that was resumed, if any.")
    namespace: Fact = Fact("namespace", "What the client sees in this task; None for all.")
    username: Fact = Fact("username", "Name of the user who started the run.")
    tags: Fact = Fact("tags", "Tags that the user gave to the run.")
    parameter_names: Fact = Fact("parameter_names", "Attribute names of the parameters.")

    @property
    def retry_count(self) -> int:
        """Number of this attempt, from 0."""
        return int((ambient.current or {}).get("retry_count", 0))

    @property
    def is_parallel(self) -> bool:
        """Whether the task is a member of a gang, which `current.parallel` describes."""
        return bool((ambient.current or {}).get("is_parallel"))

    @property
    def graph(self) -> dict[str, Any]:
        """Description of the flow's graph as plain data.

        Raises
        ------
        RuntimeError
            No flow is running.
        """
        facts = _running()
        if facts is None:
            raise RuntimeError("`current.graph` is only there while a flow is running.")
        graph: dict[str, Any] = facts["graph"]()
        return graph

    @property
    def task(self) -> Any:
        """Client object of this task."""
        facts = _running()
        return (
            None
            if facts is None
            else registry.load("client", "Task")(facts["pathspec"], _namespace_check=False)
        )

    @property
    def run(self) -> Any:
        """Client object of this run."""
        facts = _running()
        return (
            None
            if facts is None
            else registry.load("client", "Run")(
                f"{facts['flow_name']}/{facts['run_id']}", _namespace_check=False
            )
        )

    @property
    def tempdir(self) -> str | None:
        """Folder for temporary files; None outside of a running flow."""
        return os.environ.get("METAFLOW_TEMPDIR", ".") if _running() is not None else None

    @property
    def trigger(self) -> Any:
        """What has started the run; None if it was started by hand."""
        text: str = (ambient.current or {}).get("triggered_by", "")
        return registry.load("client", "trigger")(text) if text else None

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


current: Current = Current()
