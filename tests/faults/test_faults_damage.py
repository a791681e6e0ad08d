"""Bytes that change on the disk: the error says which artifact, where and what to do."""

from __future__ import annotations

import os

import pytest
from faults_lab import Lab

from metaflow.errors.storage import ArtifactCorrupt

LARGE = """
class LargeFlow(FlowSpec):
    @step
    def start(self):
        import numpy
        self.large = numpy.random.default_rng(0).random(1 << 18)
        self.small = list(range(100))
        self.next(self.look)

    @step
    def look(self):
        folder = os.environ["FAULTS_FOLDER"]
        if os.path.exists(folder + "/damage"):
            (blob,) = [
                os.path.join(place, name)
                for place, _, names in os.walk(folder + "/.metaflow/blobs")
                for name in names
                if os.path.getsize(os.path.join(place, name)) == 8 << 18
            ]
            with open(blob, "r+b") as file:
                file.seek(12345)
                file.write(b"\\0\\0\\0\\0")
        self.total = self.large.sum() if os.path.exists(folder + "/look") else 0.0
        self.next(self.end)

    @step
    def end(self):
        print("end has run with", self.total)
"""


def test_a_step_that_has_looked_at_a_damaged_array_has_failed(lab: Lab) -> None:
    lab.write(LARGE)
    for name in ("damage", "look"):
        (lab.folder / name).touch()
    done = lab.run()
    assert done.code == 1, done.all
    assert (
        f"Artifact `large` of run `LargeFlow/{done.run_id}`, which step `look` needs, can't be read"
    ) in done.out
    assert "end has run" not in done.out
    run = lab.run_object(f"LargeFlow/{done.run_id}")
    task = run["look"].task
    assert task.status == "failed"
    assert "ArtifactCorrupt" in str(task.exception)
    with pytest.raises(ArtifactCorrupt) as caught:
        _ = run["start"].task.data.large
    pathspec = f"LargeFlow/{done.run_id}/start/1/large"
    assert caught.value.artifact == f"Artifact `{pathspec}`"
    assert f"`verify {done.run_id}`" in str(caught.value)
    assert str(lab.store / "blobs") in str(caught.value)
    assert run["start"].task.data.small == list(range(100))
    told = lab.run("verify")
    assert told.code == 1
    assert f"{pathspec}: The stored bytes" in told.out
    assert "small" not in told.out


def test_a_step_that_has_not_looked_is_none_the_worse(lab: Lab) -> None:
    lab.write(LARGE)
    (lab.folder / "damage").touch()
    done = lab.run()
    assert done.code == 0, done.all
    assert lab.run("verify", "--all").code == 1


def test_small_artifacts_and_files_that_are_gone(lab: Lab) -> None:
    lab.write_step("self.kept = 'a' * 50\nself.next(self.end)")
    done = lab.run()
    assert lab.run("verify", done.run_id).code == 0
    (pack,) = [path for path in (lab.store / "packs").rglob("*") if path.is_file()]
    data = pack.read_bytes()
    place = data.index(b"a" * 50)
    pack.write_bytes(data[:place] + b"b" + data[place + 1 :])
    with pytest.raises(ArtifactCorrupt, match=f"StepFlow/{done.run_id}/start/1/kept"):
        _ = lab.only_task(done).data.kept
    os.unlink(pack)
    gone = lab.run("dump", f"{done.run_id}/start")
    assert gone.code == 1
    assert f"Artifact `StepFlow/{done.run_id}/start/1/kept` can't be read" in gone.err
    assert lab.run("verify", done.run_id).code == 1
