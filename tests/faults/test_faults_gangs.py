"""Members of a gang die, from outside, and so does their launcher: all or nothing still holds."""

from __future__ import annotations

import os
import signal

import pytest
from faults_lab import Lab

FLOW = """
from metaflow import parallel


class GangFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.work, num_parallel=3)

    {decorator}
    @parallel
    @step
    def work(self):
        self.number = self.index
        print("at work in attempt", current.retry_count, "as", os.getpid())
        if not os.path.exists("wake") and self.index != 2:
            os.posix_spawn("/bin/sleep", ["sleep", "120"], os.environ)
            signal.pause()
        self.next(self.join)

    @step
    def join(self, inputs):
        self.numbers = [one.number for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        print("end has run with", self.numbers)
"""


def work(lab: Lab, decorator: str = ""):
    """Start a gang of which one member has finished, and return the ids of the two that wait."""
    lab.write(FLOW.format(decorator=decorator))
    launcher = lab.start("run")
    launcher.wait_for("at work in attempt 0", 3)
    launcher.wait_for("Task finished successfully", 2)
    finished = next(
        line
        for line in launcher.out().splitlines()
        if "work/2_node_2" in line and "at work" in line
    )
    lines = [line for line in launcher.out().splitlines() if "at work" in line]
    return launcher, [int(line.split()[-1]) for line in lines if line != finished]


@pytest.mark.parametrize("which", [0, 1])
def test_the_death_of_a_member_ends_the_gang(lab: Lab, which: int) -> None:
    launcher, members = work(lab)
    os.kill(members[which], signal.SIGKILL)
    done = launcher.finish()
    assert done.code == 1, done.all
    assert "its process was killed by SIGKILL" in done.out
    assert "of its gang has failed" in done.out
    assert not launcher.leftovers()
    (lab.folder / "wake").touch()
    resumed = lab.resume(done.run_id)
    assert resumed.cloned == {f"{done.run_id}/start/1"}
    assert "end has run with [0, 1, 2]" in resumed.out


def test_the_death_of_a_member_is_followed_by_a_retry_of_all(lab: Lab) -> None:
    launcher, members = work(lab, "@retry(times=1)")
    (lab.folder / "wake").touch()
    os.kill(members[1], signal.SIGKILL)
    done = launcher.finish()
    assert done.code == 0, done.all
    assert done.out.count("at work in attempt 1") == 3
    assert "end has run with [0, 1, 2]" in done.out
    assert not launcher.leftovers()


def test_a_killed_launcher_leaves_no_member_behind(lab: Lab) -> None:
    launcher, _ = work(lab)
    os.kill(launcher.pid, signal.SIGKILL)
    done = launcher.finish()
    assert not launcher.leftovers()
    (lab.folder / "wake").touch()
    resumed = lab.resume(done.run_id)
    # The member that had finished is worth nothing without the others.
    assert resumed.cloned == {f"{done.run_id}/start/1"}
    assert "end has run with [0, 1, 2]" in resumed.out


def test_a_member_that_finished_before_a_retry_that_was_cut_short_does_not_count(lab: Lab) -> None:
    launcher, members = work(lab, "@retry(times=1)")
    os.kill(members[0], signal.SIGKILL)
    launcher.wait_for("at work in attempt 1", 3)
    os.kill(launcher.pid, signal.SIGKILL)
    done = launcher.finish()
    assert not launcher.leftovers()
    (lab.folder / "wake").touch()
    resumed = lab.resume(done.run_id)
    assert resumed.cloned == {f"{done.run_id}/start/1"}


def test_an_interrupted_gang_ends_as_a_whole(lab: Lab) -> None:
    launcher, _ = work(lab)
    os.kill(launcher.pid, signal.SIGINT)
    done = launcher.finish()
    assert done.code == 1, done.all
    assert "Workflow interrupted" in done.out
    assert not launcher.leftovers()
