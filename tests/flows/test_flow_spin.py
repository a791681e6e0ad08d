"""Spin runs one step on what an earlier task was given, and leaves the earlier run alone."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys

import pytest
from flow_workspace import Workspace

from metaflow import Metaflow, Run, Runner, Task, inspect_spin, namespace
from metaflow.client import get_metadata, metadata
from metaflow.exception import MetaflowDataMissing

FLOW = """
import os, time
from metaflow import *


class SpinFlow(FlowSpec):
    base = Parameter("base", default=10)
    config = [1, 2]

    @step
    def start(self):
        self.outer = ["x", "y"]
        self.big = b"0123456789abcdef" * 100_000
        self.next(self.inner, foreach="outer")

    @step
    def inner(self):
        self.letters = [self.input + "1", self.input + "2", self.input + "3"]
        self.next(self.work, foreach="letters")

    @retry(times=2)
    @environment(vars={"SPUN": "yes"})
    @catch(var="oops")
    @step
    def work(self):
        self.place = (self.input, self.index, self.foreach_stack())
        self.given = (self.base, list(self.config), len(self.big))
        self.where = (current.task_id, current.origin_run_id, current.retry_count, sorted(current.tags))
        self.task = current.task.pathspec
        self.env = os.environ.get("SPUN")
        print("worked on", self.input)
        if os.environ.get("FAIL"):
            raise ValueError("on demand")
        self.next(self.inner_join)

    @step
    def inner_join(self, inputs):
        self.places = [one.place[0] for one in inputs]
        self.merge_artifacts(inputs, include=["big"])
        self.next(self.outer_join)

    @step
    def outer_join(self, inputs):
        self.places = [one.places for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        print("places", self.places)


if __name__ == "__main__":
    SpinFlow()
"""


def spun(workspace):
    """Return the newest spun run."""
    inspect_spin(str(workspace.folder))
    namespace(None)
    (flow,) = Metaflow()
    return next(iter(flow))


def size_of(folder):
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Run the flow once for all tests, each of which has its own copy of the store."""
    workspace = Workspace(tmp_path_factory.mktemp("made"))
    workspace.write(FLOW)
    workspace.succeed("run", "--base", "20", "--tag", "mine")
    return workspace.folder / ".metaflow"


@pytest.fixture
def origin(workspace, made):
    workspace.write(FLOW)
    shutil.copytree(made, workspace.folder / ".metaflow")
    return workspace.latest()


def test_a_spun_task_has_all_that_the_earlier_one_had(workspace, origin):
    for task in origin["work"]:
        workspace.succeed("spin", "--persist", task.pathspec)
        run = spun(workspace)
        again = run["work"].task
        assert again.id == "0"
        assert again.data.place == task.data.place
        assert again.data.given == task.data.given == (20, [1, 2], 1_600_000)
        assert again.data.where == ("0", None, 0, ["mine"])
        assert again.data.task == again.pathspec
        assert again.data.env == "yes"
        assert again.data.big == task.data.big
        assert again.data.base == 20
        assert again.stdout == f"worked on {task.data.place[0]}\n"
        assert again["_foreach_stack"].data == task["_foreach_stack"].data
        assert again.index == task.index
        assert again.metadata_dict["spin-origin"] == task.pathspec
        assert run.origin_pathspec is None
        workspace.look()


def test_joins_see_their_inputs_in_order(workspace, origin):
    workspace.succeed("spin", "--persist", "outer_join")
    assert spun(workspace)["outer_join"].task.data.places == [
        ["x1", "x2", "x3"],
        ["y1", "y2", "y3"],
    ]
    workspace.look()
    for task in origin["inner_join"]:
        workspace.succeed("spin", "--persist", task.pathspec)
        again = spun(workspace)["inner_join"].task
        assert again.data.places == task.data.places
        assert again.data.big == task.data.big
        workspace.look()


def test_nothing_large_is_copied(workspace, origin):
    workspace.succeed("spin", "--persist", "work")
    assert size_of(workspace.folder / ".metaflow_spin") < 400_000
    workspace.succeed("spin", "--persist", "inner_join")
    assert size_of(workspace.folder / ".metaflow_spin") < 400_000


def test_what_is_not_persisted_leaves_facts_and_output_only(workspace, origin):
    workspace.succeed("spin", "work")  # from here on the store knows of that of spun tasks
    before = size_of(workspace.folder / ".metaflow")
    assert "worked on" in workspace.succeed("spin", "work").out
    left = workspace.folder / ".metaflow_spin"
    assert list((left / "scratch").iterdir()) == []
    assert not (left / "packs").exists()
    assert not (left / "blobs").exists()
    assert size_of(workspace.folder / ".metaflow") == before
    task = spun(workspace)["work"].task
    assert len(list(task.parent.parent.parent)) == 2
    assert (task.finished, task.successful, task.id) == (True, True, "0")
    assert task.stdout.startswith("worked on")
    assert (task.stderr, task.index) == ("", 2)
    assert task.metadata_dict["spin-origin"] == origin["work"].task.pathspec
    assert "place" in task.data
    for read in (lambda: task.data.place, lambda: task["place"].data):
        with pytest.raises(MetaflowDataMissing, match="--persist") as caught:
            read()
        assert task.pathspec in caught.value.message
        assert "persist=True" in caught.value.hint
    # A later one that is kept has all.
    workspace.succeed("spin", "--persist", "work")
    assert spun(workspace)["work"].task.data.place == origin["work"].task.data.place


def test_the_facts_of_a_failed_spin_are_kept(workspace, origin):
    workspace.fail("spin", "work", FAIL="1")
    task = spun(workspace)["work"].task
    assert (task.finished, task.successful) == (False, False)
    assert "Traceback" in task.stderr


def test_the_earlier_runs_are_left_alone(workspace, origin):
    latest = (workspace.folder / ".metaflow" / "SpinFlow" / "latest_run").read_text()
    workspace.succeed("spin", "--persist", "work")
    assert (workspace.folder / ".metaflow" / "SpinFlow" / "latest_run").read_text() == latest
    assert not list((workspace.folder / ".metaflow_spin").rglob("latest_run"))
    assert workspace.latest().id == origin.id
    workspace.succeed("resume")
    assert workspace.latest().origin_pathspec == origin.pathspec


def test_a_path_that_is_not_whole_means_the_newest(workspace, origin):
    newest = max(origin["work"], key=lambda task: int(task.id))
    for path in ("work", f"{origin.id}/work", f"SpinFlow/{origin.id}/work"):
        done = workspace.succeed("spin", path)
        assert f"spin {newest.pathspec}" in done.err
        assert f"Spinning {newest.pathspec}" in done.out
    assert "hint" not in workspace.succeed("spin", newest.pathspec).err
    other = workspace.run("--base", "1")
    done = workspace.succeed("spin", "work")
    assert f"Spinning SpinFlow/{other.id}/work" in done.out
    assert f"spin {newest.pathspec}" not in done.err


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("wrok", "did you mean `work`?"),
        ("12345/work", "has no run `12345`"),
        ("{run}/work/99", "has no task `99`"),
        ("{run}/work/1", "has no task `1`"),
        ("Other/{run}/work/4", "of another flow than `SpinFlow`"),
        ("a/b/c/d/e", "names no task"),
        ("", "names no task"),
    ],
)
def test_what_is_not_there_is_named(workspace, origin, path, words):
    done = workspace.fail("spin", path.format(run=origin.id))
    assert words in done.err
    assert "Internal error" not in done.err
    assert not (workspace.folder / ".metaflow_spin").exists()


