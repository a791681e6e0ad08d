"""How commands find runs of the past: the client, pointed at the store that the options name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from metaflow.errors.input import CommandException
from metaflow.settings.search import LOCAL_DIRECTORY

if TYPE_CHECKING:
    from types import ModuleType

    from metaflow.cli.scope import Scope

RUN_PARTS, STEP_PARTS, TASK_PARTS = 1, 2, 3
"""Components of `RUN`, of `RUN/STEP` and of `RUN/STEP/TASK`."""


class PastPath(NamedTuple):
    """What a command names: a run, a step of it, or a task of that."""

    run_id: str
    step: str | None
    task_id: str | None

    def __str__(self) -> str:
        named = f"run_id=*{self.run_id}*"
        if self.step is not None:
            named += f" step=*{self.step}*"
        return named if self.task_id is None else f"{named} task_id=*{self.task_id}*"


def parse_path(scope: Scope, text: str, *, runs: bool = False) -> PastPath:
    """Read `RUN/STEP` or `RUN/STEP/TASK`, with or without the flow's name in front.

    Parameters
    ----------
    scope : Scope
        The flow.
    text : str
        What the user gave.
    runs : bool, default False
        It may name a whole run, too.

    Returns
    -------
    PastPath
        Its components.

    Raises
    ------
    CommandException
        The text has another shape.
    """
    parts = text.split("/")
    if parts[0] == scope.flow_name:
        del parts[0]
    shapes = {STEP_PARTS, TASK_PARTS, *([RUN_PARTS] if runs else [])}
    if len(parts) not in shapes or not all(parts):
        kinds = "no run, step or task" if runs else "neither a step nor a task"
        written = "RUN, RUN/STEP or RUN/STEP/TASK" if runs else "RUN/STEP or RUN/STEP/TASK"
        raise CommandException(
            f"`{text}` names {kinds}.",
            hint=f"write {written}, such as `1700000000000000/start`",
        )
    run_id, step, task_id = [*parts, None, None][:TASK_PARTS]
    return PastPath(str(run_id), step, task_id)


def open_client(root: str) -> ModuleType:
    """Point the client at a local root, in no namespace, and return its module."""
    from metaflow import client

    at_home = os.path.basename(root) == LOCAL_DIRECTORY
    client.metadata(f"local@{os.path.dirname(root) if at_home else root}")
    client.namespace(None)
    return client


def client_of(scope: Scope) -> ModuleType:
    """Point the client at the store that the options name.

    Raises
    ------
    CommandException
        There is no store yet, so that no run can be found.
    """
    root = scope.root
    if root is None:
        raise CommandException(
            "There is no local store here, so there are no runs.",
            hint="run the flow first, or name the store with `--datastore-root`",
        )
    return open_client(root)


def past_tasks(scope: Scope, path: PastPath, attempt: int | None = None) -> list[Any]:
    """Find the tasks that a path names, oldest first.

    Parameters
    ----------
    scope : Scope
        The flow and where its store is.
    path : PastPath
        What is looked for.
    attempt : int, optional
        Look at this attempt of each task instead of the latest one.

    Returns
    -------
    list of Task
        At least one.

    Raises
    ------
    MetaflowNotFound
        There is no such run, step or task.
    """
    client = client_of(scope)
    above = f"{scope.flow_name}/{path.run_id}"
    # One after the other, so that the error names the part that is wrong.
    client.Run(above)
    step = client.Step(f"{above}/{path.step}")
    if path.task_id is not None:
        return [client.Task(f"{above}/{path.step}/{path.task_id}", attempt=attempt)]
    tasks = list(step)[::-1]
    if attempt is None:
        return tasks
    return [client.Task(task.pathspec, attempt=attempt) for task in tasks]


def short_pathspec(task: Any) -> str:
    """Pathspec of a task without the flow's name."""
    return "/".join(task.pathspec.split("/")[1:4])
