"""One step of one run as users see it: `Step('Flow/run/step')`."""

# ruff: noqa: SLF001 - the classes of this folder make one another without a second look-up
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from metaflow.client.base import MetaflowObject
from metaflow.client.siblings import Siblings, many
from metaflow.client.task import Task, task_object
from metaflow.client.task_view import TaskView, newest_task_of, tasks_of
from metaflow.client.view import RunView, find_run, local_time
from metaflow.errors.metadata import ObjectNotFound
from metaflow.model.records import PARAMETERS_STEP

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, timedelta

    from metaflow.client.log_line import LogLine
    from metaflow.metadata_store.facts import StepFacts


class Step(MetaflowObject, depth=3, kind="step"):
    """A step of a run that has at least one task, found as `Step('Flow/run/step')`.

    Iterating it yields its tasks, newest first; `step['7']` is one of them.
    """

    __slots__ = ("_facts", "_newest", "_siblings", "_view")

    _view: RunView
    _facts: StepFacts
    _newest: TaskView | None
    _siblings: Siblings | None

    def _locate(self, components: Sequence[str], attempt: int | None) -> None:  # noqa: ARG002 - steps have no attempts
        flow, run_id, name = components
        view = find_run(self._scope, flow, run_id)
        facts = view.catalog.step(view.facts.key, name)
        if facts is None:
            names = [known.name for known in view.catalog.steps(view.facts.key)]
            raise ObjectNotFound("step", "/".join(components), names)
        self._view = view
        self._facts = facts
        self._newest = None
        self._siblings = None

    @property
    def _run_view(self) -> RunView:
        return self._view

    @property
    def path_components(self) -> list[str]:
        """The parts of the pathspec."""
        return [self._view.flow, self._view.facts.run_id, self._facts.name]

    @property
    def created_at(self) -> datetime:
        """When the step's first task was created, as naive local time."""
        return local_time(self._facts.created_at)

    @property
    def finished_at(self) -> datetime | Any:
        """When the last of the step's tasks ended; None while any has not."""
        ended_at = self._view.catalog.step_ended_at(self._facts.key)
        return None if ended_at is None else local_time(ended_at)

    @property
    def task(self) -> Task:
        """The newest task of the step."""
        found = self._newest
        if found is None:
            found = newest_task_of(self._view, self._facts.key, self._siblings)
        return task_object(found)

    def tasks(self, *tags: str) -> Iterator[Task]:
        """Go through the tasks of the step, newest first.

        Parameters
        ----------
        *tags : str
            The run must have all of these tags.

        Yields
        ------
        Task
            The next task.
        """
        if self.tags.issuperset(tags):
            yield from self

    def __iter__(self) -> Iterator[Task]:
        return map(task_object, tasks_of(self._view, self._facts.key, self._siblings))

    def __getitem__(self, task_id: str) -> Task:
        found = self._child(task_id)
        if found is None:
            raise KeyError(task_id)
        return task_object(found)

    def __contains__(self, task_id: object) -> bool:
        return self._child(task_id) is not None

    def _child(self, task_id: object) -> TaskView | None:
        view = self._view
        settled = view.settled
        found = view.catalog.task(view.facts.key, str(task_id))
        if found is None or found.step_key != self._facts.key:
            return None
        return TaskView(view, found, settled=settled)

    @property
    def control_task(self) -> Task | Any:
        """The task that controls a gang of parallel ones; None if the step has no gang."""
        return next(self.control_tasks(), None)

    def control_tasks(self, *tags: str) -> Iterator[Task]:
        """Go through the tasks that control a gang of parallel ones.

        Parameters
        ----------
        *tags : str
            The run must have all of these tags.

        Yields
        ------
        Task
            The next task.
        """
        if not self.tags.issuperset(tags):
            return
        found = self._view.catalog.tasks_with_fact(
            self._facts.key, "internal_task_type", "control_task"
        )
        for task_id in found:
            yield self[task_id]

    def logs(
        self,
        stream: str | None = None,
        *,
        contains: str | None = None,
        since: datetime | timedelta | None = None,
        until: datetime | timedelta | None = None,
        follow: bool = False,
    ) -> Iterator[LogLine]:
        """Go through the lines that the step's tasks have printed, in order of time.

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
            Go on as lines appear, until the step is over.

        Yields
        ------
        LogLine
            The next line: `time`, `pathspec`, `attempt`, `stream`, `text`.
        """
        from metaflow.client.log_lines import filter_of, lines_of

        wanted = filter_of(stream, contains, since, until)
        if follow:
            from metaflow.client.log_following import Follower

            return Follower(self._view, wanted, self._facts.name).lines()
        return lines_of(self._view, wanted, self._facts.name)

    @property
    def environment_info(self) -> dict[str, Any] | None:
        """The environment that the tasks' code package describes; None without a package."""
        return self.task.environment_info

    @property
    def parent_steps(self) -> Iterator[Step]:
        """The steps whose tasks came right before those of this one."""
        return self._neighbours(self._view.catalog.parent_steps(self._facts.key))

    @property
    def child_steps(self) -> Iterator[Step]:
        """The steps whose tasks came right after those of this one."""
        return self._neighbours(self._view.catalog.child_steps(self._facts.key))

    def _neighbours(self, found: list[StepFacts]) -> Iterator[Step]:
        # A step that loops is its own neighbour, which nobody means by the word.
        for facts in found:
            if facts.name not in {PARAMETERS_STEP, self._facts.name}:
                yield step_object(self._view, facts)


def steps_of(view: RunView) -> tuple[list[StepFacts], Siblings | None]:
    """List the steps of a run, newest first, and say among which steps they were listed."""
    catalog, key = view.catalog, view.facts.key

    def of_one() -> tuple[list[StepFacts], Siblings | None]:
        steps = catalog.steps(key)
        return steps, Siblings([step.key for step in steps]) if view.settled else None

    def of_some(keys: Sequence[int]) -> dict[int, tuple[list[StepFacts], Siblings | None]]:
        found = many().steps_of_runs(catalog, keys)
        shared = Siblings([step.key for steps in found.values() for step in steps])
        return {run: (steps, shared) for run, steps in found.items()}

    return view.ask("steps", of_one, of_some) or ([], None)


def step_object(
    view: RunView,
    facts: StepFacts,
    newest: TaskView | None = None,
    siblings: Siblings | None = None,
) -> Step:
    """Show a step that was found already.

    Parameters
    ----------
    view : RunView
        Its run.
    facts : StepFacts
        The step.
    newest : TaskView, optional
        What is known for good of its newest task.
    siblings : Siblings, optional
        The steps that it was listed with, if none of them will change.
    """
    step = Step.__new__(Step)
    step._scope = view.scope
    step._view = view
    step._facts = facts
    step._newest = newest
    step._siblings = siblings
    return step