def test_a_step_that_the_latest_run_has_not_reached(workspace):
    workspace.write(FLOW)
    assert "no earlier run" in workspace.fail("spin", "work").err
    first = workspace.run()
    workspace.write(FLOW.replace('self.outer = ["x", "y"]', "raise OSError"))
    workspace.fail("run")
    assert f"spin `{first.id}/work`" in workspace.fail("spin", "work").err
    assert "OSError" in workspace.fail("spin", "start").out


def test_the_code_of_today_runs_on_the_values_of_then(workspace, origin):
    text = FLOW.replace("config = [1, 2]", "config = [3]").replace('"worked on"', '"did"')
    workspace.write(text)
    workspace.succeed("spin", "--persist", "work")
    task = spun(workspace)["work"].task
    assert task.data.given == (20, [3], 1_600_000)
    assert task.stdout.startswith("did ")


def test_a_failure_is_a_failure_whatever_decorators_say(workspace, origin):
    done = workspace.fail("spin", "--persist", "work", FAIL="1")
    assert "ValueError: on demand" in done.out
    assert done.out.count("Task is starting") == 1
    assert "`@catch`, `@retry`" in done.err
    run = spun(workspace)
    assert not run["work"].task.successful
    assert run["work"].task.exception.exception == "on demand"


def test_which_decorators_take_effect(workspace, origin):
    def env_of(*options, **env):
        workspace.succeed(*options, "spin", "--persist", "work", **env)
        return spun(workspace)["work"].task.data.env

    assert env_of() == "yes"
    assert env_of(METAFLOW_SPIN_ALLOWED_DECORATORS="timeout") is None
    workspace.succeed("spin", "--persist", "--skip-decorators", "work")
    assert spun(workspace)["work"].task.data.env is None
    done = workspace.fail("spin", "work", METAFLOW_SPIN_DISALLOWED_DECORATORS='["retry"]')
    assert "Step can't be spun" in done.err
    caught = workspace.fail(
        "spin", "work", FAIL="1", METAFLOW_SPIN_ALLOWED_DECORATORS="timeout,environment"
    )
    assert "on demand" in caught.out
    workspace.succeed("spin", "work", FAIL="1", METAFLOW_SPIN_ALLOWED_DECORATORS="catch")


