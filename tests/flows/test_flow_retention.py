"""Runs of real flows, removed and erased by commands; what stays is whole."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from metaflow import Flow, Run

SOURCE = """
    import os, time
    from metaflow import FlowSpec, Parameter, step

    class Keep(FlowSpec):
        size = Parameter("size", default=100000)

        @step
        def start(self):
            self.blob = bytes(range(256)) * (self.size // 256)
            self.items = [1, 2]
            self.next(self.each, foreach="items")

        @step
        def each(self):
            self.own = [self.input] * 50
            if os.environ.get("FAIL_EACH"):
                raise ValueError("fails")
            self.next(self.join)

        @step
        def join(self, inputs):
            self.merge_artifacts(inputs, exclude=["own"])
            print("joining", flush=True)
            while os.path.exists("wait"):
                time.sleep(0.01)
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Keep()
"""


def metaflow(workspace, *arguments, **env):
    return workspace.python(str(Path(sys.executable).with_name("metaflow")), *arguments, **env)


def values_of(run):
    return {
        task.pathspec: {artifact.id: artifact.data for artifact in task}
        for step in run
        for task in step
    }


def test_a_resumed_run_keeps_what_it_has_from_the_removed_one(workspace):
    workspace.write(SOURCE)
    workspace.fail("run", FAIL_EACH="1")
    workspace.succeed("resume")
    run = workspace.latest()
    before = values_of(run)
    removed = json.loads(
        metaflow(workspace, "gc", "--keep-last", "1", "--grace", "0", "--json").out
    )
    assert len(removed["removed_runs"]) == 1
    assert removed["deleted"] >= 1
    again = workspace.latest()
    assert values_of(again) == before
    latest = (workspace.folder / ".metaflow" / "Keep" / "latest_run").exists()
    assert not latest, "the only run that was no resume is gone"
    assert metaflow(workspace, "gc", "--plan").out.startswith("Runs to remove: 0; 1 stay.")
    workspace.succeed("resume", "--origin-run-id", again.id)


def test_collections_beside_a_run_at_work(workspace):
    workspace.write(SOURCE)
    workspace.succeed("run")
    (workspace.folder / "wait").touch()
    with subprocess.Popen(
        [sys.executable, "flow.py", "--no-pylint", "run"],
        cwd=workspace.folder,
        env=workspace.env,
        stdout=subprocess.PIPE,
        text=True,
    ) as launcher:
        assert launcher.stdout is not None
        for line in launcher.stdout:
            if "joining" in line:
                break
        at_work = launcher.poll() is None
        refused = metaflow(workspace, "gc", "--keep-last", "0", "--grace", "0")
        noted = metaflow(workspace, "gc", "--keep-last", "0")
        time.sleep(0.02)
        collected = metaflow(workspace, "gc", "--grace", "0.001s", "--json")
        (workspace.folder / "wait").unlink()
        launcher.communicate(timeout=60)
    assert at_work
    assert refused.code == 1
    assert "no run may go on" in refused.err
    assert noted.code == 0
    assert json.loads(collected.out)["deleted"] >= 1
    assert launcher.returncode == 0
    assert len(values_of(workspace.latest())) == 5


def test_erase_asks_leaves_a_receipt_and_nothing_else(workspace):
    workspace.write(SOURCE)
    workspace.succeed("run", "--size", "90112")
    workspace.succeed("run", "--size", "90112")
    latest = workspace.latest().pathspec
    assert metaflow(workspace, "erase", latest).code == 1, "nobody has said yes"
    done = metaflow(workspace, "erase", latest, "--yes", "--reason", "a wish")
    receipt = json.loads(done.out)
    assert (receipt["run"], receipt["reason"], receipt["complete"]) == (latest, "a wish", True)
    assert receipt["erased_by"] == "user:ann"
    assert len(receipt["shared_with"]) == 1
    assert "refers to some of the same bytes" in done.err
    assert workspace.latest().pathspec == receipt["shared_with"][0]
    assert len(values_of(workspace.latest())) == 5
    kept = list((workspace.folder / ".metaflow" / "receipts").iterdir())
    assert [json.loads(file.read_text()) for file in kept] == [receipt]
    assert metaflow(workspace, "erase", latest, "--yes").code == 1


def test_mistakes_are_told_before_anything_is_removed(workspace):
    workspace.write(SOURCE)
    assert "no `.metaflow` directory" in metaflow(workspace, "gc").err
    workspace.succeed("run")
    run = workspace.latest().pathspec
    for arguments, text in {
        ("gc", "--older-than", "soon"): "`soon` is no age",
        ("gc", "--flow", "Keep"): "add `--keep-last` or `--older-than`",
        ("erase", "Keep", "--yes"): "does not name a run",
        ("erase", "Keep/9", "--yes"): "has no run `9`",
        ("gc", "--keep-last", "-1"): "--keep-last",
    }.items():
        done = metaflow(workspace, *arguments)
        assert done.code in {1, 2}
        assert text in done.err
    bad = metaflow(workspace, "gc", METAFLOW_RETENTION="[{}]")
    assert "METAFLOW_RETENTION cannot be used" in bad.err
    assert metaflow(workspace, "pin", run).code == 0
    assert "Removed 0 runs" in metaflow(workspace, "gc", "--keep-last", "0").out
    assert metaflow(workspace, "unpin", run).code == 0
    rules = '[{"flow": "Keep", "keep_last": 0}]'
    done = metaflow(workspace, "gc", METAFLOW_RETENTION=rules)
    assert "Removed 1 runs" in done.out


def test_a_run_in_an_object_store_is_erased_there(workspace, tmp_path_factory):
    bucket = tmp_path_factory.mktemp("bucket")
    workspace.write(SOURCE)
    there = ("--datastore", "s3", "--datastore-root", f"file://{bucket}")
    for _ in range(2):
        done = workspace.flow(*there, "run")
        assert done.code == 0, done.err

    def objects():
        return {str(file.relative_to(bucket)) for file in bucket.rglob("*") if file.is_file()}

    workspace.latest()  # points the client at the workspace
    first, second = sorted(run.pathspec for run in Flow("Keep"))
    before = objects()
    receipt = json.loads(metaflow(workspace, "erase", first, "--yes").out)
    assert receipt["objects_in"] == f"file://{bucket}"
    gone = before - objects()
    assert gone == set(receipt["objects"])
    assert {name.split("/")[2] for name in gone} == {first.split("/")[1]}
    assert len(values_of(Run(second))) == 5
    receipt = json.loads(metaflow(workspace, "erase", second, "--yes", "--exclusive").out)
    assert any(name.startswith("blobs/") for name in receipt["objects"])
    left = {name for name in objects() if not name.startswith("tmp")}
    assert left <= {"millrace.json"}
