"""How the facts of runs get into one SQLite file, and how an earlier run comes out again."""

from __future__ import annotations

import _sqlite3 as sqlite3  # the module around it adds dates, which takes 1 ms to load
import json
from typing import TYPE_CHECKING, Any, Final

from metaflow.errors.metadata import RunExists
from metaflow.metadata_store.sqlite import queries
from metaflow.metadata_store.sqlite.database_file import DatabaseFile, stored_id
from metaflow.model.artifact import ArtifactRef, manifest_from_json
from metaflow.model.records import (
    AttemptDone,
    AttemptStarted,
    Change,
    LeaseEnded,
    LeaseHeld,
    LogWritten,
    NewRun,
    OriginTask,
    RunDone,
    RunMetadata,
    TaskCreated,
    TaskMetadata,
)
from metaflow.model.task import Frame, Transition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from metaflow.protocols.metadata_store import FactListener

END_STEP: Final = "end_step"
"""Fact of a run that names its end step; a run without it ends with a step named `end`."""

BEFORE_ALL: Final = -1
"""Before all ids in SQLite's order, in which numbers come before texts."""

ORIGIN_PAGE: Final = 2000
"""How many tasks of an earlier run are read at a time."""

_encode: Final = json.JSONEncoder(separators=(",", ":")).encode
_decode: Final = json.JSONDecoder().decode


class SqliteJournal(DatabaseFile):
    """The engine's half of a SQLite metadata store, for any number of processes of one machine.

    What `begin_run` and `write` have returned from survives the death of any process.
    """

    def __init__(self, path: str, *, create: bool = True) -> None:
        super().__init__(path, create=create)
        self._written: dict[int, _WrittenRun] = {}
        self.listener: FactListener | None = None
        """Who wants to hear of what was recorded; nearly always nobody does."""

    def begin_run(self, run: NewRun) -> int:
        """Record a new run and return the key that later writes name it by.

        Raises
        ------
        RunExists
            A run of this flow has that id already.
        """
        end_step = run.metadata.get(END_STEP, "end")
        with self.connection.transaction() as database:
            database.execute(queries.ADD_FLOW, (run.flow, run.created_at))
            (flow,) = database.execute(queries.FLOW_KEY, (run.flow,)).fetchone()
            row = (flow, run.run_id, run.created_at, run.user, run.origin_run_id, end_step)
            try:
                added = database.execute(queries.ADD_RUN, (*row, run.pack, _encode(run.metadata)))
            except sqlite3.IntegrityError as error:
                raise RunExists(run.flow, run.run_id) from error
            key = added.lastrowid
            assert key is not None, "an insert into a table with row ids has one"
            tags = [(key, tag, 1, flow) for tag in run.system_tags]
            tags += [(key, tag, 0, flow) for tag in run.tags]
            database.executemany(queries.ADD_TAG, tags)
            if run.lease is not None:
                database.execute(queries.HOLD_LEASE, (key, *run.lease))
        if self.listener is not None:
            self.listener.begun(key, run)
        return key

    def write(self, run: int, changes: Sequence[Change]) -> None:
        """Record all changes in one transaction; on return they survive any process's death."""
        batch = _Batch(run, self._written.get(run))
        with self.connection.transaction() as database:
            batch.run(database, changes)
        # Only now is it sure that what the batch learned is in the database.
        if batch.written is not None:
            self._written[run] = batch.written
        if self.listener is not None:
            self.listener.written(run, changes)

    def manifests(self, run: int, task_ids: Sequence[str]) -> list[dict[str, ArtifactRef]]:
        """Manifests of the latest done attempts of these tasks, in the order asked."""
        found = []
        for task_id in task_ids:
            row = self.connection.row(queries.LATEST_MANIFEST, (run, stored_id(task_id)))
            found.append({} if row is None else manifest_from_json(_decode(row[0])))
        return found

    def latest_run_id(self, flow: str) -> str | None:
        """Id of the newest run of a flow that was started by `run`, not `resume`."""
        row = self.connection.row(queries.LATEST_STARTED_RUN, (flow,))
        return None if row is None else row[0]

    def run_fact(self, flow: str, run_id: str, name: str) -> str | None:
        """Fact that all tasks of a run share; None if there is no such fact, or no such run."""
        place = {"flow": flow, "run_id": run_id, "name": name}
        row = self.connection.row(queries.RUN_FACT, place)
        return None if row is None else row[0]

    def origin_tasks(self, flow: str, run_id: str) -> Iterator[OriginTask] | None:
        """All tasks of a run whose latest attempt is done, by ascending id; None if no such run."""
        run = self.connection.row(queries.RUN_BY_ID, (flow, run_id))
        return None if run is None else self._origin_tasks(run[0])

    def _origin_tasks(self, run: int) -> Iterator[OriginTask]:
        read = OriginReader()
        after: int | str = BEFORE_ALL
        while rows := self.connection.rows(queries.ORIGIN_TASKS, (run, after, ORIGIN_PAGE)):
            for row in rows:
                yield read.task(row)
            if len(rows) < ORIGIN_PAGE:
                return
            after = rows[-1][0]


