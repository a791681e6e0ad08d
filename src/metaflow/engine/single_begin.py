"""How a scheduler's run begins: recorded, with parameters and code, and without any task."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from metaflow.engine.launch import FlowRun
from metaflow.engine.packaging import pack_first, record_package
from metaflow.errors.metadata import RunExists
from metaflow.metadata_store.holding import carried_by_scheduler
from metaflow.model.records import (
    PARAMETERS_STEP,
    AttemptDone,
    AttemptStarted,
    TaskCreated,
)

if TYPE_CHECKING:
    from metaflow.engine.request import RunRequest
    from metaflow.model.task import RunContext
    from metaflow.session import Session


def begin(request: RunRequest, session: Session, run_id: str, task_id: str) -> str | None:
    """Begin a run and store its parameters; a repetition changes nothing.

    Parameters
    ----------
    request : RunRequest
        The flow and the parameters.
    session : Session
        Open stores.
    run_id : str
        Id of the run, chosen by the scheduler.
    task_id : str
        Id of the pseudo-task that holds the parameters.

    Returns
    -------
    str or None
        Why the code of the run is not packed; None if it is, or shall not be.
    """
    run = FlowRun(request, {}, NoWorkers(), session)
    store = session.store
    try:
        new = run.new_run(run_id)._replace(lease=carried_by_scheduler())
        key = store.begin_run(new)
    except RunExists:
        # Somebody was here before, perhaps a try of the same that has died since.
        joined = store.join_run(request.flow.__name__, run_id, request.tags)
        assert joined is not None, "it exists"
        key = joined.key
    if store.parameters(key) is not None:
        return None
    problem = None
    if request.package is not None:
        problem = record_package(pack_first(request), store, key).problem
    parameters = run.save_parameters(run_id, None)
    now = time.time()
    changes = (
        TaskCreated(task_id, PARAMETERS_STEP, now, (), ()),
        AttemptStarted(task_id, 0, now, os.getpid()),
        AttemptDone(task_id, 0, now, True, False, parameters, None),
    )
    store.write(key, changes)
    return problem


class NoWorkers:
    """Stands in where nothing will run."""

    def save(self, values: Mapping[str, object], root: str, pack: str) -> None:
        """Let the caller store the values."""

    def configure(self, context: RunContext) -> None:
        """Nobody has to know."""

    def request(self, env: tuple[tuple[str, str], ...], count: int) -> None:
        """Nobody comes."""

    def fileno(self) -> int:
        """Never asked."""
        return -1

    def poll(self) -> list[Any]:
        """Nothing happens."""
        return []

    def close(self) -> None:
        """Nothing is left."""
