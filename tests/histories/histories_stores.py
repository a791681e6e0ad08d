"""The stores of a history as one of its processes sees them, on a folder or on objects."""

from __future__ import annotations

import os
from random import Random
from typing import Any

from histories_world import Origin, same

from metaflow.artifact_store.local import LocalArtifactStore
from metaflow.artifact_store.logs import RunLogWriter, log_path
from metaflow.artifact_store.store import ArtifactStore
from metaflow.errors.base import MetaflowException
from metaflow.metadata_store.sqlite.store import SqliteMetadataStore
from metaflow.model.artifact import ArtifactRef

ALL_RUNS = "SELECT key, run_id FROM run ORDER BY key"
DONE_ATTEMPTS = """
SELECT run.run_id, task.id, attempt.number, attempt.manifest
FROM attempt JOIN run ON run.key = attempt.run
JOIN task ON task.run = attempt.run AND task.id = attempt.task
WHERE attempt.ended_at IS NOT NULL
"""
ORIGIN = """
SELECT run.origin_run_id, task.origin_task_id FROM run JOIN task ON task.run = run.key
WHERE run.run_id = ? AND task.id = ?
"""
SAME_MANIFEST = """
SELECT attempt.number FROM attempt JOIN run ON run.key = attempt.run
WHERE run.run_id = ? AND attempt.task = ? AND attempt.manifest = ?
"""


class Stores:
    """Facts, artifacts and logs.

    Parameters
    ----------
    root : str
        The folder of the history.
    objects : bool
        Keep artifacts in an object store, in another folder.
    """

    def __init__(self, root: str, *, objects: bool) -> None:
        self.root = root
        self.facts = SqliteMetadataStore(f"{root}/metadata.db")
        self.artifacts: ArtifactStore = LocalArtifactStore(root)
        self.may_fail = False
        """A read may be refused."""
        if objects:
            from metaflow.artifact_store.remote import RemoteArtifactStore

            os.environ["METAFLOW_CLIENT_CACHE_PATH"] = f"{root}/cache"
            self.artifacts = RemoteArtifactStore(f"file://{root}/bucket")
        self._objects = objects
        self._logs: dict[str, RunLogWriter] = {}

    def inject(self, rng: Random, fault: str) -> None:
        """Let an object store fail as such stores do: slowly, with errors, with cut bodies."""
        if not self._objects:
            self.may_fail = fault.startswith("no room")
            return
        from metaflow.testing.faulty_objects import FaultyObjectStore, Rates

        self.may_fail = True
        rate = rng.choice((0.0, 0.02, 0.2))
        self.artifacts.place._objects = FaultyObjectStore(
            self.artifacts.place.objects,
            Rates(*[rate * rng.random() for _ in Rates._fields]),
            seed=rng.randrange(1 << 30),
            delay_s=0.001,
        )

    def log(self, flow: str, run_id: str) -> RunLogWriter:
        """Open the log of a run."""
        if run_id not in self._logs:
            self._logs[run_id] = RunLogWriter(log_path(self.root, flow, run_id))
        return self._logs[run_id]

    def load(self, ref: ArtifactRef) -> Any:
        """Load a value, and check all of it."""
        value = self.artifacts.load(ref)
        self.artifacts.verify_mapped(ref)
        return value

    def problem_of(self, ref: list[Any], expected: object) -> str | None:
        """Say what is wrong with a stored value; None if it is what it has to be."""
        try:
            found = self.load(ArtifactRef.from_json(ref))
        except MetaflowException as error:
            return None if self.may_fail else f"can't be read: {error}"
        except Exception as error:
            return f"is wrong: {type(error).__name__}: {error}"
        return None if same(found, expected) else "is wrong"

    def all_runs(self) -> list[tuple[int, str]]:
        """List keys and ids of all runs."""
        try:
            return self.facts.connection.rows(ALL_RUNS)
        except MetaflowException:
            return []

    def done_attempts(self) -> list[tuple[str, str, int, str]]:
        """List all attempts that have ended: run, task, number, manifest."""
        rows = self.facts.connection.rows(DONE_ATTEMPTS)
        return [(run, str(task), number, manifest) for run, task, number, manifest in rows]

    def origin_of(self, run_id: str, task_id: str, attempt: int, manifest: str) -> Origin | None:
        """Follow clones back to the attempt that has computed what they have; None if none has."""
        while True:
            origin_run, origin_task = self.facts.connection.row(ORIGIN, (run_id, int(task_id)))
            # A task that was cloned may have been tried again here.
            if origin_task is None or attempt > 0:
                return Origin(run_id, task_id, attempt)
            run_id, task_id = origin_run, origin_task
            row = self.facts.connection.row(SAME_MANIFEST, (run_id, int(task_id), manifest))
            if row is None:
                return None
            (attempt,) = row

    def close(self) -> None:
        """Let go of everything; what is used next is opened again."""
        self.facts.close()
        self.artifacts.close()
        for log in self._logs.values():
            log.close()