class OriginReader:
    """Rebuilds tasks with their latest done attempts from rows of `ORIGIN_TASKS` or the like.

    Where the run went from a task, and which tasks came before it, is mostly the same text for
    all tasks of a step: such a text is read once, and its value shared.
    """

    __slots__ = ("_parents", "_steps", "_transitions")

    def __init__(self) -> None:
        self._steps: Final[dict[str, str]] = {}
        self._parents: tuple[str, tuple[str, ...]] = ("[]", ())
        self._transitions: Final[dict[str, Transition]] = {}

    def task(self, row: Sequence[Any]) -> OriginTask:
        """Rebuild the task of a row."""
        task_id, step, frames, parents, number, ok, handled, manifest, transition = row
        if parents != self._parents[0]:
            self._parents = parents, tuple(map(str, _decode(parents)))
        return OriginTask(
            str(task_id),
            self._steps.setdefault(step, step),
            tuple(map(Frame.from_json, _decode(frames))) if frames != "[]" else (),
            self._parents[1],
            number,
            bool(ok),
            bool(handled),
            manifest,
            None if transition is None else self._transition(transition),
        )

    def _transition(self, text: str) -> Transition:
        found = self._transitions.get(text)
        if found is None:
            found = Transition.from_json(_decode(text))
            if found.var is None:
                self._transitions[text] = found
        return found


class _WrittenRun:
    """What this process knows of a run that it writes, to ask the database only once."""

    __slots__ = ("end_step", "end_task", "steps")

    def __init__(self, end_step: str, end_task: int | str | None, steps: dict[str, int]) -> None:
        self.end_step = end_step
        self.end_task = end_task
        self.steps = steps


