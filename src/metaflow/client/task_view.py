"""One task as the client sees it: its facts, its attempts, what it has stored."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, TypeAlias

from metaflow.client.siblings import FEW, Siblings, many
from metaflow.client.view import AttemptView, RunView, find_run
from metaflow.errors.metadata import AttemptNotFound, ObjectNotFound
from metaflow.model.task import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from metaflow.client.scope import Scope
    from metaflow.metadata_store.facts import AttemptFacts, TaskFacts

FIRST_PAGE: Final = 32
LARGEST_PAGE: Final = 512
"""Listings come in pages that grow: the newest few at once, all in few queries."""

SUGGESTED: Final = 50
"""Among so many ids an error looks for the one that was meant."""

Manifests: TypeAlias = dict[int | str, tuple[int, str]]
"""Attempt number and manifest by a task's id."""

_decode: Final = json.JSONDecoder().decode


class Page:
    """Tasks that were listed together, so that more about them can be read together.

    Parameters
    ----------
    run : RunView
        The run.
    tasks : list of TaskFacts
        The tasks.
    version : tuple of int
        The store's state when they were listed, or before; empty if nothing will change.
    siblings : Siblings, optional
        For the first page of a step's tasks: the steps that were listed with it.
    manifests : dict, optional
        What is known already of what they stored: attempt number and manifest by id.
    """

    __slots__ = ("_manifests", "_now", "_run", "_siblings", "_tasks", "_version")

    def __init__(
        self,
        run: RunView,
        tasks: list[TaskFacts],
        version: tuple[int, ...] = (),
        siblings: Siblings | None = None,
        manifests: Manifests | None = None,
    ) -> None:
        self._run: Final = run
        self._tasks: Final = tasks
        self._version = version
        self._siblings: Final = siblings
        self._manifests = manifests
        self._now: dict[int | str, TaskFacts] | None = None

    def manifest(self, task: int | str, attempt: int) -> str | None:
        """Return the manifest of this attempt, if it was the latest done one."""
        if self._manifests is None:
            siblings = self._siblings
            if siblings is None:
                self._manifests = self._read()
            else:
                catalog = self._run.catalog
                found = siblings.ask(
                    "manifests",
                    self._tasks[0].step_key,
                    self._read,
                    lambda keys: many().manifests_of_steps(catalog, keys, FIRST_PAGE),
                    FEW,
                )
                self._manifests = found or {}
        number, text = self._manifests.get(task, (-1, ""))
        return text if number == attempt else None

    def now(self, facts: TaskFacts) -> TaskFacts:
        """Return one of the tasks that still change, as it is now.

        All of them are read again if anything has changed in the store, and else none.
        """
        catalog = self._run.catalog
        version = catalog.version()
        if version != self._version:
            ids = [str(task.id) for task in self._tasks if not task.ok]
            self._now = {task.id: task for task in catalog.tasks_of_ids(self._run.facts.key, ids)}
            self._version = version
        return facts if self._now is None else self._now.get(facts.id, facts)

    def _read(self) -> Manifests:
        ids = [task.id for task in self._tasks]
        # The only task of a page may be looked at for something else.
        return self._run.catalog.manifests_of_ids(self._run.facts.key, ids)


class TaskView:
    """One task; everything that shows it shares the view.

    Parameters
    ----------
    run : RunView
        The run.
    facts : TaskFacts
        The task and its latest done attempt.
    selected : int, optional
        The only attempt to look at; None looks at the latest done one.
    page : Page, optional
        The listing that the task comes from.
    """

    __slots__ = ("_chosen", "_page", "_settled", "_stored", "facts", "run", "selected")

    def __init__(
        self,
        run: RunView,
        facts: TaskFacts,
        selected: int | None = None,
        page: Page | None = None,
        *,
        settled: bool = False,
    ) -> None:
        self.run: Final = run
        self.facts: TaskFacts = facts
        self.selected: Final = selected
        self._page: Final = page
        self._settled: bool = settled or bool(facts.ok)
        self._stored: AttemptView | None = None
        self._chosen: AttemptFacts | None = None

    @property
    def task_id(self) -> str:
        """Id of the task."""
        return str(self.facts.id)

    @property
    def path_components(self) -> list[str]:
        """The parts of the pathspec."""
        return [self.run.flow, self.run.facts.run_id, self.facts.step, self.task_id]

    def now(self) -> TaskFacts:
        """Return the facts as they are now, or those of the selected attempt."""
        if self.selected is not None:
            return self._of_selected()
        if not self._settled:
            self.facts = self._read() if self._page is None else self._page.now(self.facts)
            self._settled = bool(self.facts.ok)
        return self.facts

    def _read(self) -> TaskFacts:
        found = self.run.catalog.task(self.run.facts.key, self.task_id)
        assert found is not None, "tasks are never taken away from a run"
        return found

    @property
    def stored(self) -> AttemptView | None:
        """What the attempt has stored; None while there is no done one."""
        facts = self.now()
        if facts.attempt is None or facts.ended_at is None:
            return None
        stored = self._stored
        if stored is None or stored.attempt != facts.attempt:
            text = self._manifest(facts.attempt)
            if text is None:
                return None
            stored = self._stored = AttemptView(
                self.run, facts.step, self.task_id, facts.attempt, facts.ended_at, text
            )
        return stored

    def attempts(self) -> list[AttemptFacts]:
        """Return all attempts, or just the selected one."""
        found = self.run.catalog.attempts(self.run.facts.key, self.task_id)
        return [one for one in found if self.selected is None or one.number == self.selected]

    def frames(self) -> list[Frame]:
        """Return the open splits around the task, outermost first."""
        return [Frame.from_json(frame) for frame in _decode(self.facts.frames)]

    def origin(self) -> TaskView | None:
        """Return the task of the original run that this one was cloned from."""
        origin_run_id = self.run.facts.origin_run_id
        if self.facts.origin_task_id is None or origin_run_id is None:
            return None
        facts = self.run.catalog.run(self.run.flow, origin_run_id)
        if facts is None:
            return None
        run = RunView(self.run.scope, self.run.catalog, self.run.flow, facts)
        task = run.catalog.task(facts.key, self.facts.origin_task_id)
        return None if task is None else TaskView(run, task, self.selected)

    def check_selected(self) -> None:
        """Refuse an attempt that was never made."""
        if self.selected is not None and not self.attempts():
            made = self.run.catalog.attempts(self.run.facts.key, self.task_id)
            pathspec = "/".join(self.path_components)
            raise AttemptNotFound(pathspec, self.selected, [one.number for one in made])

    def _of_selected(self) -> TaskFacts:
        chosen = self._chosen
        if chosen is None or chosen.ended_at is None:
            (chosen,) = self.attempts()
            self._chosen = chosen
        return self.facts._replace(
            attempt=chosen.number,
            started_at=chosen.started_at,
            ended_at=chosen.ended_at,
            ok=chosen.ok,
            handled=chosen.handled,
            error=chosen.error,
        )

    def _manifest(self, attempt: int) -> str | None:
        if self._page is not None:
            text = self._page.manifest(self.facts.id, attempt)
            if text is not None:
                return text
        return self.run.catalog.manifest(self.run.facts.key, self.task_id, attempt)


