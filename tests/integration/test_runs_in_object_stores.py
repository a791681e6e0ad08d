"""Runs whose artifacts are in the real servers of three kinds of object stores."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
from cloud_stores import fresh_url
from flow_in_store import FLOW, check, move
from flow_workspace import Workspace

from metaflow.ambient import UNSET, ambient

SIZE = 600 << 20
EXTRA = 150 << 20
MEASURED = """
import json, resource, sys
import numpy as np
from metaflow.artifact_store.opening import open_artifact_store
from metaflow.model.artifact import ArtifactRef

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10

url, size, told = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
store = open_artifact_store(url)
store.check_access()
if told:
    before = peak()
    value = store.load(ArtifactRef.from_json(json.loads(told[0])))
    assert len(value) == size // 8
    print(int(np.array_equal(value[::512], np.arange(0, size // 8, 512))))
    print(peak() - before - size)
else:
    value = np.arange(size // 8)
    before = peak()
    refs, errors = store.save({"x": value}, "packs/MeasuredFlow/1")
    assert not errors
    print(json.dumps(refs["x"]))
    print(peak() - before)
"""


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setattr(ambient, "metadata", UNSET)
    monkeypatch.setattr(ambient, "namespace", UNSET)
    return Workspace(tmp_path)


def into(kind, service, workspace, monkeypatch):
    """Let the runs of a workspace have their artifacts in a store of some kind."""
    url = fresh_url(kind, service)
    workspace.env |= {
        **{name: value for name, value in os.environ.items() if name.startswith("METAFLOW_")},
        "METAFLOW_USER": "ann",
        "METAFLOW_DEFAULT_DATASTORE": kind,
        "METAFLOW_DATASTORE_ROOT": url,
    }
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AZURE_STORAGE_ACCOUNT_NAME",
                 "AZURE_STORAGE_ACCOUNT_KEY", "STORAGE_EMULATOR_HOST"):  # fmt: skip
        if name in os.environ:
            workspace.env[name] = os.environ[name]
    workspace.write(FLOW)
    move(workspace, monkeypatch, "here")
    return url


@pytest.fixture
def stored(workspace, service, monkeypatch):
    into("s3", service, workspace, monkeypatch)
    return workspace


@pytest.mark.parametrize("kind", ["s3", "gs", "azure"])
def test_a_whole_run_is_found_on_another_machine(kind, workspace, service, monkeypatch):
    url = into(kind, service, workspace, monkeypatch)
    run = workspace.run()
    facts = run["start"].task.metadata_dict
    assert (facts["ds-type"], facts["ds-root"]) == (kind, url)
    check(run)
    moved = workspace.folder / "elsewhere"
    moved.mkdir()
    shutil.copytree(workspace.folder / ".metaflow", moved / ".metaflow")
    shutil.rmtree(moved / ".metaflow" / "logs")
    move(workspace, monkeypatch, "there")
    program = (
        "from flow_in_store import check; from metaflow import Run, namespace; "
        f"namespace(None); check(Run('{run.pathspec}'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=moved,
        env=workspace.env | {"PYTHONPATH": os.path.dirname(sys.modules["flow_in_store"].__file__)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_failed_run_is_resumed_on_another_machine(stored, monkeypatch):
    (stored.folder / "fail").touch()
    stored.fail("run")
    (stored.folder / "fail").unlink()
    move(stored, monkeypatch, "there")
    assert stored.succeed("resume").out.count("Cloning") == 5
    check(stored.latest())


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


def test_a_step_is_spun(stored, monkeypatch):
    run = stored.run()
    move(stored, monkeypatch, "there")
    assert "Done!" in stored.succeed("spin", f"{run.id}/join").out


def test_steps_that_fork_read_from_the_store(stored, monkeypatch):
    source = FLOW.replace("        self.total =", """\
        from metaflow import parallel_map
        past = Run(current.run_id and f"StoredFlow/{current.run_id}")
        first = past["start"].task.data.words
        found = parallel_map(lambda task: task.data.done, list(past["work"]))
        assert sorted(found) == self.all
        self.total =""")  # fmt: skip
    stored.write(source)
    assert stored.run(METAFLOW_CLIENT_CACHE_MAX_SIZE="0").successful


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("METAFLOW_DATASTORE_ROOT", "s3://no-such-bucket-here/x", "Bucket missing"),
        ("AWS_SECRET_ACCESS_KEY", "wrong", "Access denied"),
    ],
)
def test_a_store_that_refuses_ends_the_command_before_work_starts(stored, variable, value, message):
    done = stored.fail("run", **{variable: value})
    assert message in done.err
    assert "Workflow starting" not in done.out


def measured(workspace, url, *told):
    done = workspace.python("-c", MEASURED, url, str(SIZE), *told)
    assert done.code == 0, done.err
    return done.out.splitlines()


@pytest.mark.parametrize("limit", ["10000", "100"])
def test_a_large_array_takes_little_memory_beside_itself(workspace, service, monkeypatch, limit):
    url = into("s3", service, workspace, monkeypatch)
    workspace.env["METAFLOW_CLIENT_CACHE_MAX_SIZE"] = limit
    ref, extra = measured(workspace, url)
    assert json.loads(ref)[2] > SIZE
    assert int(extra) < EXTRA
    move(workspace, monkeypatch, "there")
    is_same, extra = measured(workspace, url, ref)
    assert is_same == "1"
    assert int(extra) < EXTRA
