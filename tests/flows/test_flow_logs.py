"""Logs of runs that go on, followed by other processes and programs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from metaflow import Run

# Tasks wait for files, and say that they do.
SOURCE = """
    import os, time
    from metaflow import FlowSpec, retry, step

    def wait_for(name):
        while not os.path.exists(name):
            time.sleep(0.01)

    class Talk(FlowSpec):
        @step
        def start(self):
            print("hello", flush=True)
            wait_for("first")
            print("once more", flush=True)
            self.items = [1, 2, 3]
            self.next(self.each, foreach="items")

        @step
        def each(self):
            print(f"item {self.input}", flush=True)
            wait_for("second")
            if os.path.exists("fail"):
                raise ValueError("no more")
            self.next(self.join)

        @step
        def join(self, inputs):
            print("joined", flush=True)
            wait_for("third")
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Talk()
"""


class Running:
    """A run in the background and those who follow it; what is left of them is killed."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.processes = []
        workspace.write(SOURCE)
        self.launcher = self.begin("run", "--run-id-file", "id")
        id_file = workspace.folder / "id"
        while not id_file.exists() or not id_file.read_text():
            assert self.launcher.poll() is None
            time.sleep(0.01)
        self.run_id = id_file.read_text()

    def begin(self, *arguments):
        process = subprocess.Popen(
            [sys.executable, "flow.py", "--no-pylint", "--quiet", *arguments],
            cwd=self.workspace.folder,
            env=self.workspace.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            process_group=0,
        )
        self.processes.append(process)
        return process

    def follow(self, path="", *options):
        return self.begin("logs", "--follow", *options, f"{self.run_id}{path}")

    def touch(self, *names):
        for name in names:
            (self.workspace.folder / name).touch()

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


@pytest.fixture
def running(workspace):
    running = Running(workspace)
    yield running
    running.close()


def ended(process):
    out, err = process.communicate(timeout=30)
    return process.returncode, out.splitlines(), err


def test_lines_are_followed_to_the_end_of_a_run(running):
    follower = running.follow()
    assert follower.stdout.readline() == "[start/1] hello\n"
    running.touch("first")
    assert follower.stdout.readline() == "[start/1] once more\n"
    items = sorted(follower.stdout.readline() for _ in range(3))
    assert items == ["[each/2] item 1\n", "[each/3] item 2\n", "[each/4] item 3\n"]
    of_step = running.follow("/each")
    of_task = running.follow("/start/1", "--stdout")
    assert ended(of_task) == (0, ["hello", "once more"], "")
    latest = running.follow("/each", "--grep", "2", "--json")
    assert json.loads(latest.stdout.readline())["text"] == "item 2"
    of_later = running.follow("/join")
    running.touch("second")
    # The run goes on, but not for these.
    code, lines, _ = ended(of_step)
    assert (code, len(lines)) == (0, 3)
    assert ended(latest)[0] == 0
    assert of_later.stdout.readline() == "[join/5] joined\n"
    running.touch("third")
    assert ended(of_later) == (0, [], "")
    assert ended(follower) == (0, ["[join/5] joined"], "")
    assert ended(running.launcher)[0] == 0
    assert ended(running.follow("", "--tail", "1"))[:2] == (0, ["[join/5] joined"])


def test_a_run_that_fails_fails_its_followers(running):
    running.touch("fail", "first")
    follower, of_task = running.follow(), running.follow("/each/2")
    assert of_task.stdout.readline() == "item 1\n"
    running.touch("second")
    code, lines, _ = ended(follower)
    assert code == 1
    assert any("ValueError: no more" in line for line in lines)
    code, lines, _ = ended(of_task)
    assert (code, lines[-1]) == (1, "ValueError: no more")


def test_a_run_that_is_killed_is_followed_to_its_end(running):
    follower = running.follow()
    assert follower.stdout.readline() == "[start/1] hello\n"
    running.launcher.kill()
    assert ended(follower) == (1, [], "")


def test_ctrl_c_ends_a_follower_quietly_and_not_the_run(running):
    follower = running.follow()
    assert follower.stdout.readline() == "[start/1] hello\n"
    follower.send_signal(signal.SIGINT)
    assert ended(follower) == (1, [], "")
    running.touch("first", "second", "third")
    assert ended(running.launcher)[0] == 0


def test_a_follower_whose_reader_has_gone_ends(running):
    follower = running.follow()
    assert follower.stdout.readline() == "[start/1] hello\n"
    follower.stdout.close()
    running.touch("first")
    assert follower.wait(timeout=30) == 0


def test_what_was_scrubbed_is_shown_as_redacted(running):
    running.touch("first", "second", "third")
    assert ended(running.launcher)[0] == 0
    running.workspace.succeed("logs", "scrub", "--stdout", f"{running.run_id}/start")
    running.workspace.look()
    run = Run(f"Talk/{running.run_id}")
    texts = [line.text for line in run.logs("stdout")]
    assert texts[0] == "[REDACTED task stdout]"
    assert sorted(texts[1:]) == ["item 1", "item 2", "item 3", "joined"]
    assert list(run.logs(contains="hello")) == []


def test_logs_of_a_run_in_an_object_store(workspace):
    workspace.env |= {
        "METAFLOW_DEFAULT_DATASTORE": "s3",
        "METAFLOW_DATASTORE_SYSROOT_S3": f"file://{workspace.folder}/bucket",
    }
    workspace.write(SOURCE)
    for name in ("first", "second", "third"):
        (workspace.folder / name).touch()
    run = workspace.run()
    before = [line.text for line in run.logs("stdout")]
    shutil.rmtree(workspace.folder / ".metaflow" / "logs")
    assert [line.text for line in run.logs("stdout")] == before
    assert before[:2] == ["hello", "once more"]
