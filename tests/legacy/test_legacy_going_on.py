"""A run that an older version carries on with is looked at again until it is over."""

from __future__ import annotations

import json
import os
import time

import pytest

from metaflow import Flow, Run
from metaflow.older_history import history
from metaflow.older_history.reading import LONG_S, QUIET_S

RUN = "1790000000000000"


class Going:
    """Writes a run as an older version does, as far as it has come."""

    def __init__(self, root, began):
        self.run = root / "Shapes" / RUN
        self.began = began
        self.note(self.run, user_name="ann", tags=[], system_tags=["user:ann"])

    def note(self, folder, **more):
        (folder / "_meta").mkdir(parents=True, exist_ok=True)
        told = {"ts_epoch": int(self.began * 1000), **more}
        (folder / "_meta" / "_self.json").write_text(json.dumps(told))

    def task(self, step, task, *, done):
        folder = self.run / step / task
        self.note(self.run / step)
        self.note(folder)
        (folder / "0.attempt.json").write_text(json.dumps({"time": self.began}))
        if done:
            objects = {"_task_ok": TRUE, "_success": TRUE}
            (folder / "0.data.json").write_text(json.dumps({"objects": objects, "info": {}}))
            (folder / "0.DONE.lock").touch()


TRUE = "868436778cb011a1c6230bc12534683ab0b7f1c3"
"""Digest of a pickled `True`."""


@pytest.fixture
def looks(monkeypatch):
    monkeypatch.setattr(history, "REREAD_AFTER_S", 0.0)


def test_a_run_is_seen_to_go_on_and_to_end(older, looks):
    going = Going(older.root, time.time())
    going.task("start", "1", done=False)
    run = Flow("Shapes")[RUN]
    assert (run.status, run.finished, run["start"].task.finished) == ("running", False, False)
    going.task("start", "1", done=True)
    going.task("end", "2", done=False)
    assert Run(f"Shapes/{RUN}")["start"].task.successful
    assert {step.id for step in run} == {"end", "start"}
    going.task("end", "2", done=True)
    assert run.status == "succeeded"
    assert run.successful
    assert RUN in Flow("Shapes")


@pytest.mark.parametrize(
    ("done", "since", "status"),
    [
        (True, QUIET_S / 2, "running"),
        (True, QUIET_S * 2, "failed"),
        (False, QUIET_S * 2, "running"),
        (False, LONG_S * 2, "failed"),
    ],
)
def test_a_run_that_shows_no_sign_has_failed(older, looks, done, since, status):
    going = Going(older.root, time.time() - since)
    going.task("start", "1", done=done)
    for lock in going.run.rglob("0.DONE.lock"):
        os.utime(lock, (going.began, going.began))
    assert Flow("Shapes")[RUN].status == status
