"""How a run that a step starts and the step's task come to know each other."""

from __future__ import annotations

import os
import sqlite3
import sys
import time

from metaflow.ambient import ambient
from metaflow.client.scope import DATABASE, scope_of
from metaflow.errors.base import MetaflowException
from metaflow.metadata_store.sqlite.store import SqliteMetadataStore
from metaflow.model.records import CHILD_RUN, TaskMetadata


def running_task() -> str | None:
    """Pathspec of the task whose code calls this; None outside of a recorded task."""
    running = ambient.current
    if running is None or not running.get("metadata_spec"):
        return None
    pathspec: str | None = running.get("pathspec")
    return pathspec


def record_child(child: str) -> None:
    """Note with the running task, if there is one, that it has started a run.

    Parameters
    ----------
    child : str
        Pathspec of the run.
    """
    parent = running_task()
    if parent is None:
        return
    try:
        _record(parent, child)
    except (MetaflowException, OSError, sqlite3.Error) as error:
        # The run is what the step wants; it does not fail for want of a note.
        sys.stderr.write(f"`{child}` could not be noted with `{parent}`: {error}\n")


def _record(parent: str, child: str) -> None:
    running = ambient.current or {}
    flow, run_id, _, task_id = parent.split("/")
    root = scope_of(running["metadata_spec"], None, checked=False).backing.root
    store = SqliteMetadataStore(os.path.join(root, DATABASE), create=False)
    try:
        run = store.run(flow, run_id)
        if run is not None:
            attempt = int(running.get("retry_count", 0))
            fact = TaskMetadata(task_id, attempt, CHILD_RUN, child, time.time())
            store.write(run.key, [fact])
    finally:
        store.close()
