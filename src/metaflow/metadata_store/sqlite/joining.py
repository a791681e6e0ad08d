"""How a process adds to a run that another one has begun; several may do so at a time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from metaflow.metadata_store.sqlite import queries
from metaflow.metadata_store.sqlite.database_file import DatabaseFile, stored_id
from metaflow.metadata_store.sqlite.journal import OriginReader
from metaflow.model.records import PARAMETERS_STEP, JoinedRun, OriginTask

if TYPE_CHECKING:
    from collections.abc import Sequence


class Joining(DatabaseFile):
    """What a SQLite metadata store answers to those who join a run."""

    def join_run(
        self, flow: str, run_id: str, tags: Sequence[str] = (), origin_run_id: str | None = None
    ) -> JoinedRun | None:
        """Find a run that another process has begun, to write more of its facts.

        Parameters
        ----------
        flow : str
            Name of the flow.
        run_id : str
            Id of the run.
        tags : sequence of str
            Tags of the user's that the run is to have as well.
        origin_run_id : str, optional
            The run that this one resumes, unless it has said so already.

        Returns
        -------
        JoinedRun or None
            What is known of the run; None if there is no such run.
        """
        row = self.connection.row(queries.RUN_BY_ID, (flow, run_id))
        if row is None:
            return None
        key, user, origin, stored = row[0], row[3], row[6], json.loads(row[13])
        missing = [tag for tag in tags if tag not in stored]
        if missing or (origin_run_id is not None and origin is None):
            with self.connection.transaction() as database:
                (of_flow,) = database.execute(queries.FLOW_OF_RUN, (key,)).fetchone()
                database.executemany(queries.ADD_TAG, [(key, tag, 0, of_flow) for tag in missing])
                database.execute(queries.ADOPT_ORIGIN, (origin_run_id, key))
        mine = tuple(tag for tag, system in stored.items() if not system)
        (pack,) = self.connection.row(queries.RUN_PACK, (key,))
        return JoinedRun(key, user, (*mine, *missing), pack, origin or origin_run_id)

    def parameters(self, run: int) -> str | None:
        """Manifest of the run's `_parameters` task as JSON text; None while it is not done."""
        row = self.connection.row(queries.PARAMETERS, (run, PARAMETERS_STEP))
        return None if row is None else row[0]

    def named_tasks(self, run: int, task_ids: Sequence[str]) -> list[OriginTask]:
        """Those of these tasks that have a done attempt, in the order asked."""
        ids = json.dumps([stored_id(task_id) for task_id in task_ids])
        rows = self.connection.rows(queries.NAMED_TASKS, (ids, run))
        return list(map(OriginReader().task, rows))