def test_decorators_of_the_command_line(workspace, origin):
    workspace.write(FLOW.replace('print("worked on", self.input)', "time.sleep(30)"))
    done = workspace.fail("--with", "timeout:seconds=1", "spin", "work")
    assert "timed out after" in done.out
    workspace.write(FLOW.replace("os.environ.get('FAIL')", "False"))
    done = workspace.succeed("spin", "end", METAFLOW_DEFAULT_DECOSPECS="retry:times=1")
    assert "Ignored" not in done.err
    assert "`@retry`" in workspace.succeed("--with", "retry:times=1", "spin", "end").err


def test_artifacts_of_a_module(workspace, origin):
    workspace.write("ARTIFACTS = {'places': ['mine'], 'base': 3}", "mine.py")
    done = workspace.succeed("spin", "--artifacts-module", "mine.py", "end")
    assert done.said("places ['mine']")
    workspace.write("ARTIFACTS = {'base': 7, 'big': b'small'}", "other.py")
    workspace.succeed("spin", "--persist", "--artifacts-module", "other.py", "work")
    assert spun(workspace)["work"].task.data.given == (7, [1, 2], 5)
    workspace.look()
    first, second = sorted(origin["inner_join"], key=lambda task: int(task.id))
    place = "/".join(first.path_components[1:])
    workspace.write(f"ARTIFACTS = {{{place!r}: {{'places': 'replaced'}}}}", "joined.py")
    workspace.succeed("spin", "--persist", "--artifacts-module", "joined.py", "outer_join")
    found = spun(workspace)["outer_join"].task.data.places
    assert sorted(map(str, found)) == sorted(["replaced", str(second.data.places)])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pass", "defines no dict `ARTIFACTS`"),
        ("1 / 0", "ZeroDivisionError"),
        ("ARTIFACTS = {3: 4}", "the name 3"),
    ],
)
def test_a_module_that_makes_no_sense(workspace, origin, text, words):
    workspace.write(text, "mine.py")
    assert words in workspace.fail("spin", "--artifacts-module", "mine.py", "end").err
    assert "is no file" in workspace.fail("spin", "--artifacts-module", "none.py", "end").err
    workspace.write("ARTIFACTS = {'a/b/c': {}}", "mine.py")
    done = workspace.fail("spin", "--artifacts-module", "mine.py", "outer_join")
    assert "not an input of the join" in done.err


def test_files_that_tell_programs(workspace, origin):
    workspace.succeed(
        "spin", "--persist", "--run-id-file", "id", "--runner-attribute-file", "told", "work"
    )
    run_id = (workspace.folder / "id").read_text()
    told = json.loads((workspace.folder / "told").read_text())
    assert told == {
        "run_id": run_id,
        "flow_name": "SpinFlow",
        "metadata": f"spin@{workspace.folder}",
        "task_id": "0",
        "step_name": "work",
    }
    metadata(told["metadata"])
    namespace(None)
    assert Task(f"SpinFlow/{run_id}/work/0").successful


def test_a_log_has_its_limit(workspace, origin):
    workspace.write(FLOW.replace('print("worked on", self.input)', "print('z' * 3_000_000)"))
    workspace.succeed("spin", "--persist", "--max-log-size", "1", "work")
    assert "TRUNCATED" in spun(workspace)["work"].task.stdout


def test_the_place_of_spun_tasks(workspace, origin, monkeypatch):
    elsewhere = {"METAFLOW_DATASTORE_SYSROOT_SPIN": str(workspace.folder / "there")}
    workspace.succeed("spin", "work", METAFLOW_SPIN_PERSIST="1", **elsewhere)
    assert not (workspace.folder / ".metaflow_spin").exists()
    inspect_spin(str(workspace.folder / "there"))
    assert get_metadata() == f"spin@{workspace.folder / 'there'}"
    (flow,) = Metaflow()
    namespace(None)
    assert next(iter(flow))["work"].task.data.base == 20
    (workspace.folder / "below").mkdir()
    workspace.succeed("spin", "--persist", "work")
    monkeypatch.chdir(workspace.folder / "below")
    inspect_spin()
    assert get_metadata() == f"spin@{workspace.folder}"


