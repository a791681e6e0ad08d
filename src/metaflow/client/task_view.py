"""One task as the client sees it: its facts, its attempts, what it has stored."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

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

SPARSE: Final = 4
"""Tasks are read together if there are not more than so many ids for each of them."""

SUGGESTED: Final = 50
"""Among so many ids an error looks for the one that was meant."""

_decode: Final = json.JSONDecoder().decode


class Page:
    """Tasks that were listed together, so that their manifests can be read together."""

    __slots__ = ("_manifests", "_run", "_step", "tasks")

    def __init__(
        self,
        run: RunView,
        step: int,
        tasks: list[TaskFacts],
        manifests: dict[int | str, tuple[int, str]] | None = None,
    ) -> None:
        self._run: Final = run
        self._step: Final = step
        self.tasks: Final = tasks
        self._manifests = manifests

    def manifest(self, task: int | str, attempt: int) -> str | None:
        """Return the manifest of this attempt, if it was the latest done one."""
        if self._manifests is None:
            if len(self.tasks) == 1:
                return None
            self._manifests = self._run.catalog.manifests_of_step(
                self._step, self.tasks[-1].id, self.tasks[0].id
            )
        number, text = self._manifests.get(task, (-1, ""))
        return text if number == attempt else None


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
            found = self.run.catalog.task(self.run.facts.key, self.task_id)
            assert found is not None, "tasks are never taken away from a run"
            self.facts = found
            self._settled = bool(found.ok)
        return self.facts

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


def tasks_of(run: RunView, step: int) -> Iterator[TaskView]:
    """Go through the tasks of a step, newest first."""
    settled = run.settled
    count = FIRST_PAGE
    listed = run.catalog.tasks(step, count=count)
    while listed:
        page = Page(run, step, listed)
        for facts in listed:
            yield TaskView(run, facts, None, page, settled=settled)
        if len(listed) < count:
            return
        count = min(count * 4, LARGEST_PAGE)
        listed = run.catalog.tasks(step, before=listed[-1].id, count=count)


def tasks_among(run: RunView, task_ids: Sequence[str]) -> Iterator[TaskView]:
    """Go through the tasks of these ids, in the same order."""
    settled = run.settled
    for first in range(0, len(task_ids), LARGEST_PAGE):
        listed = run.catalog.tasks_of_ids(run.facts.key, task_ids[first : first + LARGEST_PAGE])
        page = _page_of(run, listed)
        for facts in listed:
            yield TaskView(run, facts, None, page, settled=settled)


def _page_of(run: RunView, listed: list[TaskFacts]) -> Page | None:
    """Make a page of tasks that lie together, so that reading it reads little else."""
    ids = [facts.id for facts in listed if isinstance(facts.id, int)]
    steps = {facts.step_key for facts in listed}
    if len(steps) > 1 or len(ids) < len(listed) or max(ids) - min(ids) > SPARSE * len(ids):
        return None
    return Page(run, steps.pop(), sorted(listed, key=lambda facts: facts.id, reverse=True))


def newest_task_of(run: RunView, step: int) -> TaskView:
    """Return the newest task of a step."""
    settled = run.settled
    return TaskView(run, run.catalog.tasks(step, count=1)[0], settled=settled)


def stored_task(run: RunView, facts: TaskFacts, manifest: str | None) -> TaskView:
    """Show a task of an ended run whose manifest came with its facts."""
    page = None
    if facts.attempt is not None and manifest is not None:
        page = Page(run, facts.step_key, [facts], {facts.id: (facts.attempt, manifest)})
    return TaskView(run, facts, None, page, settled=True)


def _missing_task(run: RunView, step: str, task_id: str) -> ObjectNotFound:
    found = run.catalog.step(run.facts.key, step)
    if found is None:
        names = [known.name for known in run.catalog.steps(run.facts.key)]
        return ObjectNotFound("step", f"{run.pathspec}/{step}", names)
    ids = [str(task.id) for task in run.catalog.tasks(found.key, count=SUGGESTED)]
    return ObjectNotFound("task", f"{run.pathspec}/{step}/{task_id}", ids)
