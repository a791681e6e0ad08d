"""Runs whose artifacts are in an object store, for which a folder stands in here."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

import pytest
from flow_in_store import FLOW, check, files, move, times

from metaflow import Flow, Run, Task


@pytest.fixture
def stored(workspace, monkeypatch):
    """A workspace whose artifacts go to a folder that stands in for a bucket."""
    workspace.write(FLOW)
    workspace.env |= {
        "METAFLOW_DEFAULT_DATASTORE": "s3",
        "METAFLOW_DATASTORE_SYSROOT_S3": f"file://{workspace.folder}/bucket",
    }
    move(workspace, monkeypatch, "here")
    return workspace


def test_bytes_are_in_the_store_and_facts_beside_the_flow(stored):
    run = stored.run()
    assert {path.split("/")[1] for path in files(stored, "bucket")} == {
        "blobs",
        "logs",
        "millrace.json",
        "packs",
    }
    assert not {path.split("/")[1] for path in files(stored, ".metaflow")} & {"blobs", "packs"}
    facts = run["start"].task.metadata_dict
    assert (facts["ds-type"], facts["ds-root"]) == ("s3", f"file://{stored.folder}/bucket")


def test_the_client_finds_everything_here_and_on_another_machine(stored, monkeypatch):
    run = stored.run()
    check(run)
    moved = stored.folder / "elsewhere"
    moved.mkdir()
    shutil.copytree(stored.folder / ".metaflow", moved / ".metaflow")
    shutil.rmtree(moved / ".metaflow" / "logs")
    move(stored, monkeypatch, "there")
    pathspec = run.pathspec
    stored.folder = moved
    stored.look()
    check(Run(pathspec))


def test_a_task_looks_at_its_own_past_through_the_client(stored):
    source = FLOW.replace(
        "        self.total =", '        assert Run(current.run_id and current.pathspec.rsplit("/", 2)'
        '[0])["start"].task.data.words == self.words\n        self.total ='
    )  # fmt: skip
    stored.write(source)
    assert stored.run().successful


def test_a_failed_run_is_resumed_without_doing_its_work_again(stored, monkeypatch):
    (stored.folder / "fail").touch()
    stored.fail("run")
    before = times(stored, "bucket/blobs")
    (stored.folder / "fail").unlink()
    move(stored, monkeypatch, "there")
    done = stored.succeed("resume")
    assert done.out.count("Cloning") == 5
    check(stored.latest())
    assert before.items() <= times(stored, "bucket/blobs").items()
    assert len(files(stored, "bucket/packs/StoredFlow")) < 13


@pytest.mark.parametrize("of_origin", ["s3", "local"])
def test_artifacts_are_not_looked_for_in_two_places(stored, of_origin):
    other = {"s3": "local", "local": "s3"}[of_origin]
    (stored.folder / "fail").touch()
    stored.fail("--datastore", of_origin, "run")
    (stored.folder / "fail").unlink()
    done = stored.fail("--datastore", other, "resume")
    assert "Artifacts elsewhere" in done.err
    root = f"file://{stored.folder}/bucket"
    hint = f"--datastore s3 --datastore-root {root}" if of_origin == "s3" else "--datastore local"
    assert hint in done.err
    stored.succeed("--datastore", of_origin, "resume")
    assert stored.latest().successful


def test_local_runs_and_those_of_a_store_live_side_by_side(stored):
    stored.succeed("--datastore", "local", "run")
    stored.succeed("run")
    stored.look()
    runs = list(Flow("StoredFlow"))
    assert [run["start"].task.metadata_dict["ds-type"] for run in runs] == ["s3", "local"]
    for run in runs:
        check(run)


def test_commands_read_from_the_store(stored, monkeypatch):
    run = stored.run()
    shutil.rmtree(stored.folder / ".metaflow" / "logs")
    move(stored, monkeypatch, "there")
    assert stored.succeed("logs", f"{run.id}/start").out == "so it begins\n"
    assert stored.dump(run, "join").popitem()[1]["all"][0] == "ITEM 0"
    stored.succeed("logs", "scrub", f"{run.id}/start")
    assert "begins" not in stored.succeed("logs", f"{run.id}/start").out
    for path in files(stored, "bucket/logs"):
        assert b"begins" not in (stored.folder / path).read_bytes()


def test_a_step_is_spun_on_what_the_store_has(stored, monkeypatch):
    stored.run()
    move(stored, monkeypatch, "there")
    done = stored.succeed("spin", "join", "--persist")
    assert "Done!" in done.out
    from metaflow import inspect_spin

    inspect_spin(str(stored.folder))
    run = next(iter(Flow("StoredFlow")))
    assert run["join"].task.data.all[3] == "ITEM 3"
    assert run["join"].task.data.words == "word " * 50_000
    move(stored, monkeypatch, "elsewhere")
    assert run["join"].task.data.array[5] == 5


def test_a_scheduler_starts_the_tasks_of_a_run(stored, monkeypatch):
    stored.succeed("init", "--run-id", "r1", "--task-id", "p")
    move(stored, monkeypatch, "there")
    stored.succeed("step", "start", "--run-id", "r1", "--task-id", "1",
                   "--input-paths", "r1/_parameters/p")  # fmt: skip
    move(stored, monkeypatch, "elsewhere")
    stored.succeed("step", "work", "--run-id", "r1", "--task-id", "2", "--split-index", "2",
                   "--input-paths", "r1/start/1")  # fmt: skip
    stored.look()
    task = Task("StoredFlow/r1/work/2")
    assert task.data.done == "ITEM 2"
    assert Task("StoredFlow/r1/start/1").stdout == "so it begins\n"
    done = stored.fail("--datastore", "local", "step", "work", "--run-id", "r1", "--task-id", "3",
                       "--split-index", "2", "--input-paths", "r1/start/1")  # fmt: skip
    assert "Artifacts elsewhere" in done.err


@pytest.mark.parametrize("killed", ["launcher", "worker"])
def test_a_killed_run_is_resumed(stored, killed):
    stored.write(FLOW.replace(
        'raise ValueError("not today")',
        'os.remove("fail"); os.mkfifo("ready"); print("waiting", flush=True);'
        ' open("ready").read()',
    ))  # fmt: skip
    (stored.folder / "fail").touch()
    with subprocess.Popen(
        [sys.executable, "flow.py", "--no-pylint", "run"],
        cwd=stored.folder,
        env=stored.env,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        line = next(line for line in process.stdout if "waiting" in line)
        pid = int(line.partition("(pid ")[2].partition(")")[0])
        os.kill(process.pid if killed == "launcher" else pid, signal.SIGKILL)
        process.stdout.read()
    assert process.returncode != 0
    stored.succeed("resume")
    check(stored.latest())


def test_a_store_that_breaks_in_the_middle_fails_the_task_and_keeps_the_rest(stored):
    stored.write(FLOW.replace('raise ValueError("not today")', 'os.rename("bucket", "away"); '
                              'open("bucket", "w").close(); os.remove("fail")'))  # fmt: skip
    (stored.folder / "fail").touch()
    done = stored.fail("run")
    assert "Task failed" in done.out
    assert f"{stored.folder}/bucket" in done.out
    (stored.folder / "bucket").unlink()
    (stored.folder / "away").rename(stored.folder / "bucket")
    stored.succeed("resume")
    check(stored.latest())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--datastore", "gs"), "set METAFLOW_DATASTORE_SYSROOT_GS, or give `--datastore-root`"),
        (("--datastore-root", "gs://bucket"), "`gs://bucket`, which `--datastore-root` says"),
        (("--datastore-root", "s3://"), "which `--datastore-root` says"),
        (("--datastore-root", "file:///proc/nothing"), "/proc/nothing"),
    ],
)
def test_a_bad_root_is_refused_before_work_starts(stored, arguments, message):
    done = stored.fail(*arguments, "run")
    assert message in done.err
    assert "Workflow starting" not in done.out
    assert not files(stored, ".metaflow/StoredFlow")


def test_a_callable_default_is_told_the_kind_of_store(stored):
    stored.write(
        FLOW.replace("default=3)", "default=lambda context: len(context.ds_type) + 1, type=int)")
    )
    assert stored.run()["end"].task.data.total == 3.0


def test_small_caches_and_none_are_enough(stored, monkeypatch):
    monkeypatch.setenv("METAFLOW_CLIENT_CACHE_MAX_SIZE", "0")
    check(stored.run(METAFLOW_CLIENT_CACHE_MAX_SIZE="0"))
    assert not (stored.folder / "cache of here").exists()


def test_the_package_is_made_once(stored):
    def packages():
        return {run.code.path for run in Flow("StoredFlow")}

    stored.run()
    stored.run()
    assert len(packages()) == 1
    (path,) = packages()
    assert path.startswith(f"file://{stored.folder}/bucket/blobs/")