class _Batch:
    """Changes of one transaction, gathered by kind and written kind by kind.

    No kind depends on the order in which another was written: starting and ending an attempt
    both add its row if the other has not.
    """

    __slots__ = ("_end", "_rows", "_run", "written")

    def __init__(self, run: int, written: _WrittenRun | None) -> None:
        self._run: Final = run
        self._rows: dict[str, list[tuple[Any, ...]]] = {}
        self._end: list[AttemptDone] = []
        self.written: _WrittenRun | None = written

    def run(self, database: sqlite3.Connection, changes: Sequence[Change]) -> None:
        """Write all changes into the open transaction."""
        for change in changes:
            _GATHER[type(change)](self, database, change)
        for query, rows in self._rows.items():
            if len(rows) == 1:
                database.execute(query, rows[0])
            else:
                database.executemany(query, rows)
        self._mark_run(database)

    def _add(self, query: str, *row: Any) -> None:
        self._rows.setdefault(query, []).append(row)

    def _known(self, database: sqlite3.Connection) -> _WrittenRun:
        if self.written is None:
            end_step, end_task = database.execute(queries.END_OF_RUN, (self._run,)).fetchone()
            self.written = _WrittenRun(end_step, end_task, {})
        return self.written

    def _step_key(self, database: sqlite3.Connection, change: TaskCreated) -> int:
        known = self._known(database)
        key = known.steps.get(change.step)
        if key is not None:
            return key
        database.execute(queries.ADD_STEP, (self._run, change.step, change.created_at))
        found = database.execute(queries.STEP_KEY, (self._run, change.step)).fetchone()
        # The transaction may yet fail, so the value that others share stays as it is.
        self.written = _WrittenRun(
            known.end_step, known.end_task, {**known.steps, change.step: found[0]}
        )
        return int(found[0])

    def task_created(self, database: sqlite3.Connection, change: TaskCreated) -> None:
        task = stored_id(change.task_id)
        parents = [stored_id(parent) for parent in change.parents]
        self._add(
            queries.ADD_TASK,
            self._run,
            task,
            self._step_key(database, change),
            change.created_at,
            change.origin_task_id,
            change.frames if isinstance(change.frames, str) else _encode(change.frames),
            _encode_ids(parents),
        )
        for parent in parents:
            self._add(queries.ADD_EDGE, self._run, parent, task)
        known = self._known(database)
        if change.step == known.end_step and known.end_task != task:
            self.written = _WrittenRun(known.end_step, task, known.steps)
            self._add(queries.SET_END_TASK, task, self._run)

    def attempt_started(self, _database: sqlite3.Connection, change: AttemptStarted) -> None:
        task = stored_id(change.task_id)
        self._add(queries.START_ATTEMPT, self._run, task, change.attempt, change.at, change.pid)

    def attempt_done(self, _database: sqlite3.Connection, change: AttemptDone) -> None:
        self._add(
            queries.END_ATTEMPT,
            self._run,
            stored_id(change.task_id),
            change.attempt,
            change.at,
            change.ok,
            change.handled,
            change.killed,
            None if change.error is None else _storable(change.error),
            None if change.transition is None else _encode(change.transition),
            change.manifest if isinstance(change.manifest, str) else _encode(change.manifest),
        )
        self._end.append(change)

    def log_written(self, _database: sqlite3.Connection, change: LogWritten) -> None:
        task_id, attempt, stream, at, offset, length = change
        task = stored_id(task_id)
        self._add(queries.ADD_LOG, self._run, task, attempt, stream, offset, length, at)

    def task_metadata(self, _database: sqlite3.Connection, change: TaskMetadata) -> None:
        task_id, attempt, name, value, at = change
        task = stored_id(task_id)
        self._add(queries.ADD_METADATA, self._run, task, attempt, name, at, _storable(value))

    def run_metadata(self, _database: sqlite3.Connection, change: RunMetadata) -> None:
        self._add(queries.ADD_RUN_METADATA, change.name, _storable(change.value), self._run)

    def run_done(self, _database: sqlite3.Connection, change: RunDone) -> None:
        status = "done" if change.ok else "killed" if change.killed else "failed"
        error = None if change.error is None else _storable(change.error)
        self._add(queries.END_RUN, status, change.at, error, self._run)
        self._add(queries.END_LEASES, self._run)

    def lease_held(self, _database: sqlite3.Connection, change: LeaseHeld) -> None:
        task_id, holder, at, tick = change
        self._add(queries.HOLD_LEASE, self._run, stored_id(task_id), holder, at, tick)

    def lease_ended(self, _database: sqlite3.Connection, change: LeaseEnded) -> None:
        self._add(queries.END_LEASE, self._run, stored_id(change.task_id))

    def _mark_run(self, database: sqlite3.Connection) -> None:
        if not self._end:
            return
        end_task = self._known(database).end_task
        for done in self._end:
            if end_task is not None and stored_id(done.task_id) == end_task:
                database.execute(
                    queries.END_TASK_DONE,
                    (self._run, done.attempt, done.at, done.ok, done.handled),
                )


_GATHER: Final[dict[type, Callable[[_Batch, sqlite3.Connection, Any], None]]] = {
    TaskCreated: _Batch.task_created,
    AttemptStarted: _Batch.attempt_started,
    AttemptDone: _Batch.attempt_done,
    LogWritten: _Batch.log_written,
    TaskMetadata: _Batch.task_metadata,
    RunMetadata: _Batch.run_metadata,
    RunDone: _Batch.run_done,
    LeaseHeld: _Batch.lease_held,
    LeaseEnded: _Batch.lease_ended,
}


def _encode_ids(ids: list[int | str]) -> str:
    if len(ids) == 1 and isinstance(ids[0], int):  # nearly every task: worth a short way
        return f"[{ids[0]}]"
    return _encode(ids)


def _storable(text: str) -> str:
    """Replace what UTF-8 cannot hold: a user's message may have any surrogate in it."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()
