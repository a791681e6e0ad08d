"""What is said of a run that is at work, has failed, was killed or is lost: all differ."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest
from faults_lab import Done, Lab, Launcher

NAP = """
    self.kept = "start"
    did("start")
    print("naps")
    os.path.exists("wake") or time.sleep(120)
    self.next(self.end)
"""


def napping(lab: Lab, *args: str) -> Launcher:
    lab.write_step(NAP)
    launcher = lab.start(*(args or ("run",)))
    launcher.wait_for("] naps")
    return launcher


def status(lab: Lab, *args: str) -> Done:
    return lab.run("--quiet", "status", *args)


def run_id_of(launcher: Launcher) -> str:
    return launcher.out().partition("run-id ")[2].partition(")")[0]


def test_a_run_at_work_a_lost_one_and_a_resumed_one(lab: Lab) -> None:
    launcher = napping(lab)
    run_id = run_id_of(launcher)
    run = lab.run_object(f"StepFlow/{run_id}")
    task = run["start"].task
    assert (run.status, task.status, run.error) == ("running", "running", None)
    working = status(lab)
    assert working.code == 3, working.all
    assert f"process {launcher.pid} on {os.uname().nodename}, which is at work" in working.out

    os.kill(launcher.pid, signal.SIGSTOP)
    assert run.status == "running", "whoever sleeps is not dead"
    os.kill(launcher.pid, signal.SIGCONT)

    killed_at = time.monotonic()
    os.kill(launcher.pid, signal.SIGKILL)
    assert launcher.finish().code == -signal.SIGKILL
    assert (run.status, task.status) == ("lost", "lost")
    assert time.monotonic() - killed_at < 10
    lost = status(lab, run_id)
    assert lost.code == 5, lost.all
    assert "which is gone" in lost.out
    assert "start     1 lost" in lost.out

    (lab.folder / "wake").touch()
    resumed = lab.resume(run_id)
    assert f"Run {run_id} is lost, its launcher (process {launcher.pid} on " in resumed.out
    assert status(lab).code == 0
    assert lab.run_object(f"StepFlow/{resumed.run_id}").status == "succeeded"
    assert run.status == "lost", "to resume a run does not change it"
    listed = json.loads(lab.run("--quiet", "runs", "--json").out)
    assert [(one["id"], one["status"]) for one in listed] == [
        (resumed.run_id, "succeeded"),
        (run_id, "lost"),
    ]


def test_a_run_at_work_may_be_resumed_and_both_go_their_way(lab: Lab) -> None:
    launcher = napping(lab)
    run_id = run_id_of(launcher)
    other = lab.start("resume", "--origin-run-id", run_id)
    other.wait_for("] naps")
    assert f"Run {run_id} is still running (process {launcher.pid} on" in other.out()
    (lab.folder / "wake").touch()
    os.kill(launcher.pid, signal.SIGKILL)
    os.kill(other.pid, signal.SIGINT)
    assert other.finish().code == 1
    launcher.finish()
    killed = run_id_of(other)
    seen = {one.id: one.status for one in lab.run_object(f"StepFlow/{run_id}").parent}
    assert seen == {run_id: "lost", killed: "killed"}
    resumed = lab.resume(killed)
    assert f"Run {killed} was killed" in resumed.out


def test_two_launchers_of_one_run_id(lab: Lab) -> None:
    lab.write_step(NAP)
    (lab.folder / "wake").touch()
    origin = lab.run("run").run_id
    started = [
        lab.start("resume", "start", "--origin-run-id", origin, "--run-id", "mine")
        for _ in range(3)
    ]
    ends = [launcher.finish() for launcher in started]
    assert sorted(done.code for done in ends) == [0, 1, 1], [done.all for done in ends]
    assert sum("`StepFlow/mine` exists already" in done.err for done in ends) == 2
    assert lab.did("mine") == ["start"]
    assert lab.run_object("StepFlow/mine").status == "succeeded"


@pytest.mark.parametrize(
    ("ending", "of_task"),
    [("raise ValueError('no')", "failed"), ("os.kill(os.getpid(), 9)", "killed")],
)
def test_a_run_that_failed(lab: Lab, ending: str, of_task: str) -> None:
    lab.write_step(f"if True:\n    {ending}\nself.next(self.end)")
    done = lab.run()
    assert done.code == 1
    told = status(lab)
    assert told.code == 1
    assert "Step start (task-id 1) failed." in told.out
    assert f"start     1 {of_task}" in told.out
    run = lab.run_object(f"StepFlow/{done.run_id}")
    assert (run.status, run["start"].task.status) == ("failed", of_task)


def test_a_run_that_could_not_begin_is_no_lost_one(lab: Lab) -> None:
    lab.write_step("self.next(self.end)")
    done = lab.run("run", "--runner-attribute-file", "no/such/folder/file")
    assert done.code == 1
    told = json.loads(status(lab, "--json").out)
    assert told["status"] == "failed"
    assert "no/such/folder/file" in told["error"]
    assert told["host"] is None


def test_runs_by_status_and_tag(lab: Lab) -> None:
    lab.write_step("if 'FAIL' in os.environ:\n    raise ValueError\nself.next(self.end)")
    good = lab.run("run", "--tag", "a").run_id
    bad = lab.run("run", "--tag", "b", FAIL="1").run_id
    assert lab.run("--quiet", "runs", "--status", "failed").out.split()[:2] == [bad, "failed"]
    assert lab.run("--quiet", "runs", "--tag", "a").out.split()[0] == good
    assert lab.run("--quiet", "runs", "--limit", "1").out.count("\n") == 1


def test_a_task_of_a_scheduler_has_a_lease_of_its_own(lab: Lab) -> None:
    lab.write_step(NAP)
    begun = lab.run("init", "--run-id", "s1", "--task-id", "0")
    assert begun.code == 0, begun.all
    assert status(lab, "s1").code == 3
    launcher = lab.start(
        "step", "start", "--run-id", "s1", "--task-id", "1", "--input-paths", "s1/_parameters/0"
    )
    launcher.wait_for("naps")
    task = lab.task("StepFlow/s1/start/1")
    assert task.status == "running"
    os.kill(launcher.pid, signal.SIGKILL)
    launcher.finish()
    assert not launcher.leftovers()
    assert task.status == "lost"
    told = status(lab, "s1")
    assert told.code == 3, "its scheduler may start the task again"
    assert "start     1 lost" in told.out
    (lab.folder / "wake").touch()
    again = lab.run(
        "step", "start", "--run-id", "s1", "--task-id", "1", "--retry-count", "1",
        "--max-user-code-retries", "1", "--input-paths", "s1/_parameters/0",
    )  # fmt: skip
    assert again.code == 0, again.all
    assert task.status == "succeeded"
    assert lab.run("step", "end", "--run-id", "s1", "--task-id", "2", "--input-paths",
                   "s1/start/1").code == 0  # fmt: skip
    assert status(lab, "s1").code == 0
