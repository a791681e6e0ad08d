"""`status` of runs, tasks and attempts, from what their writers have recorded."""

from __future__ import annotations

import json
import subprocess

import pytest

from metaflow import Run, Task
from metaflow.metadata_store.holding import Holding
from metaflow.model.records import AttemptDone, RunDone


def gone(held):
    """The same lease, signed by a process that has ended."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    *place, _, _ = json.loads(held.holder)
    return held._replace(holder=json.dumps([*place, ended.pid, ""]))


def test_a_run_is_running_while_its_launcher_lives(world):
    run = world.run(lease=Holding().sign())
    run.task("1", "start", to=("end",))
    run.create("2", "end")
    run.start("2")
    seen, task = Run("F/1"), Task("F/1/end/2")
    assert (seen.status, task.status, Task("F/1/start/1").status) == (
        "running",
        "running",
        "succeeded",
    )
    run.write(gone(Holding().sign()))
    assert (seen.status, task.status) == ("lost", "lost")
    run.write(Holding().sign())
    assert (seen.status, task.status) == ("running", "running")
    run.end("2")
    assert seen.status == "succeeded", "its launcher only has to say so"
    run.done()
    assert (seen.status, task.status, seen.error) == ("succeeded", "succeeded", None)


def test_an_old_run_that_never_ended_is_lost(world):
    run = world.run()
    run.create("1", "start")
    run.start("1")
    assert (Run("F/1").status, Task("F/1/start/1").status) == ("lost", "lost")


@pytest.mark.parametrize(("killed", "status"), [(True, "killed"), (False, "failed")])
def test_each_attempt_has_a_status(world, killed, status):
    run = world.run(lease=Holding().sign())
    run.create("1", "start")
    run.start("1")
    run.write(AttemptDone("1", 0, 5.0, False, False, {}, None, "dead", killed))
    task = Task("F/1/start/1")
    assert task.status == status
    run.start("1", attempt=1)
    assert task.status == "running"
    assert Task("F/1/start/1", attempt=0).status == status
    run.end("1", attempt=1, ok=True, handled=True)
    assert (task.status, task.successful) == ("succeeded", False)
    run.write(RunDone(9.0, ok=False, killed=killed, error="why"))
    assert (Run("F/1").status, Run("F/1").error) == (status, "why")


def test_what_an_ended_run_has_left_open_is_lost(world):
    run = world.run(lease=Holding().sign())
    run.create("1", "start")
    run.start("1")
    run.done(ok=False)
    assert Task("F/1/start/1").status == "lost"
