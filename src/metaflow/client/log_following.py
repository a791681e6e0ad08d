"""The log of what still goes on, read by another process as it is written.

A follower only reads: it looks whether the store has changed, which costs it next to nothing,
and then asks for what is new of the attempts that have not ended.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from metaflow.client.log_lines import chosen, selection_of
from metaflow.client.log_streams import (
    find_streams,
    load,
    stream_of,
    streams_of_clones,
    tell_apart,
)
from metaflow.client.run_log import log_of
from metaflow.client.status import SUCCEEDED, run_status, task_status
from metaflow.client.task_view import TaskView
from metaflow.client.view import RUNNING
from metaflow.metadata_store.holding import BY_SCHEDULER
from metaflow.metadata_store.sqlite import logs
from metaflow.model.artifact import ArtifactRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from metaflow.client.log_line import LogLine
    from metaflow.client.log_lines import LogFilter
    from metaflow.client.log_stream import LogStream
    from metaflow.client.view import RunView

POLL_S: Final = 0.1
"""How often the store is asked whether anything has changed."""

LOOK_S: Final = 1.0
"""How often it is asked for more than that: a launcher that dies changes nothing."""


class Follower:
    """Follows the log of a run, a step or a task until that is over.

    Parameters
    ----------
    run : RunView
        The run.
    wanted : LogFilter
        Which lines.
    step : str, optional
        Only of this step.
    task_id : str, optional
        Only of this task of the step.
    """

    def __init__(
        self, run: RunView, wanted: LogFilter, step: str | None = None, task_id: str | None = None
    ) -> None:
        self._run: Final = run
        self._wanted: Final = wanted
        self._step: Final = step
        self._task_id: Final = task_id
        self._log: Final = log_of(run)
        self._open: dict[int, list[LogStream]] = {}
        self._last_attempt = 0
        self._shown: set[str] = set()
        """Clones among the first tasks; those that come later are shown when they do."""
        self._next_steps: dict[str, list[str]] | None = None

    def lines(self) -> Iterator[LogLine]:
        """Go through what is there, then through what comes."""
        run, wanted = self._run, self._wanted
        version = run.catalog.version()
        looked_at = time.monotonic()
        is_over = self._is_over()
        yield from chosen(self._first_streams(is_over=is_over), wanted)
        wanted = wanted._replace(tail=None)
        while not is_over:
            while version == run.catalog.version() and time.monotonic() - looked_at < LOOK_S:
                time.sleep(POLL_S)
            version = run.catalog.version()
            if self._step is None or self._task_id or time.monotonic() - looked_at >= LOOK_S:
                looked_at = time.monotonic()
                # Before the log is read: what is over adds nothing to it.
                is_over = self._is_over()
            yield from chosen(self._new_streams(is_over=is_over), wanted)
            time.sleep(POLL_S)

    @property
    def status(self) -> str:
        """What became of that which was followed."""
        run, task_id = self._run, self._task_id
        if task_id is not None:
            return task_status(self._task(task_id))
        if self._step is None:
            return run_status(run)
        for step, tasks, _, succeeded, _ in run.catalog.task_counts(run.facts.key):
            if step == self._step and tasks == succeeded:
                return SUCCEEDED
        return run_status(run)

    # ── which streams ────────────────────────────────────────────────────────────────────

    def _first_streams(self, *, is_over: bool) -> list[LogStream]:
        run, wanted = self._run, self._wanted
        catalog, key = run.catalog, run.facts.key
        self._last_attempt = logs.last_attempt(catalog, key)
        if not is_over:
            self._begin(logs.open_attempts(catalog, key))
        selection = selection_of(run, self._step, self._task_id)
        between = wanted.since, wanted.until
        found = find_streams(run, selection, wanted.attempt, wanted.names, between)
        opened = [stream for streams in self._open.values() for stream in streams]
        read_on = {stream.key for stream in opened}
        found = [stream for stream in found if stream.key not in read_on]
        self._shown = {stream.pathspec for stream in found if stream.run is not run}
        if opened:
            self._load(found, opened)
        return [*found, *opened]

    def _new_streams(self, *, is_over: bool) -> list[LogStream]:
        catalog, key = self._run.catalog, self._run.facts.key
        cloned = self._cloned(self._begin(logs.new_attempts(catalog, key, self._last_attempt)))
        # What has ended is asked first, so that the log of it is complete when it is read.
        ended = set(self._open) if is_over else logs.ended_attempts(catalog, list(self._open))
        opened = [stream for streams in self._open.values() for stream in streams]
        self._load([], opened)
        for attempt in ended:
            for stream in self._open.pop(attempt):
                stream.is_over = True
        return [*cloned, *(stream for stream in opened if stream.has_news)]

    def _cloned(self, tasks: list[str]) -> list[LogStream]:
        run, wanted = self._run, self._wanted
        if run.facts.origin_run_id is None or not tasks:
            return []
        selection = logs.Selection(run.facts.key, None, tuple(tasks))
        between = wanted.since, wanted.until
        found = streams_of_clones(run, selection, wanted.attempt, wanted.names, between)
        return [stream for stream in found if stream.pathspec not in self._shown]

    def _load(self, found: Iterable[LogStream], opened: list[LogStream]) -> None:
        if self._task_id is None:
            # A control task before its members: what it has of theirs is then known.
            opened.sort(key=lambda stream: stream.control_id is not None)
        load(opened)
        if self._task_id is None:
            tell_apart([*found, *opened])

    def _begin(self, attempts: list[logs.LoggedAttempt]) -> list[str]:
        """Open the streams of attempts, as far as they are wanted, and say whose these are."""
        wanted, tasks = self._wanted, []
        for attempt in attempts:
            self._last_attempt = max(self._last_attempt, attempt.key)
            if (
                attempt.key not in self._open
                and wanted.attempt in {None, attempt.number}
                and self._step in {None, attempt.step}
                and self._task_id in {None, str(attempt.task)}
            ):
                streams = [
                    stream_of(self._run, self._log, attempt, name, attempt.number, 0.0)
                    for name in wanted.names
                ]
                for stream in streams:
                    stream.is_over = False
                self._open[attempt.key] = streams
                tasks.append(str(attempt.task))
        return tasks

    # ── until when ───────────────────────────────────────────────────────────────────────

    def _is_over(self) -> bool:
        if self._task_id is not None:
            return self._is_task_over(self._task_id)
        return run_status(self._run) != RUNNING or (
            self._step is not None and self._is_step_over(self._step)
        )

    def _is_task_over(self, task_id: str) -> bool:
        run = self._run
        status = task_status(self._task(task_id))
        if status == RUNNING:
            return False
        if status == SUCCEEDED or self._wanted.attempt is not None:
            return True
        # It may be tried again, as long as somebody is there to do so.
        lease = run.catalog.lease(run.facts.key)
        by_scheduler = lease is not None and lease.holder == BY_SCHEDULER
        return by_scheduler or run_status(run) != RUNNING

    def _task(self, task_id: str) -> TaskView:
        run = self._run
        facts = run.catalog.task(run.facts.key, task_id)
        assert facts is not None, "tasks are never taken away from a run"
        return TaskView(run, facts, self._wanted.attempt)

    def _is_step_over(self, step: str) -> bool:
        """Say whether the run has come to where no way leads back to the step."""
        run = self._run
        after = self._after()
        return any(
            name != step and step not in _reached(after, name)
            for name in logs.steps_outside_of_splits(run.catalog, run.facts.key)
            if name in after
        )

    def _after(self) -> dict[str, list[str]]:
        """Say which steps follow each step, as far as the run tells."""
        if self._next_steps is None:
            ref = self._run.parameters.get("_graph_info")
            if ref is None:
                return {}
            info: Any = self._run.read(lambda store: store.load(ArtifactRef.from_json(ref)))
            self._next_steps = {name: step["next"] for name, step in info["steps"].items()}
        return self._next_steps


def _reached(after: dict[str, list[str]], step: str) -> set[str]:
    """Find all steps to which a way leads from a step."""
    found: set[str] = set()
    waiting = [step]
    while waiting:
        for name in after.get(waiting.pop(), ()):
            if name not in found:
                found.add(name)
                waiting.append(name)
    return found
