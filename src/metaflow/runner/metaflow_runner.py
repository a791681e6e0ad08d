"""How a program runs a flow's file: `Runner`, and what it returns."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final, Self
from weakref import WeakSet

from metaflow.runner.click_api import MetaflowAPI
from metaflow.runner.closing import CleansUp
from metaflow.runner.command import CommandManager
from metaflow.runner.executing import ExecutingProcess, ExecutingRun, ExecutingTask
from metaflow.runner.lineage import record_child, running_task
from metaflow.runner.loading import refuse_during_import

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ExecutingProcess", "ExecutingRun", "ExecutingTask", "Runner"]

WITH_LINEAGE: Final = frozenset({"run", "resume"})
"""Commands that make a run of the flow, which may have been started by a task."""


class Runner(CleansUp):
    """Runs a flow's file from a program.

    Arguments are checked before anything runs. The methods `run`, `resume` and `spin`
    return when all is done; `async_run`, `async_resume` and `async_spin` return as soon as
    the run is registered. A run that fails does not raise: look at `status`.

    Parameters
    ----------
    flow_file : str
        Path of the flow's file.
    show_output : bool, default True
        Print what the run prints; methods that return at once never do.
    profile : str, optional
        Profile to use, as METAFLOW_PROFILE names it.
    env : mapping of str to str, optional
        Environment variables to add to those of this process.
    cwd : str, optional
        Working directory of the run; that of this process by default.
    file_read_timeout : float, default 3600
        Seconds within which the run must be registered.
    **kwargs : Any
        Top-level options of the flow, such as `pylint=False`.

    Raises
    ------
    FlowFileNotFound
        There is no such file.
    FlowNotUnique
        It has no flow or several.
    UnknownArgument
        There is no such top-level option.
    ArgumentTypeWrong
        A value is of the wrong type.

    Examples
    --------
    >>> with Runner("train.py").run(alpha=0.1, tags=["nightly"]) as running:
    ...     print(running.status, running.run.data.score)
    """

    def __init__(
        self,
        flow_file: str,
        show_output: bool = True,
        profile: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        file_read_timeout: float = 3600,
        **kwargs: Any,
    ) -> None:
        refuse_during_import()
        self.flow_file: str = _locate(flow_file, cwd)
        self._set_up(show_output, profile, env, cwd, file_read_timeout)
        api = MetaflowAPI.from_cli(self.flow_file, environ=self.env_vars, cwd=cwd)
        self.api: MetaflowAPI = api(**kwargs)

    @classmethod
    def of_api(
        cls,
        api: MetaflowAPI,
        *,
        flow_file: str = "",
        env: Mapping[str, str],
        cwd: str | None,
    ) -> Self:
        """Make a runner for a command line that is known already.

        Parameters
        ----------
        api : MetaflowAPI
            The command line, with its top-level options.
        flow_file : str
            The flow's file, if it has one.
        env : mapping of str to str
            The whole environment of the run.
        cwd : str, optional
            Its working directory.
        """
        made = cls.__new__(cls)
        made.flow_file = flow_file
        made._set_up(True, None, None, cwd, 3600)  # noqa: SLF001 - an object of this class
        made.env_vars = dict(env)
        made.api = api
        return made

    def _set_up(
        self,
        show_output: bool,
        profile: str | None,
        env: Mapping[str, str] | None,
        cwd: str | None,
        file_read_timeout: float,
    ) -> None:
        self.show_output: bool = show_output
        self.env_vars: dict[str, str] = child_environment(env, profile)
        self.cwd: str | None = cwd
        self.file_read_timeout: float = file_read_timeout
        self._commands: WeakSet[CommandManager] = WeakSet()
        self._running: list[CommandManager] = []

    # ── commands ─────────────────────────────────────────────────────────────────────────

    def run(self, **kwargs: Any) -> ExecutingRun:
        """Run the flow and wait for its end.

        Parameters
        ----------
        **kwargs : Any
            Parameters and options of `run` by name, with `_` for `-`; `decospecs` for
            `--with`, `tags` for `--tag`, `user_namespace` for `--namespace`.

        Returns
        -------
        ExecutingRun
            The run, successful or not.

        Raises
        ------
        UnknownArgument, MissingArgument, ArgumentTypeWrong
            The arguments do not fit.
        RunNotStarted
            The command has failed before there was a run.
        """
        return ExecutingRun(self, *self._to_end("run", kwargs))

    def run_within(self, timeout_s: float | None, given: dict[str, Any]) -> ExecutingRun:
        """Run the flow like `run`, but end the run if it takes longer than this."""
        return ExecutingRun(self, *self._to_end("run", given, timeout_s))

    def resume(self, **kwargs: Any) -> ExecutingRun:
        """Resume an earlier run and wait for its end.

        Parameters
        ----------
        **kwargs : Any
            Options of `resume` by name; `step_to_rerun` names the step.

        Returns
        -------
        ExecutingRun
            The new run, successful or not.
        """
        return ExecutingRun(self, *self._to_end("resume", kwargs))

    def spin(self, pathspec: str, **kwargs: Any) -> ExecutingTask:
        """Run a single step on the inputs of an earlier task and wait for its end.

        Parameters
        ----------
        pathspec : str
            The step or the task, as the `spin` command takes it.
        **kwargs : Any
            Options of `spin` by name.

        Returns
        -------
        ExecutingTask
            The task, successful or not.
        """
        return ExecutingTask(self, *self._to_end("spin", {"pathspec": pathspec, **kwargs}))

    async def async_run(self, **kwargs: Any) -> ExecutingRun:
        """Run the flow; return as soon as the run is registered.

        Parameters
        ----------
        **kwargs : Any
            As `run` takes them.

        Returns
        -------
        ExecutingRun
            The run, which goes on; it is ended when nothing refers to it any more.
        """
        return ExecutingRun(self, *await self._to_registration("run", kwargs))

    async def async_resume(self, **kwargs: Any) -> ExecutingRun:
        """Resume an earlier run; return as soon as the new one is registered.

        Parameters
        ----------
        **kwargs : Any
            As `resume` takes them.

        Returns
        -------
        ExecutingRun
            The new run, which goes on.
        """
        return ExecutingRun(self, *await self._to_registration("resume", kwargs))

    async def async_spin(self, pathspec: str, **kwargs: Any) -> ExecutingTask:
        """Run a single step; return as soon as its task is registered.

        Parameters
        ----------
        pathspec : str
            The step or the task.
        **kwargs : Any
            As `spin` takes them.

        Returns
        -------
        ExecutingTask
            The task, which goes on.
        """
        given = {"pathspec": pathspec, **kwargs}
        return ExecutingTask(self, *await self._to_registration("spin", given))

    # ── the end ──────────────────────────────────────────────────────────────────────────

    def cleanup(self) -> None:
        """End what still runs and remove all files with output."""
        self._running = []
        for command in list(self._commands):
            command.cleanup()
        self._commands.clear()

    # ── inside ───────────────────────────────────────────────────────────────────────────

    def _to_end(
        self, name: str, given: dict[str, Any], timeout_s: float | None = None
    ) -> tuple[CommandManager, dict[str, Any]]:
        command = self._start(name, given)
        told = command.await_registration(self.file_read_timeout, show=self.show_output)
        _note(name, told)
        command.await_end(timeout_s, show=self.show_output)
        return command, told

    async def _to_registration(
        self, name: str, given: dict[str, Any]
    ) -> tuple[CommandManager, dict[str, Any]]:
        command = self._start(name, given)
        told = await command.await_registration_async(self.file_read_timeout)
        _note(name, told)
        return command, told

    def _start(self, name: str, given: dict[str, Any]) -> CommandManager:
        refuse_during_import()
        options = {"runner_attribute_file": CommandManager.PIPE, **given}
        parent = running_task() if name in WITH_LINEAGE else None
        if parent is not None:
            options["parent_task"] = parent
        words = getattr(self.api, name)(**options)
        # The child's lines must not come before those that were printed first.
        sys.stdout.flush()
        command = CommandManager(words, self.env_vars, self.cwd)
        self._commands.add(command)
        # What runs is kept for as long as this object; what has ended, for its readers.
        self._running = [one for one in self._running if not one.child.ended] + [command]
        return command


def child_environment(env: Mapping[str, str] | None, profile: str | None) -> dict[str, str]:
    """Put the environment of a run together.

    Parameters
    ----------
    env : mapping of str to str, optional
        Variables to add to those of this process.
    profile : str, optional
        Profile to use.

    Returns
    -------
    dict of str to str
        The whole environment.
    """
    made = dict(os.environ)
    # Inside a step this names the step's own run; the child would take it for an option.
    made.pop("METAFLOW_RUN_ID", None)
    made.update(env or {})
    if profile is not None:
        made["METAFLOW_PROFILE"] = profile
    return made


def _note(name: str, told: Mapping[str, Any]) -> None:
    if name in WITH_LINEAGE:
        record_child(f"{told['flow_name']}/{told['run_id']}")


def _locate(flow_file: str, cwd: str | None) -> str:
    path = os.path.expanduser(os.fspath(flow_file))
    if cwd is not None and not os.path.exists(path):
        path = os.path.join(cwd, path)
    return os.path.abspath(path)
