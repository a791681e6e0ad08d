"""How runs that were found in files of the older layout stand in a SQLite store.

Their facts are rows like those of any other run; the table `older_run` says how much of them
has been read, and where their files are.
"""

import json
import sqlite3
from typing import Final, NamedTuple

from metaflow.metadata_store.sqlite import queries
from metaflow.metadata_store.sqlite.database_file import DatabaseFile, stored_id
from metaflow.model.records import NewRun

LISTED, OPEN, READ = 0, 1, 2
"""Just the run itself is known; all was read, but it went on; all was read for good."""

_KNOWN: Final = """
SELECT run.run_id FROM flow JOIN run ON run.flow = flow.key WHERE flow.name = ?1
UNION ALL
SELECT older_gone.run_id FROM flow JOIN older_gone ON older_gone.flow = flow.key
WHERE flow.name = ?1
"""

_IS_GONE: Final = "SELECT 1 FROM older_gone WHERE flow = ? AND run_id = ?"

_ADD: Final = """
INSERT INTO run (key, flow, run_id, created_at, user, origin_run_id, end_step, pack, metadata,
    status, ended_at, end_task, end_attempt, end_at, end_ok, end_handled)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_IS_TAKEN: Final = "SELECT 1 FROM run WHERE key = ?"

_FLOW_BEGAN: Final = "UPDATE flow SET created_at = min(created_at, ?) WHERE key = ?"

_MARK: Final = """
INSERT INTO older_run (run, root, state) VALUES (?, ?, ?)
ON CONFLICT (run) DO UPDATE SET state = excluded.state
"""

_STATE: Final = "SELECT state, root FROM older_run WHERE run = ?"

_UNREAD: Final = """
SELECT run.key, flow.name, run.run_id, older_run.root
FROM older_run JOIN run ON run.key = older_run.run JOIN flow ON flow.key = run.flow
WHERE older_run.state < 2 ORDER BY run.key DESC
"""

_COUNT: Final = """
SELECT count(*) FROM older_run CROSS JOIN task ON task.run = older_run.run
"""


class OlderEnd(NamedTuple):
    """What became of an older run, and of the task of its end step if there is one."""

    status: str
    ended_at: float | None
    task_id: str | None = None
    attempt: int | None = None
    at: float | None = None
    ok: bool = False
    handled: bool = False


class OlderRun(NamedTuple):
    """An older run of which not all was read for good."""

    key: int
    flow: str
    run_id: str
    root: str


class OlderRuns(DatabaseFile):
    """What a SQLite metadata store keeps about runs of the older layout."""

    def known_run_ids(self, flow: str) -> frozenset[str]:
        """Return the ids of all runs of a flow, older or not, and of older ones that are gone."""
        return frozenset(run_id for (run_id,) in self.connection.rows(_KNOWN, (flow,)))

    def list_older(self, root: str, runs: list[tuple[NewRun, OlderEnd]]) -> None:
        """Record older runs at the place that belongs to the time when they began.

        Parameters
        ----------
        root : str
            Where their files are; empty for the root that this database is in.
        runs : list of tuple of NewRun and OlderEnd
            The runs; one that is recorded already is left as it is.
        """
        with self.connection.transaction() as database:
            for run, end in runs:
                key = _add(database, run, end)
                if key is not None:
                    database.execute(_MARK, (key, root, LISTED))

    def older_state(self, run: int) -> tuple[int, str] | None:
        """Return how much was read of an older run and where its files are; None for others."""
        row = self.connection.row(_STATE, (run,))
        return None if row is None else (row[0], row[1])

    def unread_older(self) -> list[OlderRun]:
        """Return the older runs of which not all was read for good, newest first."""
        return [OlderRun._make(row) for row in self.connection.rows(_UNREAD)]

    def mark_older(self, run: int, root: str, state: int) -> None:
        """Record how much was read of an older run."""
        with self.connection.transaction() as database:
            database.execute(_MARK, (run, root, state))

    def count_older_tasks(self) -> int:
        """Count the tasks of all older runs."""
        return int(self.connection.row(_COUNT)[0])


def _add(database: sqlite3.Connection, run: NewRun, end: OlderEnd) -> int | None:
    """Insert a run; None if it is there already, or was removed."""
    database.execute(queries.ADD_FLOW, (run.flow, run.created_at))
    (flow,) = database.execute(queries.FLOW_KEY, (run.flow,)).fetchone()
    database.execute(_FLOW_BEGAN, (run.created_at, flow))
    if database.execute(queries.RUN_BY_ID, (run.flow, run.run_id)).fetchone() is not None:
        return None
    if database.execute(_IS_GONE, (flow, run.run_id)).fetchone() is not None:
        return None
    key = int(run.created_at * 1000)
    while database.execute(_IS_TAKEN, (key,)).fetchone() is not None:
        key += 1
    row = (key, flow, run.run_id, run.created_at, run.user, run.origin_run_id)
    about = (run.metadata.get("end_step", "end"), run.pack, json.dumps(run.metadata))
    task = None if end.task_id is None else stored_id(end.task_id)
    became = (end.status, end.ended_at, task, end.attempt, end.at, end.ok, end.handled)
    database.execute(_ADD, (*row, *about, *became))
    tags = [(key, tag, 1, flow) for tag in run.system_tags]
    tags += [(key, tag, 0, flow) for tag in run.tags]
    database.executemany(queries.ADD_TAG, tags)
    return key
