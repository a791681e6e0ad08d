"""One task as users see it: `Task('Flow/run/step/task')`."""

# ruff: noqa: SLF001 - the classes of this folder make one another without a second look-up
from __future__ import annotations

from collections import namedtuple
from contextlib import suppress
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, NamedTuple

from metaflow.client.artifact import (
    DataArtifact,
    MetaflowData,
    artifact_of,
    artifacts_of,
    table_of,
)
from metaflow.client.base import _CLASSES, MetaflowObject
from metaflow.client.code import PACKAGE, MetaflowCode, code_of
from metaflow.client.synthesis import facts_of, foreach_frames
from metaflow.client.task_view import TaskView, find_task, tasks_among
from metaflow.client.view import AttemptView, local_time
from metaflow.errors.metadata import MetaflowNotFound
from metaflow.model.records import CHILD_RUN, PARAMETERS_STEP

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, timedelta

    from metaflow.client.log_line import LogLine
    from metaflow.client.task_logs import LogView
    from metaflow.client.view import RunView


class Metadata(NamedTuple):
    """A fact about a task."""

    name: str
    value: Any
    created_at: datetime
    type: str
    task: Task


class Task(MetaflowObject, depth=4, kind="task"):
    """One execution of a step, found as `Task('Flow/run/step/task')`.

    Iterating it yields its artifacts; `task['name']` is one of them.

    Parameters
    ----------
    pathspec : str
        Which task.
    attempt : int, optional
        Look at this attempt rather than the latest one that is done.
    """

    __slots__ = ("_view",)

    _view: TaskView

    def _locate(self, components: Sequence[str], attempt: int | None) -> None:
        flow, run_id, step, task_id = components
        self._view = find_task(self._scope, flow, run_id, step, task_id, attempt)

    @property
    def _run_view(self) -> RunView:
        return self._view.run

    def _chosen_attempt(self) -> int | None:
        return self._view.selected

    @property
    def path_components(self) -> list[str]:
        """The parts of the pathspec."""
        return self._view.path_components

    @property
    def created_at(self) -> datetime:
        """When the task was created, as naive local time."""
        return local_time(self._view.facts.created_at)

    @property
    def origin_pathspec(self) -> str | None:
        """The task of the original run that this one was cloned from."""
        origin = self._view.origin()
        return None if origin is None else "/".join(origin.path_components)

    # --- artifacts ---

    @property
    def data(self) -> MetaflowData:
        """The task's artifacts as attributes."""
        return MetaflowData(self._view.stored or self._nothing())

    @property
    def artifacts(self) -> Any:
        """The task's artifacts as a named tuple of `DataArtifact`, private ones left out."""
        found = [one for one in self if one.id.isidentifier() and not iskeyword(one.id)]
        made = namedtuple("MetaflowArtifacts", [one.id for one in found])  # type: ignore[misc]  # noqa: PYI024 - the fields are known only now
        # In a notebook they are a table, for which nothing is loaded.
        made._repr_html_ = table_of  # type: ignore[attr-defined]
        return made._make(found)

    def __iter__(self) -> Iterator[DataArtifact]:
        stored = self._view.stored
        return iter(()) if stored is None else artifacts_of(self._view, stored)

    def __getitem__(self, name: str) -> DataArtifact:
        stored = self._view.stored
        found = None if stored is None else artifact_of(self._view, stored, name)
        if found is None:
            raise KeyError(name)
        return found

    def __contains__(self, name: object) -> bool:
        stored = self._view.stored
        return (
            stored is not None
            and isinstance(name, str)
            and artifact_of(self._view, stored, name) is not None
        )

    # --- how it went ---

    @property
    def status(self) -> str:
        """What became of the task, or of the selected attempt, as far as is known now.

        `running`; `succeeded`, also when `@catch` has handled a failure; `failed`; `killed`,
        when a signal has ended its process; or `lost`, when its launcher has died with it.
        """
        from metaflow.client.status import task_status

        return task_status(self._view)

    @property
    def finished(self) -> bool:
        """Whether the task succeeded or its failure was handled; False for a failed task."""
        return bool(self._view.now().ok)

    @property
    def successful(self) -> bool:
        """Whether the user's code succeeded."""
        facts = self._view.now()
        return bool(facts.ok and not facts.handled)

    @property
    def finished_at(self) -> datetime | Any:
        """When the attempt ended, well or not, as naive local time; None while it runs."""
        ended_at = self._view.now().ended_at
        return None if ended_at is None else local_time(ended_at)

    @property
    def exception(self) -> Any:
        """What the task failed with, with `type`, `exception` and `stacktrace`; or None."""
        facts = self._view.now()
        stored = self._view.stored
        if stored is None or facts.ok:
            return None
        found = stored.manifest.get("_exception")
        return None if found is None else self["_exception"].data

    @property
    def current_attempt(self) -> int:
        """The attempt that was begun last, or the selected one."""
        attempts = self._view.attempts()
        return attempts[-1].number if attempts else 0

    # --- facts ---

    @property
    def metadata(self) -> list[Metadata]:
        """Facts about the task: of all attempts, unless one was selected."""
        return [Metadata(*fact, self) for fact in facts_of(self._view)]

    @property
    def metadata_dict(self) -> dict[str, Any]:
        """The latest value of each fact, by name."""
        facts = sorted(facts_of(self._view), key=lambda fact: fact.created_at)
        return {fact.name: fact.value for fact in facts}

    @property
    def index(self) -> int | None:
        """Position in the innermost foreach; None outside of any."""
        frames = foreach_frames(self._view)
        return frames[-1].index if frames else None

    @property
    def runtime_name(self) -> str | None:
        """Name of the runtime that the run's tags tell, such as `dev`."""
        prefix = "runtime:"
        found = [tag for tag in self.system_tags if tag.startswith(prefix)]
        return found[0].removeprefix(prefix) if found else None

    @property
    def code(self) -> MetaflowCode | Any:
        """The code package that the task ran from; None if there was none."""
        run = self._view.run
        text = self.metadata_dict.get(PACKAGE) or run.lasting_fact(PACKAGE)
        return code_of(text, run.scope.backing.root)

    @property
    def environment_info(self) -> dict[str, Any] | None:
        """The environment that the task's code package describes; None without a package."""
        code = self.code
        return None if code is None else code.info

    # --- output ---

    @property
    def stdout(self) -> str:
        """What the task has printed."""
        return self._log("stdout").read().decode(errors="replace")

    @property
    def stderr(self) -> str:
        """What the task has printed to standard error."""
        return self._log("stderr").read().decode(errors="replace")

    @property
    def stdout_size(self) -> int:
        """Length of `stdout` in bytes, known without reading it."""
        return self._log("stdout").size

    @property
    def stderr_size(self) -> int:
        """Length of `stderr` in bytes, known without reading it."""
        return self._log("stderr").size

    def loglines(
        self, stream: str, as_unicode: bool = True
    ) -> Iterator[tuple[datetime, str | bytes]]:
        """Go through the lines of a stream.

        Parameters
        ----------
        stream : str
            `stdout` or `stderr`.
        as_unicode : bool, default True
            Decode the lines; otherwise they are bytes.

        Yields
        ------
        tuple of datetime and str
            When the line appeared, as naive UTC time, and the line without its end.
        """
        for at, line in self._log(stream).lines():
            yield at, line.decode(errors="replace") if as_unicode else line

    def logs(
        self,
        stream: str | None = None,
        *,
        contains: str | None = None,
        since: datetime | timedelta | None = None,
        until: datetime | timedelta | None = None,
        follow: bool = False,
    ) -> Iterator[LogLine]:
        """Go through the lines that the task has printed, or the selected attempt, by time.

        Parameters
        ----------
        stream : str, optional
            `stdout` or `stderr`; both if not given.
        contains : str, optional
            Only lines with this text.
        since, until : datetime or timedelta, optional
            Only lines that began to appear between these times. A naive time is local; a
            `timedelta` is an age.
        follow : bool, default False
            Go on as lines appear, until the task is over.

        Yields
        ------
        LogLine
            The next line: `time`, `pathspec`, `attempt`, `stream`, `text`.
        """
        from metaflow.client.log_lines import filter_of, lines_of

        view = self._view
        wanted = filter_of(stream, contains, since, until, view.selected)
        if follow:
            from metaflow.client.log_following import Follower

            return Follower(view.run, wanted, view.facts.step, view.task_id).lines()
        return lines_of(view.run, wanted, view.facts.step, view.task_id)

    # --- neighbours ---

    @property
    def parent_task_pathspecs(self) -> Iterator[str]:
        """Pathspecs of the tasks that this one followed, in input order."""
        run = self._view.run
        return self._pathspecs(run.catalog.parents(run.facts.key, self._view.task_id))

    @property
    def child_task_pathspecs(self) -> Iterator[str]:
        """Pathspecs of the tasks that followed this one, oldest first."""
        run = self._view.run
        return self._pathspecs(run.catalog.children(run.facts.key, self._view.task_id))

    @property
    def parent_tasks(self) -> Iterator[Task]:
        """The tasks that this one followed, in input order."""
        run = self._view.run
        return self._neighbours(run.catalog.parents(run.facts.key, self._view.task_id))

    @property
    def child_tasks(self) -> Iterator[Task]:
        """The tasks that followed this one, oldest first."""
        run = self._view.run
        return self._neighbours(run.catalog.children(run.facts.key, self._view.task_id))

    def _pathspecs(self, found: list[tuple[str, str]]) -> Iterator[str]:
        above = self._view.run.pathspec
        return (f"{above}/{step}/{task_id}" for step, task_id in found if step != PARAMETERS_STEP)

    @property
    def child_runs(self) -> Iterator[Any]:
        """The runs that this task's code has started, oldest first; those in its store."""
        for fact in facts_of(self._view):
            if fact.name == CHILD_RUN:
                with suppress(MetaflowNotFound):
                    yield _CLASSES[2]._found(self._scope, fact.value.split("/"))

    def _neighbours(self, found: list[tuple[str, str]]) -> Iterator[Task]:
        ids = [task_id for step, task_id in found if step != PARAMETERS_STEP]
        return map(task_object, tasks_among(self._view.run, ids))

    def _log(self, stream: str) -> LogView:
        from metaflow.client.task_logs import LogView

        return LogView(self._view, stream)

    def _nothing(self) -> AttemptView:
        view = self._view
        return AttemptView(view.run, view.facts.step, view.task_id, self.current_attempt, 0.0, "{}")


def task_object(view: TaskView) -> Task:
    """Show a task that was found already."""
    task = Task.__new__(Task)
    task._scope = view.run.scope
    task._view = view
    return task
