"""What readers ask a SQLite store: each question is one indexed query."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from metaflow.metadata_store.facts import (
    AttemptFacts,
    FlowFacts,
    FreeFact,
    LeaseFacts,
    LogChunk,
    RunFacts,
    StepFacts,
    TaskFacts,
)
from metaflow.metadata_store.sqlite import queries
from metaflow.metadata_store.sqlite.database_file import DatabaseFile, stored_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NEWEST: Final = 2**63 - 1
"""A run key above all others: where a listing of runs begins."""

PAGE: Final = 500
"""So many manifests are in memory at a time."""

MANY: Final = 2000
"""Of a tag that so many runs have, those that were searched for are soon found."""

AFTER_ALL: Final = b""
"""In SQLite's order a blob comes after all numbers and texts: where a listing of tasks begins."""


class Catalog(DatabaseFile):
    """The reading half of a SQLite metadata store."""

    def flow(self, name: str) -> FlowFacts | None:
        """Return the flow of this name."""
        row = self.connection.row(queries.FLOW_BY_NAME, (name,))
        return None if row is None else FlowFacts._make(row)

    def flows(self, tag: str | None = None) -> list[FlowFacts]:
        """Return all flows, newest first; with a tag, those that have a run with that tag."""
        if tag is None:
            rows = self.connection.rows(queries.FLOWS)
        else:
            rows = self.connection.rows(queries.FLOWS_TAGGED, (tag,))
        return [FlowFacts._make(row) for row in rows]

    def flow_has_tag(self, flow_key: int, tag: str) -> bool:
        """Say whether any run of the flow has this tag."""
        return bool(self.connection.row(queries.FLOW_HAS_TAG, (flow_key, tag))[0])

    def run(self, flow: str, run_id: str) -> RunFacts | None:
        """Return the run of this flow and id."""
        row = self.connection.row(queries.RUN_BY_ID, (flow, run_id))
        return None if row is None else RunFacts._make(row)

    def run_again(self, key: int) -> RunFacts | None:
        """Return a run that was read before, as it is now."""
        row = self.connection.row(queries.RUN_BY_KEY, (key,))
        return None if row is None else RunFacts._make(row)

    def runs(
        self, flow_key: int, tags: Sequence[str] = (), *, before: int = NEWEST, count: int = -1
    ) -> list[RunFacts]:
        """Return runs that have all the tags, newest first.

        Parameters
        ----------
        flow_key : int
            The flow.
        tags : sequence of str
            The first leads the search: see `rarest_first`.
        before : int
            Key of the last run that was seen already.
        count : int
            At most so many; -1 for all.
        """
        values: dict[str, Any] = {"flow": flow_key, "before": before, "count": count}
        query = queries.RUNS
        if tags:
            query = queries.RUNS_WITH_TAGS if len(tags) > 1 else queries.RUNS_WITH_TAG
            values.update(lead=tags[0], others=json.dumps(tags[1:]))
        return list(map(RunFacts._make, self.connection.rows(query, values)))

    def rarest_first(self, flow_key: int, tags: Sequence[str]) -> Sequence[str]:
        """Sort tags so that the one that fewest runs have comes first: it leads a search best."""
        if len(tags) < 2:  # noqa: PLR2004 - one is the rarest of itself
            return tags
        counts = {tag: self._count_tagged(flow_key, tag) for tag in tags}
        return sorted(counts, key=counts.__getitem__)

    def _count_tagged(self, flow_key: int, tag: str) -> int:
        """Count the runs that have a tag, but not beyond many."""
        count: int = self.connection.row(queries.COUNT_TAGGED, (flow_key, tag, MANY))[0]
        return count

    def latest_successful_run(self, flow_key: int, tags: Sequence[str] = ()) -> RunFacts | None:
        """Return the newest run that has succeeded and has all the tags."""
        query, values = queries.LATEST_SUCCESSFUL_RUN, {"flow": flow_key, "tags": json.dumps(tags)}
        if tags:
            lead, *others = self.rarest_first(flow_key, tags)
            if self._count_tagged(flow_key, lead) < MANY:
                query = queries.LATEST_SUCCESSFUL_RUN_TAGGED
                values = {"flow": flow_key, "lead": lead, "others": json.dumps(others)}
        row = self.connection.row(query, values)
        return None if row is None else RunFacts._make(row)

    def lease(self, run: int, task_id: str = "") -> LeaseFacts | None:
        """Return who carries a run, or a task of it that was started by itself."""
        row = self.connection.row(queries.LEASE, (run, stored_id(task_id)))
        return None if row is None else LeaseFacts._make(row)

    def task_leases(self, run: int) -> list[tuple[str, str, float, float]]:
        """Return step and lease of each task that somebody carries by itself."""
        return self.connection.rows(queries.TASK_LEASES, (run,))

    def task_counts(self, run: int) -> list[tuple[str, int, int, int, int]]:
        """Count the tasks of each step: all, not ended, succeeded, killed; oldest step first."""
        return self.connection.rows(queries.TASK_COUNTS, (run,))

    def stored_by(self, run: int) -> Iterator[tuple[str, str, str | None, str | None]]:
        """Go through all done attempts: step, task, manifest and transition as JSON texts."""
        after = 0
        while rows := self.connection.rows(queries.STORED_BY, (run, after, PAGE)):
            for _, step, task, manifest, transition in rows:
                yield step, str(task), manifest, transition
            after = rows[-1][0]

    def run_metadata(self, run: int) -> dict[str, str]:
        """Return the facts that all tasks of a run share."""
        facts: dict[str, str] = json.loads(self.connection.row(queries.RUN_METADATA, (run,))[0])
        return facts

    def steps(self, run: int) -> list[StepFacts]:
        """Return the steps of a run that have a task, newest first."""
        rows = self.connection.rows(queries.STEPS, (run,))
        return list(map(StepFacts._make, rows))

    def step(self, run: int, name: str) -> StepFacts | None:
        """Return the step of this name."""
        row = self.connection.row(queries.STEP_BY_NAME, (run, name))
        return None if row is None else StepFacts._make(row)

    def step_and_newest_task(
        self, run: int, name: str
    ) -> tuple[StepFacts, TaskFacts, str | None] | None:
        """Return the step of this name, its newest task and what that task stored.

        Parameters
        ----------
        run : int
            The run.
        name : str
            The step.
        """
        row = self.connection.row(queries.STEP_AND_NEWEST_TASK, (run, name))
        if row is None:
            return None
        *facts, manifest, created_at = row
        task = TaskFacts._make(facts)
        return StepFacts(task.step_key, run, name, created_at), task, manifest

    def step_ended_at(self, step: int) -> float | None:
        """Return when the last task of a step ended; None while any has not."""
        ended_at, unfinished = self.connection.row(queries.STEP_ENDS, (step,))
        return None if unfinished else ended_at

    def parent_steps(self, step: int) -> list[StepFacts]:
        """Return the steps whose tasks come right before those of this one."""
        rows = self.connection.rows(queries.PARENT_STEPS, (step,))
        return list(map(StepFacts._make, rows))

    def child_steps(self, step: int) -> list[StepFacts]:
        """Return the steps whose tasks come right after those of this one."""
        rows = self.connection.rows(queries.CHILD_STEPS, (step,))
        return list(map(StepFacts._make, rows))

    def tasks(
        self, step: int, *, before: int | str | bytes = AFTER_ALL, count: int = -1
    ) -> list[TaskFacts]:
        """Return tasks of a step with their latest done attempts, newest first.

        Parameters
        ----------
        step : int
            The step.
        before : int, str or bytes
            Id of the last task that was seen already, as stored.
        count : int
            At most so many; -1 for all.
        """
        rows = self.connection.rows(queries.TASKS, (step, before, count))
        return list(map(TaskFacts._make, rows))

    def task(self, run: int, task_id: str) -> TaskFacts | None:
        """Return the task of this id with its latest done attempt."""
        row = self.connection.row(queries.TASK_BY_ID, (run, stored_id(task_id)))
        return None if row is None else TaskFacts._make(row)

    def tasks_of_ids(self, run: int, task_ids: Sequence[str]) -> list[TaskFacts]:
        """Return the tasks of these ids with their latest done attempts, in the same order."""
        wanted = json.dumps([stored_id(task_id) for task_id in task_ids])
        rows = self.connection.rows(queries.TASKS_BY_IDS, (run, wanted))
        return list(map(TaskFacts._make, rows))

    def tasks_with_fact(self, step: int, name: str, value: str) -> list[str]:
        """Return the ids of a step's tasks that have recorded this fact."""
        rows = self.connection.rows(queries.TASK_WITH_FACT, (step, name, value))
        return [str(task_id) for (task_id,) in rows]

    def parents(self, run: int, task_id: str) -> list[tuple[str, str]]:
        """Return step and id of a task's predecessors, in input order."""
        rows = self.connection.rows(queries.PARENTS, (run, stored_id(task_id)))
        return [(step, str(parent)) for step, parent in rows]

    def children(self, run: int, task_id: str) -> list[tuple[str, str]]:
        """Return step and id of the tasks that follow a task, oldest first."""
        rows = self.connection.rows(queries.CHILDREN, (run, stored_id(task_id)))
        return [(step, str(child)) for step, child in rows]

    def attempts(self, run: int, task_id: str) -> list[AttemptFacts]:
        """Return all attempts of a task, in order."""
        rows = self.connection.rows(queries.ATTEMPTS, (run, stored_id(task_id)))
        return [AttemptFacts._make(row) for row in rows]

    def manifest(self, run: int, task_id: str, attempt: int) -> str | None:
        """Return what an attempt stored, as JSON text; None while it is not done."""
        row = self.connection.row(queries.MANIFEST, (run, stored_id(task_id), attempt))
        return None if row is None else row[0]

    def transition(self, run: int, task_id: str, attempt: int) -> str | None:
        """Return where the run went from an attempt, as JSON text."""
        row = self.connection.row(queries.TRANSITION, (run, stored_id(task_id), attempt))
        return None if row is None else row[0]

    def manifests_of_ids(
        self, run: int, ids: Sequence[int | str]
    ) -> dict[int | str, tuple[int, str]]:
        """Return attempt number and manifest of the latest done attempts of tasks.

        Parameters
        ----------
        run : int
            The run.
        ids : sequence of int or str
            The tasks, as stored.
        """
        rows = self.connection.rows(queries.MANIFESTS_BY_IDS, (run, json.dumps(ids)))
        return {task: (attempt, manifest) for task, attempt, manifest in rows}

    def log_chunks(self, run: int, task_id: str, attempt: int) -> list[LogChunk]:
        """Return where an attempt's output lies, by stream and in order."""
        rows = self.connection.rows(queries.LOG_CHUNKS, (run, stored_id(task_id), attempt))
        return [LogChunk._make(row) for row in rows]

    def free_facts(self, run: int, task_id: str) -> list[FreeFact]:
        """Return the facts recorded by name about a task, in order of time."""
        rows = self.connection.rows(queries.FREE_FACTS, (run, stored_id(task_id)))
        return [FreeFact._make(row) for row in rows]
