"""A disk that fills up: the run ends with a clear message and can be completed later."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults_lab import Done, Lab

SMALL, LARGE = "2m", "64m"
READ = """
import json, sys
from metaflow import Task, namespace
namespace(None)
print(json.dumps({path: Task(path).data.kept for path in sys.argv[1:]}))
"""
FLOW = """
class DiskFlow(FlowSpec):
    @step
    def start(self):
        self.kept = "start"
        self.next(self.fill)

    @step
    def fill(self):
        did("fill")
        self.kept = "fill"
{fill}
        self.next(self.end)

    @step
    def end(self):
        self.kept = "end"
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with little room, made for the store alone."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "faults", str(folder)]
    done = subprocess.run(mounting, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small file system can't be mounted: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def lab(tmp_path: Path, disk: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path, disk)
    lab.env["FAULTS_DISK"] = str(disk)
    yield lab
    lab.clean_up()


def filling(lab: Lab, fill: str) -> None:
    lines = "\n".join(f"        {line}" for line in fill.strip().splitlines())
    lab.write(FLOW.format(fill=lines))


def more_room(disk: Path) -> None:
    (disk / "filler").unlink(missing_ok=True)
    subprocess.run(["mount", "-o", f"remount,size={LARGE}", str(disk)], check=True)


def kept(lab: Lab, done: Done) -> list[str]:
    """What the acknowledged tasks kept, read by another process, which lets go of the disk."""
    paths = [f"DiskFlow/{done.run_id}/{step}/{task_id}" for step, task_id in done.acknowledged]
    read = subprocess.run(
        [sys.executable, "-c", READ, *paths],
        env=lab.env,
        cwd=lab.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert read.returncode == 0, read.stderr
    return sorted(eval(read.stdout).values())


def ended_clearly(done: Done, *says: str) -> None:
    assert done.code == 1, done.all
    for text in says:
        assert text in done.all, done.all
    for text in ("Traceback", "Internal error", "/src/metaflow/"):
        assert text not in done.all, done.all


def resume_completes(lab: Lab, done: Done, disk: Path) -> None:
    more_room(disk)
    resumed = lab.resume(done.run_id)
    assert {"/".join((done.run_id, *task)) for task in done.acknowledged} <= resumed.cloned
    assert kept(lab, resumed) == sorted({"start", "fill", "end"} - set(kept(lab, done)))
    assert lab.run("check").code == 0


def test_no_room_for_an_artifact(lab: Lab, disk: Path) -> None:
    filling(lab, "self.big = os.urandom(8 << 20)")
    done = lab.run()
    ended_clearly(done, "Storage full", "No space left on device", "Step failure:")
    assert kept(lab, done) == ["start"]
    resume_completes(lab, done, disk)


def test_no_room_for_many_small_artifacts(lab: Lab, disk: Path) -> None:
    filling(lab, "for i in range(400):\n    setattr(self, f'a{i}', os.urandom(20_000))")
    done = lab.run()
    # There may be no room either to log or to record what happened.
    ended_clearly(done, "full:", "free some space")
    assert kept(lab, done) == ["start"]
    resume_completes(lab, done, disk)


def test_no_room_for_logs(lab: Lab, disk: Path) -> None:
    filling(lab, "for i in range(8000):\n    print('x' * 1000)")
    done = lab.run()
    ended_clearly(done, "Storage full", "No space left on device")
    launcher = lab.launchers[-1]
    assert not launcher.leftovers()
    assert kept(lab, done) == ["start"]
    resume_completes(lab, done, disk)


FILL_ALL = """
if "FAULTS_FILL" not in os.environ:
    sizes = ()
else:
    # The facts of the step before are on record by now.
    time.sleep(0.2)
    sizes = (65536, 4096, 1)
file = os.open(os.environ["FAULTS_DISK"] + "/filler", os.O_WRONLY | os.O_CREAT)
for size in sizes:
    try:
        while os.write(file, bytes(size)):
            pass
    except OSError:
        pass
os.close(file)
"""


def test_no_room_for_metadata(lab: Lab, disk: Path) -> None:
    # Nothing is printed and no artifact is new, so that only facts remain to be written.
    filling(lab, "self.kept = 'start'" + FILL_ALL)
    done = lab.run("run", FAULTS_FILL="yes")
    ended_clearly(done, "full")
    assert not lab.launchers[-1].leftovers()
    assert ("start", "1") in done.acknowledged
    (disk / "filler").unlink()
    assert set(kept(lab, done)) == {"start"}
    resumed = lab.resume(done.run_id)
    assert {"/".join((done.run_id, *task)) for task in done.acknowledged} <= resumed.cloned
    assert f"{done.run_id}/end" not in done.out


def test_no_room_for_a_run_to_begin(lab: Lab, disk: Path) -> None:
    filling(lab, "pass")
    with (disk / "filler").open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
    done = lab.run()
    ended_clearly(done, "hint:")
    assert not lab.launchers[-1].leftovers()
    more_room(disk)
    done = lab.run()
    assert done.code == 0, done.all
    assert kept(lab, done) == ["end", "fill", "start"]


def test_no_room_anywhere_after_the_first_of_many_tasks(lab: Lab, disk: Path) -> None:
    lab.write(
        """
        class ManyFlow(FlowSpec):
            @step
            def start(self):
                self.items = list(range(40))
                self.next(self.item, foreach="items")

            @step
            def item(self):
                self.kept = [self.input, os.urandom(100_000)]
                self.next(self.join)

            @step
            def join(self, inputs):
                self.kept = [one.kept[0] for one in inputs]
                self.next(self.end)

            @step
            def end(self):
                assert self.kept == list(range(40))
                print("complete")
        """
    )
    done = lab.run()
    # Whether artifacts or facts find no room first is a matter of chance.
    ended_clearly(done, "full:", "free some space")
    more_room(disk)
    resumed = lab.resume(done.run_id)
    assert len(done.acknowledged) > 3
    assert {"/".join((done.run_id, *task)) for task in done.acknowledged} <= resumed.cloned
    assert "complete" in resumed.out


def test_no_room_for_the_code_costs_a_run_its_package_and_nothing_else(
    lab: Lab, disk: Path
) -> None:
    filling(lab, "pass")
    (lab.folder / "large.py").write_text(os.urandom(4 << 20).hex())
    done = lab.run()
    assert done.code == 0, done.all
    assert "The code of this run is not packed: Cannot write" in done.out
    # Nothing half-written takes room.
    assert [path.name for path in lab.store.glob("blobs/*") if path.is_file()] == []
    more_room(disk)
    done = lab.run()
    assert done.code == 0, done.all
    assert "not packed" not in done.out
    assert kept(lab, done) == ["end", "fill", "start"]
