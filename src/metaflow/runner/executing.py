"""What a program holds of a flow's command that it has started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from metaflow.client import Run, Task
from metaflow.client.scope import scope_of
from metaflow.runner.closing import CleansUp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from metaflow.runner.command import CommandManager


class ExecutingProcess(CleansUp):
    """A command of a flow that was started by a program.

    Parameters
    ----------
    runner : Runner
        What has started it.
    command_obj : CommandManager
        The process and its output.
    attributes : dict
        What the process has told of what it runs.
    """

    def __init__(
        self, runner: Any, command_obj: CommandManager, attributes: Mapping[str, Any]
    ) -> None:
        self.runner: Any = runner
        self.command_obj: CommandManager = command_obj
        self._attributes = attributes

    @property
    def returncode(self) -> int | None:
        """Exit code of the process; None as long as it runs."""
        return self.command_obj.child.returncode

    @property
    def status(self) -> str:
        """How it goes: `running`, `successful`, `failed` or `timeout`."""
        if self.command_obj.timed_out:
            return "timeout"
        code = self.returncode
        if code is None:
            return "running"
        return "successful" if code == 0 else "failed"

    @property
    def stdout(self) -> str:
        """What the process has printed so far."""
        return self.command_obj.read("stdout")

    @property
    def stderr(self) -> str:
        """What the process has printed to standard error so far."""
        return self.command_obj.read("stderr")

    async def wait(self, timeout: float | None = None, stream: str | None = None) -> Self:  # noqa: ASYNC109 - public keyword; the process is ended
        """Wait for the end of the process.

        Parameters
        ----------
        timeout : float, optional
            Seconds after which the process is ended; its status is then `timeout`.
        stream : str, optional
            Print meanwhile what comes on `stdout` or `stderr`.

        Returns
        -------
        ExecutingRun or ExecutingTask
            This object.
        """
        await self.command_obj.await_end_async(timeout, stream)
        return self

    async def stream_log(
        self, stream: str, position: int | None = None
    ) -> AsyncIterator[tuple[int, str]]:
        """Go through the lines that the process prints, as they come.

        Parameters
        ----------
        stream : str
            `stdout` or `stderr`.
        position : int, optional
            Where to go on, as an earlier call has told it.

        Yields
        ------
        tuple of int and str
            The position behind the line, and the line.
        """
        async for place, line in self.command_obj.lines(stream, position):
            yield place, line

    def cleanup(self) -> None:
        """End the process if it still runs, and remove its files."""
        self.command_obj.cleanup()

    def _object(self, cls: Any, *components: str) -> Any:
        scope = scope_of(self._attributes["metadata"], None, checked=False)
        return cls._found(scope, [str(part) for part in components])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.pathspec} {self.status}>"

    @property
    def pathspec(self) -> str:
        """Identity of what the process runs."""
        told = self._attributes
        return f"{told['flow_name']}/{told['run_id']}"


class ExecutingRun(ExecutingProcess):
    """A run that was started by a program; may be used with `with`."""

    @property
    def run(self) -> Run:
        """The run, whatever the namespace."""
        told = self._attributes
        found: Run = self._object(Run, told["flow_name"], told["run_id"])
        return found


class ExecutingTask(ExecutingProcess):
    """A single task that was started by a program; may be used with `with`."""

    @property
    def pathspec(self) -> str:
        """Identity of the task."""
        told = self._attributes
        return f"{super().pathspec}/{told['step_name']}/{told['task_id']}"

    @property
    def task(self) -> Task:
        """The task, whatever the namespace; its artifacts can be read if it is persisted."""
        told = self._attributes
        found: Task = self._object(
            Task, told["flow_name"], told["run_id"], told["step_name"], told["task_id"]
        )
        return found