def test_both_stores_can_be_moved_together(workspace, origin, tmp_path_factory):
    workspace.succeed("spin", "--persist", "work")
    place = tmp_path_factory.mktemp("moved")
    for name in (".metaflow", ".metaflow_spin"):
        (workspace.folder / name).rename(place / name)
    inspect_spin(str(place))
    namespace(None)
    (flow,) = Metaflow()
    assert len(next(iter(flow))["work"].task.data.big) == 1_600_000


def test_commands_in_the_store_of_spun_tasks(workspace, origin):
    workspace.succeed("spin", "--persist", "--run-id-file", "id", "work")
    run_id = (workspace.folder / "id").read_text()
    for options in (("--mode", "spin"), ("--metadata", "spin"), ("--datastore", "spin")):
        done = workspace.succeed(*options, "logs", f"{run_id}/work")
        assert done.out.startswith("worked on")
    done = workspace.flow("--metadata", "local", "--datastore", "spin", "logs", f"{run_id}/work")
    assert done.code == 2
    assert "worked on" in workspace.succeed("--mode", "spin", "spin", "work").out


def test_a_spun_step_is_killed_with_its_launcher(workspace, origin):
    workspace.write(FLOW.replace('print("worked on", self.input)', 'print("here"); time.sleep(60)'))
    command = [sys.executable, "flow.py", "--no-pylint", "spin", "work"]
    with subprocess.Popen(
        command, cwd=workspace.folder, env=workspace.env, stdout=subprocess.PIPE, text=True
    ) as process:
        pid = 0
        for line in process.stdout:
            if "here" in line:
                pid = int(line.split("(pid ")[1].split(")")[0])
                break
        (scratch,) = (workspace.folder / ".metaflow_spin" / "scratch").iterdir()
        step = os.pidfd_open(pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        # Readable once the process of the step has ended.
        # `select` takes no descriptor above 1023, which a long run of tests can reach.
        ended = select.poll()
        ended.register(step, select.POLLIN)
        assert ended.poll(20_000)
        os.close(step)
    assert scratch.exists()
    workspace.write(FLOW)
    workspace.succeed("spin", "work")
    assert not scratch.exists(), "the next one clears up"


def test_two_spins_at_once(workspace, origin):
    command = [sys.executable, "flow.py", "--no-pylint", "spin", "--persist", "work"]
    running = [
        subprocess.Popen(
            command, cwd=workspace.folder, env=workspace.env, stdout=subprocess.DEVNULL
        )
        for _ in range(4)
    ]
    assert [process.wait() for process in running] == [0] * 4
    spun(workspace)
    (flow,) = Metaflow()
    assert len([run for run in flow if run["work"].task.successful]) == 4


def test_spin_step_takes_inputs_by_path(workspace, origin):
    (start,) = origin["start"]
    workspace.succeed(
        "spin-step",
        "inner",
        "--run-id",
        "own",
        "--task-id",
        "t",
        "--persist",
        "--split-index",
        "1",
        "--input-paths",
        "/".join(start.path_components[1:]),
        "--orig-flow-datastore",
        f"local@{workspace.folder}/.metaflow",
    )
    inspect_spin(str(workspace.folder))
    namespace(None)
    assert Task("SpinFlow/own/inner/t").data.letters == ["y1", "y2", "y3"]


def test_a_resume_of_nothing_leaves_no_run(workspace, origin):
    before = [run.id for run in origin.parent]
    workspace.fail("resume", "--origin-run-id", "nonsense")
    workspace.look()
    assert [run.id for run in Run(origin.pathspec).parent] == before
    assert origin.origin_pathspec is None


def test_a_program_spins(workspace, origin, monkeypatch):
    monkeypatch.chdir(workspace.folder)
    for name, value in workspace.env.items():
        monkeypatch.setenv(name, value)
    with Runner("flow.py", show_output=False, pylint=False) as runner:
        kept = runner.spin("work", persist=True)
        assert kept.task.data.given == (20, [1, 2], 1_600_000)
        assert kept.task.stdout == f"worked on {kept.task.data.place[0]}\n"
        lost = runner.spin("end")
        assert (lost.status, lost.returncode) == ("successful", 0)
        assert (lost.task.finished, lost.task.pathspec) == (True, lost.pathspec)
        with pytest.raises(MetaflowDataMissing, match="not kept") as caught:
            _ = lost.task.data.name
        assert "persist=True" in caught.value.hint
