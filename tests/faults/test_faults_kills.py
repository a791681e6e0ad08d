"""`kill -9` at random moments: nothing acknowledged is lost, nothing is left, resume completes.

The moments are drawn from seeded generators: after a random line of the launcher's output, a
random time more. Each test kills ten times in one store; all tests together kill 200 times.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import time

import pytest
from faults_lab import Done, Lab, Launcher

KILLS = 10
LINES = 24
"""An undisturbed run prints a few more."""
LATEST_S = 0.012
FLOW = """
import random
import zlib


def work(flow, place):
    number = zlib.crc32(place.encode())
    flow.place = place
    flow.kept = [place, number]
    child = os.posix_spawn("/bin/sleep", ["sleep", "120"], os.environ) if number % 3 == 0 else 0
    time.sleep(number % 31 / 1000)
    did(place)
    flow.blob = random.Random(number).randbytes(70_000 if number % 2 else 70)
    if child:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


class KillFlow(FlowSpec):
    @step
    def start(self):
        work(self, "start")
        self.next(self.fan, self.side)

    @step
    def fan(self):
        work(self, "fan")
        self.items = list(range(5))
        self.next(self.item, foreach="items")

    @step
    def item(self):
        work(self, f"item-{self.input}")
        self.square = self.input**2
        self.next(self.fold)

    @step
    def fold(self, inputs):
        work(self, "fold")
        self.total = [one.square for one in inputs]
        self.next(self.join)

    @step
    def side(self):
        work(self, "side")
        self.total = "side"
        self.next(self.join)

    @step
    def join(self, inputs):
        work(self, "join")
        self.totals = [inputs.fold.total, inputs.side.total]
        self.next(self.end)

    @step
    def end(self):
        work(self, "end")
        self.report = f"{self.totals}"
