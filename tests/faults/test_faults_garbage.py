"""A collection of garbage that is killed at any moment has done no harm, and the next finishes it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from faults_lab import Lab

from metaflow.artifact_store.local import LocalArtifactStore
from metaflow.model.records import AttemptDone, NewRun, RunDone, TaskCreated
from metaflow.retention.inventory import stored_files
from metaflow.retention.keeping import Keeping
from metaflow.session import Session

RUNS, KEPT = 40, 5


def fill(root: str) -> None:
    """Write runs with blobs of their own, as tasks and their launcher would."""
    session, artifacts = Session(root), LocalArtifactStore(root)
    for number in range(RUNS):
        pack = f"packs/F/{number}"
        key = session.store.begin_run(
            NewRun("F", str(number), float(number), "ann", (), (), {}, None, pack)
        )
        values = {"blob": random.Random(number).randbytes(70_000), "small": number}
        refs, errors = artifacts.save(values, pack)
        assert not errors
        created = TaskCreated("1", "start", 1.0, (), ())
        done = AttemptDone("1", 0, 1.0, True, False, refs, None)
        session.store.write(key, (created, done, RunDone(1.0, True)))
    artifacts.close()
    session.store.close()
    session.journal.close()


def test_killed_collections(lab: Lab) -> None:
    root = str(lab.folder / ".metaflow")
    os.makedirs(root, exist_ok=True)
    fill(root)
    time.sleep(0.02)  # what has been written just now is left alone
    command = [
        str(Path(sys.executable).with_name("metaflow")),
        "gc",
        "--keep-last",
        str(KEPT),
        "--grace",
        "0",
    ]
    whole = 0.0
    for trial in range(12):
        with subprocess.Popen(
            command, cwd=lab.folder, env=lab.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as gc:
            began = time.monotonic()
            try:
                gc.wait(0.1 + 0.05 * trial)
            except subprocess.TimeoutExpired:
                os.kill(gc.pid, signal.SIGKILL)
            whole = max(whole, time.monotonic() - began)
    done = subprocess.run(command, cwd=lab.folder, env=lab.env, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    with Keeping(root) as keeping:
        runs = keeping.runs()
        assert [run.run_id for run in runs] == [
            str(n) for n in range(RUNS - 1, RUNS - KEPT - 1, -1)
        ]
        used = keeping.references(runs)
        assert [file.name for file in stored_files(root) if not file.is_used(used)] == []
        assert len(list(stored_files(root))) == 2 * KEPT
    assert not os.path.exists(f"{root}/aside") or os.listdir(f"{root}/aside") == []
