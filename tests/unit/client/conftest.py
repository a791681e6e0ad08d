"""Runs in a temporary local store, written as the engine writes them."""

from __future__ import annotations

import os

import pytest

from metaflow.ambient import UNSET, ambient
from metaflow.artifact_store.local import LocalArtifactStore
from metaflow.artifact_store.logs import RunLogWriter, log_path
from metaflow.metadata_store.sqlite.store import SqliteMetadataStore
from metaflow.model.records import (
    AttemptDone,
    AttemptStarted,
    LogWritten,
    NewRun,
    RunDone,
    TaskCreated,
    TaskMetadata,
)
from metaflow.model.task import Transition


class Recorder:
    """Writes one run, a fact at a time."""

    def __init__(self, world, flow, run_id, **given):
        self.world, self.flow, self.run_id = world, flow, run_id
        values = {
            "created_at": next(world.clock),
            "user": "ann",
            "tags": (),
            "system_tags": ("user:ann", "runtime:dev"),
            "metadata": {"runtime": "dev", "python_version": "3.11.7", "start_step": "start"},
            "origin_run_id": None,
            "pack": f"packs/{flow}/{run_id}",
        }
        run = NewRun(flow, run_id, **{**values, **given})
        self.pack = run.pack
        self.key = world.store.begin_run(run)
        self.parameters = {}

    def write(self, *changes):
        self.world.store.write(self.key, changes)

    def create(self, task_id, step, parents=(), frames=(), **rest):
        self.write(TaskCreated(task_id, step, next(self.world.clock), frames, parents, **rest))

    def start(self, task_id, attempt=0):
        self.write(AttemptStarted(task_id, attempt, next(self.world.clock), 4711))

    def save(self, **values):
        refs, problems = self.world.artifacts.save(values, self.pack)
        assert not problems
        return refs

    def end(self, task_id, values=(), attempt=0, *, ok=True, handled=False, to=None, error=None):
        transition = None if to is None else Transition(to)
        manifest = self.save(**dict(values))
        at = next(self.world.clock)
        self.write(AttemptDone(task_id, attempt, at, ok, handled, manifest, transition, error))

    def task(self, task_id, step, parents=(), values=(), **rest):
        frames = rest.pop("frames", ())
        self.create(task_id, step, parents, frames)
        self.start(task_id)
        self.end(task_id, values, **rest)

    def print(self, task_id, stream, *pieces, attempt=0):
        log = RunLogWriter(log_path(self.world.root, self.flow, self.run_id))
        for piece in pieces:
            offset = log.append(piece)
            at = next(self.world.clock)
            self.write(LogWritten(task_id, attempt, stream, at, offset, len(piece)))
        log.close()

    def note(self, task_id, name, value, attempt=0):
        self.write(TaskMetadata(task_id, attempt, name, value, next(self.world.clock)))

    def done(self, *, ok=True):
        self.write(RunDone(next(self.world.clock), ok=ok))


class World:
    """A local root with its two stores."""

    def __init__(self, directory):
        self.directory = str(directory)
        self.root = os.path.join(self.directory, ".metaflow")
        os.makedirs(self.root, exist_ok=True)
        self.store = SqliteMetadataStore(os.path.join(self.root, "metadata.db"))
        self.artifacts = LocalArtifactStore(self.root)
        self.clock = (1_700_000_000.0 + number for number in range(10**6))

    def run(self, flow="F", run_id="1", **given):
        return Recorder(self, flow, run_id, **given)

    def small_run(self, flow="F", run_id="1", **given):
        """Record a complete run: start, work, end."""
        run = self.run(flow, run_id, **given)
        run.task("0", "_parameters", values={"alpha": 0.5, "name": flow})
        run.task("1", "start", ("0",), {"x": 1, "_hidden": "h"}, to=("work",))
        run.task("2", "work", ("1",), {"x": 2, "model": [1, 2]}, to=("end",))
        run.task("3", "end", ("2",), {"x": 3, "model": [1, 2]})
        run.done()
        return run

    def close(self):
        self.store.close()
        self.artifacts.close()


@pytest.fixture(autouse=True)
def fresh_ambient(monkeypatch):
    for name in ("SUDO_USER", "USERNAME", "USER", "METAFLOW_PRODUCTION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("METAFLOW_USER", "ann")
    before = ambient.current, ambient.namespace, ambient.metadata
    ambient.current, ambient.namespace, ambient.metadata = None, UNSET, UNSET
    yield
    ambient.current, ambient.namespace, ambient.metadata = before


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    world = World(tmp_path)
    yield world
    world.close()