"""
PLACES = sorted(
    ["start", "fan", "side", "fold", "join", "end", *(f"item-{index}" for index in range(5))]
)
REPORT = "[[0, 1, 4, 9, 16], 'side']"


def kept_of(task) -> tuple[str, object, bytes, object]:
    data = task.data
    return (data.place, data.kept, data.blob, getattr(data, "totals", None))


class Killing:
    """Kills again and again in one lab, and looks each time whether all promises hold."""

    def __init__(self, lab: Lab, seed: str) -> None:
        self.lab = lab
        self.random = random.Random(seed)
        self.kills = 0
        lab.write(FLOW)
        self.undisturbed = self.results(lab.run())
        assert sorted(self.undisturbed) == PLACES
        assert self.undisturbed["end"][3] == [[0, 1, 4, 9, 16], "side"]

    def results(self, done: Done) -> dict[str, object]:
        """What all tasks of a successful run kept, by place."""
        run = self.lab.run_object(f"KillFlow/{done.run_id}")
        assert run.successful, done.all
        assert run.data.report == REPORT
        found = [kept_of(task) for step in run for task in step]
        assert len(found) == len(PLACES)
        return {kept[0]: kept for kept in found}

    def start(self, *args: str) -> Launcher | None:
        """Start a run and wait for a random moment in it; None when it was over before."""
        launcher = self.lab.start("run", *args)
        if not launcher.wait_for_lines(self.random.randint(1, LINES)):
            launcher.finish()
            return None
        time.sleep(self.random.random() * LATEST_S)
        return launcher

    def kill(self, launcher: Launcher, candidates: list[int]) -> int | None:
        """Kill one of the processes; None when there is none left to kill."""
        if not candidates:
            launcher.finish()
            return None
        pid = self.random.choice(sorted(candidates))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.kills += 1
            return pid
        launcher.finish()
        return None

    def check(self, launcher: Launcher, done: Done) -> None:
        """Look whether all promises hold after a kill."""
        left = launcher.leftovers()
        assert not left, f"{left}\n{done.all}"
        self.acknowledged_is_readable(done)
        # A launcher can be killed when all is done and recorded already.
        complete = done.code == 0 or "end" in dict(done.acknowledged)
        if complete or (done.code < 0 and self.was_successful(done)):
            assert self.results(done) == self.undisturbed
        else:
            assert not self.was_successful(done)
            self.resume_completes(done)

    def was_successful(self, done: Done) -> bool:
        return self.lab.run_object(f"KillFlow/{done.run_id}").successful

    def acknowledged_is_readable(self, done: Done) -> None:
        for step, task_id in done.acknowledged:
            task = self.lab.task(f"KillFlow/{done.run_id}/{step}/{task_id}")
            assert task.successful, f"{task} is lost:\n{done.all}"
            kept = kept_of(task)
            assert kept == self.undisturbed[kept[0]]

    def resume_completes(self, done: Done) -> None:
        finished = {
            f"{done.run_id}/{step}/{task_id}": self.lab.task(
                f"KillFlow/{done.run_id}/{step}/{task_id}"
            ).data.place
            for step, task_id in done.acknowledged
        }
        resumed = self.lab.resume(done.run_id)
        assert self.results(resumed) == self.undisturbed
        assert set(finished) <= resumed.cloned, resumed.all
        assert not set(finished.values()) & set(self.lab.did(resumed.run_id)), resumed.all
        # Whatever was not cloned has run, once.
        places = self.lab.did(resumed.run_id)
        assert len(places) == len(set(places)) == len(PLACES) - len(resumed.cloned)

    def database_is_sound(self) -> None:
        with contextlib.closing(sqlite3.connect(self.lab.store / "metadata.db")) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert database.execute("PRAGMA foreign_key_check").fetchall() == []


@pytest.mark.parametrize("seed", range(5))
def test_a_killed_task_fails_the_run_and_nothing_else(lab: Lab, seed: int) -> None:
    killing = Killing(lab, f"task {seed}")
    failed = 0
    while killing.kills < KILLS:
        launcher = killing.start()
        if launcher is None or not (pid := killing.kill(launcher, launcher.workers())):
            continue
        done = launcher.finish(10)
        if done.code:
            failed += 1
            assert done.code == 1
            assert f"(pid {pid})] Task failed: its process was killed by SIGKILL" in done.out, (
                done.all
            )
            assert "Step failure:" in done.err
        killing.check(launcher, done)
    # Some of the killed processes had no task yet, or were done with it.
    assert failed >= KILLS // 4
    killing.database_is_sound()


@pytest.mark.parametrize("seed", range(2))
def test_a_killed_task_with_retries_runs_again(lab: Lab, seed: int) -> None:
    killing = Killing(lab, f"task with retry {seed}")
    again = 0
    while killing.kills < KILLS:
        launcher = killing.start("--with", "retry:times=1")
        if launcher is None or not killing.kill(launcher, launcher.workers()):
            continue
        done = launcher.finish(10)
        assert done.code == 0, done.all
        again += done.out.count("Task is starting (retry).")
        killing.check(launcher, done)
    assert again >= KILLS // 4
    killing.database_is_sound()


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_warm_parent_ends_the_run_and_its_tasks(lab: Lab, seed: int) -> None:
    killing = Killing(lab, f"parent {seed}")
    failed = 0
    while killing.kills < KILLS:
        launcher = killing.start()
        if launcher is None or not killing.kill(launcher, launcher.parents()):
            continue
        done = launcher.finish(10)
        if done.code:
            failed += 1
            assert done.code == 1
            assert "Task failed: its process ended with the warm parent" in done.out, done.all
            assert "Step failure:" in done.err
        killing.check(launcher, done)
    assert failed >= KILLS // 4
    killing.database_is_sound()


@pytest.mark.parametrize("seed", range(2))
def test_a_killed_warm_parent_is_replaced_when_steps_may_be_tried_again(
    lab: Lab, seed: int
) -> None:
    killing = Killing(lab, f"parent with retry {seed}")
    while killing.kills < KILLS:
        launcher = killing.start("--with", "retry:times=1")
        if launcher is None or not killing.kill(launcher, launcher.parents()):
            continue
        done = launcher.finish(10)
        assert done.code == 0, done.all
        killing.check(launcher, done)
    killing.database_is_sound()


@pytest.mark.parametrize("seed", range(7))
def test_a_killed_launcher_takes_everything_along(lab: Lab, seed: int) -> None:
    killing = Killing(lab, f"launcher {seed}")
    while killing.kills < KILLS:
        launcher = killing.start()
        if launcher is None or not killing.kill(launcher, [launcher.pid]):
            continue
        done = launcher.finish(10)
        if done.code == 0:  # it was ending already
            killing.kills -= 1
            continue
        assert done.code == -signal.SIGKILL
        killing.check(launcher, done)
    killing.database_is_sound()


def test_a_warm_parent_that_dies_owing_workers_is_not_waited_for(lab: Lab) -> None:
    lab.write(
        """
        class OweFlow(FlowSpec):
            @step
            def start(self):
                open("started", "w").close()
                while not os.path.exists("go"):
                    time.sleep(0.005)
                self.items = list(range(8))
                self.next(self.item, foreach="items")

            @step
            def item(self):
                self.kept = self.input
                self.next(self.join)

            @step
            def join(self, inputs):
                self.kept = [one.kept for one in inputs]
                self.next(self.end)

            @step
            def end(self):
                pass
        """
    )
    launcher = lab.start("run", "--max-workers", "8")
    launcher.wait_for_file(lab.folder / "started")
    (parent,) = launcher.parents()
    # From now on nobody makes workers, and exits are not heard of.
    os.kill(parent, signal.SIGSTOP)
    (lab.folder / "go").touch()
    launcher.wait_for("Task finished successfully.")
    os.kill(parent, signal.SIGKILL)
    done = launcher.finish(15)
    assert not launcher.leftovers()
    assert ("start", "1") in done.acknowledged
    if done.code:
        assert done.code == 1
        done = lab.resume(done.run_id)
    assert lab.run_object(f"OweFlow/{done.run_id}").data.kept == list(range(8))


def test_a_warm_parent_killed_at_its_birth_is_not_waited_for(lab: Lab) -> None:
    lab.write_step("self.next(self.end)")
    strikes = 0
    # On a busy machine a run may be over before its warm parent was seen.
    for _ in range(40):
        launcher = lab.start("run")
        parents: list[int] = []
        while not parents and launcher.popen.poll() is None:
            parents = launcher.parents()
        if parents:
            strikes += 1
            with contextlib.suppress(ProcessLookupError):
                os.kill(parents[0], signal.SIGKILL)
        done = launcher.finish(10)
        assert not launcher.leftovers()
        assert done.code in ({0, 1} if parents else {0})
        assert "Traceback" not in done.all, done.all
        if strikes == 8:
            break
    assert strikes


def test_a_launcher_killed_before_its_run_begins_leaves_a_store_that_works(lab: Lab) -> None:
    lab.write_step("self.next(self.end)")
    rng = random.Random("early")
    for _ in range(8):
        launcher = lab.start("run")
        time.sleep(rng.random() * 0.12)
        launcher.popen.kill()
        launcher.finish(10)
        assert not launcher.leftovers()
    done = lab.run()
    assert done.code == 0, done.all
    assert lab.run_object(f"StepFlow/{done.run_id}").successful
    for run in lab.run_object(f"StepFlow/{done.run_id}").parent:
        for step in run:
            assert all(task.pathspec for task in step)


@pytest.mark.parametrize(
    ("start", "victim"),
    [
        ("fork", "launcher"),
        ("fork", "parent"),
        ("fork", "group"),
        ("spawn", "launcher"),
        ("spawn", "group"),
    ],
)
@pytest.mark.parametrize("decorator", ["", "@environment(vars={'A': 'b'})"], ids=["plain", "env"])
def test_what_a_step_has_started_dies_with_what_started_it(
    lab: Lab, start: str, victim: str, decorator: str
) -> None:
    lab.write_step(
        """
        os.posix_spawn("/bin/sleep", ["sleep", "120"], os.environ)
        print("has a child")
        time.sleep(120)
        self.next(self.end)
        """,
        decorator=decorator,
    )
    launcher = lab.start("run", METAFLOW_TASK_START=start)
    launcher.wait_for("has a child")
    assert len(launcher.processes()) >= 3
    if victim == "launcher":
        os.kill(launcher.pid, signal.SIGKILL)
    elif victim == "group":
        os.killpg(launcher.pid, signal.SIGKILL)
    else:
        # The parent of the task, of those that there are.
        found = {one.pid: one for one in launcher.processes()}
        (child,) = [one for one in found.values() if one.command.startswith("sleep")]
        os.kill(found[child.parent].parent, signal.SIGKILL)
    left = launcher.leftovers()
    assert not left, f"after the death of the {victim}: {left}"
