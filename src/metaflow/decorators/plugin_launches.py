"""What plug-in decorators hear in the launcher, and what they may change there."""

from __future__ import annotations

import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, ClassVar, Protocol

from metaflow.decorators.surroundings import TaskDatastore
from metaflow.errors.extension import CommandChanged
from metaflow.model.records import PARAMETERS_STEP, PARAMETERS_TASK


class Plugin(Protocol):
    """As much of a plug-in as is needed here."""

    name: ClassVar[str]
    surroundings: dict[str, Any]

    def call(
        self,
        hook: str,
        surroundings: Mapping[str, Any],
        of_context: tuple[Any, ...],
        arguments: tuple[Any, ...],
    ) -> Any:
        """Call a hook, or its `_ctx` form."""
        ...


PARAMETERS = f"{PARAMETERS_STEP}/{PARAMETERS_TASK}"
"""The predecessor of a run's first task."""


class CliArguments:
    """What starts an attempt, as `runtime_step_cli` sees it; only `env` may be changed.

    Tasks of a local run are no command lines: a plug-in that wants to run its step by another
    command is told that this is not possible.
    """

    def __init__(self, step: str, env: MutableMapping[str, str]) -> None:
        self.entrypoint: list[str] = [sys.executable, "-u", sys.argv[0]]
        self.commands: list[str] = ["step"]
        self.command_args: list[str] = [step]
        self.command_options: dict[str, Any] = {}
        self.top_level_options: dict[str, Any] = {}
        self.env: MutableMapping[str, str] = env

    def facts(self) -> tuple[Any, ...]:
        """All but the environment, to see whether it was changed."""
        return (
            *(list(self.entrypoint), list(self.commands), list(self.command_args)),
            *(dict(self.command_options), dict(self.top_level_options)),
        )


class LaunchedStep:
    """Hears in the launcher for one plug-in of one step.

    Parameters
    ----------
    plugin : Plugin
        The plug-in.
    step : str
        The step.
    """

    def __init__(self, plugin: Plugin, step: str) -> None:
        self._plugin = plugin
        self._step = step
        self._run_id = ""

    def _surroundings(self, **more: Any) -> dict[str, Any]:
        return {
            **self._plugin.surroundings,
            "step_name": self._step,
            "run_id": self._run_id,
            "package": None,
            **more,
        }

    def run_started(self, run_id: str) -> None:
        """Tell the plug-in that a run begins."""
        self._run_id = run_id
        known = self._surroundings()
        arguments = (known["flow"], known["graph"], None, run_id)
        self._plugin.call("runtime_init", known, (self._step,), arguments)

    def task_created(
        self, task_id: str, index: int | None, inputs: list[str], *, is_cloned: bool
    ) -> None:
        """Tell the plug-in of a task."""
        identity = (self._plugin.surroundings["flow"].name, self._run_id, self._step, task_id)
        task = TaskDatastore(None, identity, 0)
        known = self._surroundings(task_id=task_id, task_datastore=task)
        paths = [f"{self._run_id}/{place}" for place in inputs or [PARAMETERS]]
        arguments = (task, task_id, index, paths, is_cloned, None)
        self._plugin.call("runtime_task_created", known, (self._step,), arguments)

    def attempt_starting(self, number: int, retries: int, env: MutableMapping[str, str]) -> None:
        """Let the plug-in change environment variables.

        Raises
        ------
        CommandChanged
            It changes more than these.
        """
        cli = CliArguments(self._step, env)
        before = cli.facts()
        known = self._surroundings(retry_count=number, max_user_code_retries=retries)
        arguments = (cli, number, retries, None)
        self._plugin.call("runtime_step_cli", known, (self._step, cli), arguments)
        if cli.facts() != before:
            raise CommandChanged(self._plugin.name, self._step)
        if cli.env is not env:
            env.clear()
            env.update(cli.env)

    def run_finished(self, error: BaseException | None) -> None:
        """Tell the plug-in that the run has ended."""
        known = self._surroundings()
        self._plugin.call("runtime_finished", known, (error,), (error,))