def find_task(
    scope: Scope, flow: str, run_id: str, step: str, task_id: str, attempt: int | None = None
) -> TaskView:
    """Look a task up.

    Raises
    ------
    MetaflowNotFound
        There is no such flow, run, step, task or attempt.
    MetaflowNamespaceMismatch
        The run is not in the scope's namespace.
    """
    run = find_run(scope, flow, run_id)
    settled = run.settled
    facts = run.catalog.task(run.facts.key, task_id)
    if facts is None or facts.step != step:
        raise _missing_task(run, step, task_id)
    view = TaskView(run, facts, attempt, settled=settled)
    view.check_selected()
    return view


def tasks_of(run: RunView, step: int, siblings: Siblings | None = None) -> Iterator[TaskView]:
    """Go through the tasks of a step, newest first.

    Parameters
    ----------
    run : RunView
        The run.
    step : int
        The step.
    siblings : Siblings, optional
        The steps that it was listed with, if none of them will change.
    """
    settled, catalog = run.settled, run.catalog
    version = () if settled else catalog.version()
    count = FIRST_PAGE
    if siblings is None:
        listed = catalog.tasks(step, count=count)
    else:
        listed = (
            siblings.ask(
                "tasks",
                step,
                lambda: catalog.tasks(step, count=FIRST_PAGE),
                lambda keys: many().tasks_of_steps(catalog, keys, FIRST_PAGE),
            )
            or []
        )
    while listed:
        page = Page(run, listed, version, siblings)
        for facts in listed:
            yield TaskView(run, facts, None, page, settled=settled)
        if len(listed) < count:
            return
        siblings = None
        count = min(count * 4, LARGEST_PAGE)
        version = () if settled else catalog.version()
        listed = catalog.tasks(step, before=listed[-1].id, count=count)


def tasks_among(run: RunView, task_ids: Sequence[str]) -> Iterator[TaskView]:
    """Go through the tasks of these ids, in the same order."""
    settled, catalog = run.settled, run.catalog
    for first in range(0, len(task_ids), LARGEST_PAGE):
        version = () if settled else catalog.version()
        listed = catalog.tasks_of_ids(run.facts.key, task_ids[first : first + LARGEST_PAGE])
        page = Page(run, listed, version)
        for facts in listed:
            yield TaskView(run, facts, None, page, settled=settled)


def newest_task_of(run: RunView, step: int, siblings: Siblings | None = None) -> TaskView:
    """Return the newest task of a step; the parameters are those of `tasks_of`."""
    settled, catalog = run.settled, run.catalog
    found = None
    if siblings is not None:
        found = siblings.ask(
            "newest task",
            step,
            lambda: catalog.tasks(step, count=1),
            lambda keys: many().tasks_of_steps(catalog, keys, 1),
        )
    if not found:
        found = catalog.tasks(step, count=1)
    return TaskView(run, found[0], None, Page(run, found, (), siblings), settled=settled)


def stored_task(run: RunView, facts: TaskFacts, manifest: str | None) -> TaskView:
    """Show a task of an ended run whose manifest came with its facts."""
    page = None
    if facts.attempt is not None and manifest is not None:
        page = Page(run, [facts], manifests={facts.id: (facts.attempt, manifest)})
    return TaskView(run, facts, None, page, settled=True)


def _missing_task(run: RunView, step: str, task_id: str) -> ObjectNotFound:
    found = run.catalog.step(run.facts.key, step)
    if found is None:
        names = [known.name for known in run.catalog.steps(run.facts.key)]
        return ObjectNotFound("step", f"{run.pathspec}/{step}", names)
    ids = [str(task.id) for task in run.catalog.tasks(found.key, count=SUGGESTED)]
    return ObjectNotFound("task", f"{run.pathspec}/{step}/{task_id}", ids)
