"""Signals to a launcher: it ends its tasks, says why it ended, and the run can be completed."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from faults_lab import MARK, Done, Lab, Launcher

SLEEPING = """
class SleepFlow(FlowSpec):
    @step
    def start(self):
        did("start")
        self.kept = "start"
        self.items = [0, 1]
        self.next(self.nap, foreach="items")

    @step
    def nap(self):
        {prepare}
        did(f"nap-{{self.input}}")
        os.posix_spawn("/bin/sleep", ["sleep", "120"], os.environ)
        print("naps")
        {nap}
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        print("end has run")
"""
OBEDIENT = {"prepare": "pass", "nap": 'os.path.exists("wake") or time.sleep(120)'}
STUBBORN = {
    "prepare": "[signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]",
    "nap": "[time.sleep(0.01) for _ in range(12000) if not os.path.exists('wake')]",
}


def start(lab: Lab, kind: dict[str, str], **env: str) -> Launcher:
    lab.write(SLEEPING.format(**kind))
    launcher = lab.start("run", **env)
    launcher.wait_for("] naps", 2)
    return launcher


def interrupted(lab: Lab, launcher: Launcher, done: Done, name: str) -> None:
    """The run has ended as it should after a signal."""
    number = signal.Signals[name]
    assert done.code == (1 if number is signal.SIGINT else 128 + number), done.all
    assert "Workflow interrupted" in done.out
    assert f"interrupted by {name}" in done.err, done.err
    assert "end has run" not in done.out
    assert "/src/metaflow/" not in done.all, done.all
    left = launcher.leftovers()
    assert not left, left
    run = lab.run_object(f"SleepFlow/{done.run_id}")
    assert not run.successful
    assert run.status == "killed"
    assert not run["nap"].task.finished
    assert run["nap"].task.status == "killed"
    assert run["start"].task.data.kept == "start"


def resume_works(lab: Lab, done: Done) -> None:
    (lab.folder / "wake").touch()
    resumed = lab.resume(done.run_id)
    assert "] end has run" in resumed.out
    assert f"{done.run_id}/start/1" in resumed.cloned
    assert sorted(lab.did(resumed.run_id)) == ["nap-0", "nap-1"]


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_launcher_ends_the_run(
    lab: Lab, number: signal.Signals, start_method: str
) -> None:
    launcher = start(lab, OBEDIENT, METAFLOW_TASK_START=start_method)
    begun = time.monotonic()
    os.kill(launcher.pid, number)
    done = launcher.finish(15)
    # Tasks that do not resist need no grace.
    assert time.monotonic() - begun < 4.5
    interrupted(lab, launcher, done, number.name)
    resume_works(lab, done)


def test_steps_that_ignore_signals_are_killed_after_a_grace(lab: Lab) -> None:
    launcher = start(lab, STUBBORN)
    begun = time.monotonic()
    os.kill(launcher.pid, signal.SIGINT)
    done = launcher.finish(15)
    assert 4.0 < time.monotonic() - begun < 9.0
    interrupted(lab, launcher, done, "SIGINT")
    assert done.out.count("[KILLED BY ORCHESTRATOR]") == 2
    for task in lab.run_object(f"SleepFlow/{done.run_id}")["nap"]:
        assert task.stderr.count("[KILLED BY ORCHESTRATOR]") == 1
    resume_works(lab, done)


def test_a_second_signal_ends_the_grace(lab: Lab) -> None:
    launcher = start(lab, STUBBORN)
    os.kill(launcher.pid, signal.SIGINT)
    launcher.wait_for("Workflow interrupted")
    begun = time.monotonic()
    os.kill(launcher.pid, signal.SIGINT)
    done = launcher.finish(15)
    assert time.monotonic() - begun < 3.0
    interrupted(lab, launcher, done, "SIGINT")


def test_a_task_that_finishes_within_the_grace_counts(lab: Lab) -> None:
    lab.write_step(
        """
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        print("begins")
        while not os.path.exists("go"):
            time.sleep(0.01)
        self.kept = "made in time"
        self.next(self.end)
        """
    )
    launcher = lab.start("run")
    launcher.wait_for("] begins")
    os.kill(launcher.pid, signal.SIGTERM)
    launcher.wait_for("Workflow interrupted")
    (lab.folder / "go").touch()
    done = launcher.finish(4)
    assert done.code == 128 + signal.SIGTERM
    assert done.acknowledged == [("start", "1")]
    assert lab.only_task(done).data.kept == "made in time"
    assert "end has run" not in done.out
    assert f"{done.run_id}/start/1" in lab.resume(done.run_id).cloned


def test_a_retry_is_not_begun_after_a_signal(lab: Lab) -> None:
    lab.write_step(
        "did('start')\nprint('naps')\ntime.sleep(120)\nself.next(self.end)",
        decorator="@retry(times=3)",
    )
    launcher = lab.start("run")
    launcher.wait_for("] naps")
    os.kill(launcher.pid, signal.SIGINT)
    done = launcher.finish(10)
    assert done.code == 1
    assert lab.did(done.run_id) == ["start"]
    assert not launcher.leftovers()


def test_catch_does_not_take_an_interrupt_for_a_failure(lab: Lab) -> None:
    lab.write_step(
        "print('naps')\ntime.sleep(120)\nself.next(self.end)", decorator="@catch(var='why')"
    )
    launcher = lab.start("run")
    launcher.wait_for("] naps")
    os.kill(launcher.pid, signal.SIGINT)
    done = launcher.finish(10)
    assert done.code == 1
    assert "end has run" not in done.out
    assert not lab.only_task(done).finished


def test_a_hangup_that_was_ignored_stays_ignored(lab: Lab) -> None:
    lab.write(SLEEPING.format(**OBEDIENT))
    launcher = lab.start(
        "-c",
        "import os, signal, sys\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "os.execv(sys.executable, [sys.executable, 'flow.py', 'run'])",
        file="-I",
    )
    launcher.wait_for("] naps", 2)
    os.kill(launcher.pid, signal.SIGHUP)
    # A process takes its signals in the order of their numbers.
    os.kill(launcher.pid, signal.SIGINT)
    done = launcher.finish(10)
    assert "interrupted by SIGINT" in done.err, done.all


class Terminal:
    """A terminal of its own, with a launcher in its foreground."""

    def __init__(self, lab: Lab) -> None:
        self.mark = "terminal-" + lab.folder.name
        self.pid, self.end = pty.fork()
        if self.pid == 0:
            os.chdir(lab.folder)
            os.execve(
                sys.executable,
                [sys.executable, "flow.py", "run"],
                lab.env | {MARK: self.mark, "TERM": "xterm"},
            )
        self.seen = b""

    def wait_for(self, text: bytes, count: int = 1, timeout: float = 20.0) -> None:
        deadline = time.monotonic() + timeout
        while self.seen.count(text) < count:
            assert time.monotonic() < deadline, self.seen.decode(errors="replace")
            assert self.read(0.2), f"it ended:\n{self.seen.decode(errors='replace')}"

    def read(self, timeout: float) -> bool:
        if select.select([self.end], [], [], timeout)[0]:
            try:
                data = os.read(self.end, 1 << 16)
            except OSError:  # all have closed the terminal
                return False
            self.seen += data
            return bool(data)
        return True

    def finish(self, timeout: float = 15.0) -> int:
        deadline = time.monotonic() + timeout
        while self.read(0.2):
            assert time.monotonic() < deadline, self.seen.decode(errors="replace")
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.mark.parametrize("kind", [OBEDIENT, STUBBORN], ids=["obedient", "stubborn"])
def test_control_c_in_a_terminal(lab: Lab, kind: dict[str, str]) -> None:
    lab.write(SLEEPING.format(**kind))
    terminal = Terminal(lab)
    launcher = Launcher(subprocess.Popen(["true"]), terminal.mark, Path(os.devnull))
    lab.launchers.append(launcher)
    terminal.wait_for(b" naps", 2)
    os.write(terminal.end, b"\x03")
    if kind is STUBBORN:
        terminal.wait_for(b"Workflow interrupted")
        os.write(terminal.end, b"\x03")
    code = terminal.finish()
    shown = terminal.seen.decode(errors="replace")
    assert code == 1, shown
    assert "Workflow interrupted" in shown
    assert "Traceback" not in shown.replace("KeyboardInterrupt", "") or kind is OBEDIENT, shown
    assert "/src/metaflow/" not in shown
    assert not launcher.leftovers()
    (run,) = lab.run_object(
        shown.partition("run-id ")[2].partition(")")[0].join(["SleepFlow/", ""])
    ).parent
    assert not run.successful
    with contextlib.suppress(OSError):
        os.close(terminal.end)


def test_a_terminal_that_goes_away_ends_the_run(lab: Lab) -> None:
    lab.write(SLEEPING.format(**OBEDIENT))
    terminal = Terminal(lab)
    launcher = Launcher(subprocess.Popen(["true"]), terminal.mark, Path(os.devnull))
    lab.launchers.append(launcher)
    terminal.wait_for(b" naps", 2)
    os.close(terminal.end)
    assert not launcher.leftovers(10)
    os.waitpid(terminal.pid, 0)


def test_a_reader_that_goes_away_does_not_end_the_run(lab: Lab) -> None:
    lab.write_step(
        """
        print("begins")
        while not os.path.exists("go"):
            time.sleep(0.01)
        for number in range(20000):
            print("line", number)
        self.kept = 1
        self.next(self.end)
        """
    )
    launcher = lab.start("run")
    launcher.wait_for("] begins")
    run_id = launcher.out().partition("run-id ")[2].partition(")")[0]
    assert launcher.popen.stdout is not None
    launcher.popen.stdout.close()
    launcher.popen.stdout = None
    (lab.folder / "go").touch()
    assert launcher.popen.wait(20) == 0
    assert lab.run_object(f"StepFlow/{run_id}").successful
    assert len(lab.run_object(f"StepFlow/{run_id}")["start"].task.stdout.splitlines()) == 20001
