"""What hooks of plug-in decorators are handed besides the flow: small, and true."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from metaflow.errors.base import MetaflowException
from metaflow.settings.artifact_roots import datastore_of

if TYPE_CHECKING:
    from metaflow.authoring.flowspec import FlowSpec

REGISTERED: Final = "_task_metadata"
"""Artifact that holds what hooks have registered about their task."""


class MetaDatum(NamedTuple):
    """A fact about a task that a hook registers."""

    field: str
    value: Any
    type: str
    tags: list[str]


class Environment:
    """Where tasks run: this interpreter."""

    TYPE: ClassVar[str] = "local"

    def executable(self, step_name: str, default: str | None = None) -> str:
        """Path of the interpreter that runs a step."""
        del step_name
        return default or sys.executable

    def get_environment_info(self, include_ext_info: bool = False) -> dict[str, Any]:
        """Describe the interpreter and the machine."""
        import platform

        del include_ext_info
        return {
            "platform": platform.platform(),
            "python_version": platform.python_version(),
            "python_version_code": ".".join(map(str, sys.version_info[:3])),
            "environment_type": self.TYPE,
            "script": os.path.basename(sys.argv[0]),
        }


class FlowDatastore:
    """The artifact store of a flow."""

    TYPE: str = "local"

    def __init__(self, flow_name: str, root: str | None) -> None:
        self.flow_name: str = flow_name
        self.datastore_root: str | None = root
        """Root directory, or address in an object store; None before a run has one."""
        if root is not None:
            vars(self)["TYPE"] = datastore_of(root)


class TaskDatastore:
    """Artifacts of one task, read by name, and who the task is.

    Parameters
    ----------
    flow : FlowSpec or None
        What has the artifacts; None where the task was only created, and has none yet.
    identity : tuple of str
        Flow, run, step and task.
    attempt : int
        Number of the attempt.
    """

    TYPE: ClassVar[str] = "local"

    def __init__(
        self, flow: FlowSpec | None, identity: tuple[str, str, str, str], attempt: int
    ) -> None:
        self._flow: FlowSpec | None = flow
        self.flow_name: str
        self.run_id: str
        self.step_name: str
        self.task_id: str
        self.flow_name, self.run_id, self.step_name, self.task_id = identity
        self.attempt: int = attempt

    @property
    def pathspec(self) -> str:
        """Run, step and task, as in `12/start/1`."""
        return f"{self.run_id}/{self.step_name}/{self.task_id}"

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and hasattr(self._flow, name)

    def __getitem__(self, name: str) -> Any:
        try:
            return getattr(self._flow, name)
        except AttributeError:
            raise KeyError(name) from None

    def get(self, name: str, default: Any = None) -> Any:
        """Return an artifact, or `default` when there is none of that name."""
        return getattr(self._flow, name, default)

    def __iter__(self) -> Iterator[str]:
        if self._flow is None:
            return iter(())
        return (name for name in dir(self._flow) if name in vars(self._flow))


class Metadata:
    """The metadata store as hooks use it: they tell facts about their own task."""

    TYPE: ClassVar[str] = "local"

    def __init__(
        self, flow: FlowSpec | None = None, task: tuple[str, str, str] | None = None
    ) -> None:
        self._flow: FlowSpec | None = flow
        self._task: tuple[str, str, str] | None = task

    def metadata_str(self) -> str:
        """What `metaflow.metadata()` takes to find this store."""
        from metaflow.ambient import ambient

        return str((ambient.current or {}).get("metadata_spec", "local"))

    def register_metadata(
        self, run_id: str, step_name: str, task_id: str, metadata: Iterable[Any]
    ) -> None:
        """Tell facts about the task that runs in this process.

        Parameters
        ----------
        run_id, step_name, task_id : str
            The task.
        metadata : iterable of MetaDatum
            Facts: each has `field`, `value`, `type` and `tags`.

        Raises
        ------
        MetaflowException
            No such task runs here.
        """
        if self._flow is None or self._task != (str(run_id), step_name, str(task_id)):
            raise MetaflowException(
                f"Facts about the task `{run_id}/{step_name}/{task_id}` cannot be registered here.",
                hint="a hook registers facts about its own task, in a `task_` hook",
            )
        known: list[dict[str, Any]] = list(vars(self._flow).get(REGISTERED, ()))
        known += [
            {
                "field": fact.field,
                "value": fact.value,
                "type": fact.type,
                "tags": list(fact.tags or ()),
                "at": time.time(),
            }
            for fact in metadata
        ]
        vars(self._flow)[REGISTERED] = known


def shown(flow: type[FlowSpec]) -> FlowSpec:
    """Make of a flow what hooks look at where no task runs: it has its graph, and no artifacts."""
    return flow(use_cli=False)


def log(message: str, head: str = "", bad: bool = False, timestamp: bool = True) -> None:
    """Show a message to the user; what hooks call as `logger` and `echo`."""
    del bad
    clock = time.strftime("%Y-%m-%d %H:%M:%S ") if timestamp else ""
    print(f"{clock}{head}{message}", file=sys.stderr)  # noqa: T201 - it is asked to show it
