"""One run as users see it: `Run('Flow/run')`, with its tags."""

# ruff: noqa: SLF001 - the classes of this folder make one another without a second look-up
from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from metaflow.client.artifact import MetaflowData
from metaflow.client.base import MetaflowObject
from metaflow.client.code import PACKAGE, MetaflowCode, code_of
from metaflow.client.siblings import many
from metaflow.client.step import Step, step_object, steps_of
from metaflow.client.task import Task, task_object
from metaflow.client.task_view import TaskView, stored_task
from metaflow.client.trigger import Trigger, trigger_of
from metaflow.client.view import AttemptView, RunView, find_run, local_time
from metaflow.errors.metadata import MetaflowNotFound
from metaflow.model.records import PARAMETERS_STEP, PARENT_TASK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime, timedelta

    from metaflow.client.log_line import LogLine
    from metaflow.metadata_store.facts import TaskFacts


class Run(MetaflowObject, depth=2, kind="run"):
    """One execution of a flow, found as `Run('Flow/run')`.

    Iterating it yields its steps, newest first; `run['train']` is one of them.
    """

    __slots__ = ("_view",)

    _view: RunView

    def _locate(self, components: Sequence[str], attempt: int | None) -> None:  # noqa: ARG002 - runs have no attempts
        self._view = find_run(self._scope, components[0], components[1])

    @property
    def _run_view(self) -> RunView:
        return self._view

    @property
    def path_components(self) -> list[str]:
        """The parts of the pathspec."""
        return [self._view.flow, self._view.facts.run_id]

    @property
    def created_at(self) -> datetime:
        """When the run began, as naive local time."""
        return local_time(self._view.facts.created_at)

    @property
    def origin_pathspec(self) -> str | None:
        """The run that this one resumed; None for a plain run."""
        origin = self._view.facts.origin_run_id
        return None if origin is None else f"{self._view.flow}/{origin}"

    # --- how it went: as the task of the end step did ---

    @property
    def status(self) -> str:
        """What became of the run, as far as is known now.

        `running`; `succeeded`, also when `@catch` has handled a failure; `failed`; `killed`
        by a signal such as Ctrl-C; or `lost`, when its launcher has died without a word.
        """
        # Loaded here: most who look at runs ask for what is in them.
        from metaflow.client.status import run_status

        return run_status(self._view)

    @property
    def error(self) -> str | None:
        """Why the run did not succeed, in one sentence; None if nobody has said."""
        return self._view.now().error

    @property
    def finished(self) -> bool:
        """Whether the end step succeeded or its failure was handled."""
        return bool(self._view.now().end_ok)

    @property
    def successful(self) -> bool:
        """Whether the end step succeeded."""
        facts = self._view.now()
        return bool(facts.end_ok and not facts.end_handled)

    @property
    def finished_at(self) -> datetime | Any:
        """When the end step's task ended, as naive local time; None as long as it has not."""
        end_at = self._view.now().end_at
        return None if end_at is None else local_time(end_at)

    @property
    def end_task(self) -> Task | Any:
        """The task of the end step; None as long as there is none."""
        view = self._view
        facts = view.now()
        if facts.end_task is None:
            return None
        settled, end = view.settled, str(facts.end_task)
        catalog = view.catalog
        found: tuple[TaskFacts | None, str | None] | None = view.ask(
            "end task",
            lambda: (catalog.task(facts.key, end), None),
            lambda keys: many().end_tasks(catalog, keys),
        )
        assert found is not None, "the end task is recorded with the run's mark of it"
        task, manifest = found
        assert task is not None, "as above"
        if manifest is not None:
            return task_object(stored_task(view, task, manifest))
        return task_object(TaskView(view, task, settled=settled))

    @property
    def data(self) -> MetaflowData | Any:
        """The end task's artifacts as attributes; None as long as there is no end task."""
        view = self._view
        facts = view.now()
        if facts.end_task is None:
            return None
        text: str | None = None
        if facts.end_attempt is not None:
            catalog, end, attempt = view.catalog, str(facts.end_task), facts.end_attempt
            text = view.ask(
                "end manifest",
                lambda: catalog.manifest(facts.key, end, attempt),
                lambda keys: many().end_manifests(catalog, keys),
            )
        return MetaflowData(
            AttemptView(
                view,
                facts.end_step,
                str(facts.end_task),
                facts.end_attempt or 0,
                facts.end_at or 0.0,
                text or "{}",
            )
        )

    @property
    def code(self) -> MetaflowCode | Any:
        """The user's code as the run found it; None if it was not packed, or not yet."""
        view = self._view
        return code_of(view.lasting_fact(PACKAGE), view.scope.backing.root)

    @property
    def trigger(self) -> Trigger | Any:
        """What set the run off; None if it was started by hand."""
        return trigger_of(self._view.metadata, self._trigger_run)

    @property
    def parent_task(self) -> Task | None:
        """The task whose code has started this run, if one in this store has."""
        pathspec = self._view.metadata.get(PARENT_TASK)
        if pathspec is None:
            return None
        with suppress(MetaflowNotFound):
            return Task._found(self._scope, pathspec.split("/"))
        return None

    def _trigger_run(self, pathspec: str) -> Run:
        return Run._found(self._scope, pathspec.split("/"))

    @property
    def _graph_endpoints(self) -> tuple[str, str]:
        """Names of the start step and the end step."""
        return self._view.metadata.get("start_step", "start"), self._view.facts.end_step

    # --- steps ---

    def steps(self, *tags: str) -> Iterator[Step]:
        """Go through the steps of the run, newest first.

        Parameters
        ----------
        *tags : str
            The run must have all of these tags.

        Yields
        ------
        Step
            The next step.
        """
        if self.tags.issuperset(tags):
            yield from self

    def __iter__(self) -> Iterator[Step]:
        view = self._view
        listed, siblings = steps_of(view)
        for facts in listed:
            if facts.name != PARAMETERS_STEP:
                yield step_object(view, facts, siblings=siblings)

    def __getitem__(self, name: str) -> Step:
        view = self._view
        if view.settled:
            # Nothing of it changes any more, and most who ask go on to the step's task.
            catalog = view.catalog
            found = view.ask(
                f"step {name}",
                lambda: catalog.step_and_newest_task(view.facts.key, name),
                lambda keys: many().newest_tasks(catalog, keys, name),
            )
            if found is not None:
                step, task, manifest = found
                return step_object(view, step, stored_task(view, task, manifest))
        facts = view.catalog.step(view.facts.key, name)
        if facts is None:
            raise KeyError(name)
        return step_object(view, facts)

    def __contains__(self, name: object) -> bool:
        view = self._view
        return isinstance(name, str) and view.catalog.step(view.facts.key, name) is not None

    # --- output ---

    def logs(
        self,
        stream: str | None = None,
        *,
        contains: str | None = None,
        since: datetime | timedelta | None = None,
        until: datetime | timedelta | None = None,
        follow: bool = False,
    ) -> Iterator[LogLine]:
        """Go through the lines that the run's tasks have printed, in order of time.

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
            Go on as lines appear, until the run is over.

        Yields
        ------
        LogLine
            The next line: `time`, `pathspec`, `attempt`, `stream`, `text`.
        """
        from metaflow.client.log_lines import filter_of, lines_of

        wanted = filter_of(stream, contains, since, until)
        if follow:
            from metaflow.client.log_following import Follower

            return Follower(self._view, wanted).lines()
        return lines_of(self._view, wanted)

    # --- tags ---

    def add_tag(self, tag: str | Iterable[str]) -> None:
        """Put a tag, or several, on the run.

        Parameters
        ----------
        tag : str or iterable of str
            What to put on; one that is there already changes nothing.
        """
        self._change_tags((), _several(tag))

    def add_tags(self, tags: Iterable[str]) -> None:
        """Put tags on the run.

        Parameters
        ----------
        tags : iterable of str
            What to put on; those that are there already change nothing.
        """
        self._change_tags((), _several(tags))

    def remove_tag(self, tag: str | Iterable[str]) -> None:
        """Take a tag, or several, off the run.

        Parameters
        ----------
        tag : str or iterable of str
            What to take off; one that is not there changes nothing.
        """
        self._change_tags(_several(tag), ())

    def remove_tags(self, tags: Iterable[str]) -> None:
        """Take tags off the run.

        Parameters
        ----------
        tags : iterable of str
            What to take off; those that are not there change nothing.
        """
        self._change_tags(_several(tags), ())

    def replace_tag(
        self, tag_to_remove: str | Iterable[str], tag_to_add: str | Iterable[str]
    ) -> None:
        """Take one tag, or several, off the run and put others on, all or nothing.

        Parameters
        ----------
        tag_to_remove : str or iterable of str
            What to take off first.
        tag_to_add : str or iterable of str
            What to put on then.
        """
        self._change_tags(_several(tag_to_remove), _several(tag_to_add))

    def replace_tags(self, tags_to_remove: Iterable[str], tags_to_add: Iterable[str]) -> None:
        """Take tags off the run and put others on, all or nothing.

        Parameters
        ----------
        tags_to_remove : iterable of str
            What to take off first.
        tags_to_add : iterable of str
            What to put on then.
        """
        self._change_tags(_several(tags_to_remove), _several(tags_to_add))

    def _change_tags(self, remove: Sequence[Any], add: Sequence[Any]) -> None:
        view = self._view
        view.catalog.change_tags(view.facts.key, remove=remove, add=add)
        view.refresh()


def _several(tags: Any) -> list[Any]:
    """Take one tag for a list of one; anything that cannot be gone through is one tag too."""
    if isinstance(tags, str | bytes):
        return [tags]
    try:
        return list(tags)
    except TypeError:
        return [tags]


def run_object(view: RunView) -> Run:
    """Show a run that was found already."""
    run = Run.__new__(Run)
    run._scope = view.scope
    run._view = view
    return run
