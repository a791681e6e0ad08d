"""Whole flows without a pickle: what they hand on has open formats, and is told of unloaded."""

from __future__ import annotations

import pytest

from metaflow import Flow, Task
from metaflow.client import metadata, namespace
from metaflow.errors.storage import PickleRefused

FLOW = """
import sys

import _pickle
import pickle
import numpy as np
import pandas as pd
from metaflow import Config, FlowSpec, IncludeFile, JSONType, Parameter, catch, current, step


def refuse(*arguments, **options):
    raise SystemExit("something was unpickled")


for module in (pickle, _pickle):
    for name in ("loads", "load", "Unpickler"):
        setattr(module, name, refuse)


def refuse_classes(event, arguments):
    if event == "pickle.find_class":
        refuse()


sys.addaudithook(refuse_classes)


class OpenFlow(FlowSpec):
    LEVELS = ("low", "high")
    limit = Parameter("limit", default=3)
    options = Parameter("options", type=JSONType, default='{"a": [1, {"b": null}]}')
    notes = IncludeFile("notes", default="notes.txt")
    settings = Config("settings", default_value={"rate": 0.5, "deep": {"er": [1]}})

    @step
    def start(self):
        self.items = [1, "two", {"three": 3}, (4, 5)]
        self.frame = pd.DataFrame({"a": range(5), "b": ["x", None, "z", "", "y"]})
        self.array = np.arange(30_000).reshape(3, -1)
        self.best = np.float64(0.5)
        self.next(self.work, foreach="items")

    @catch(var="problem")
    @step
    def work(self):
        self.seen = (self.input, self.array[1, 1], self.frame["b"][4], self.settings.deep.er)
        if self.input == "two":
            raise ValueError("no")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.all = [one.seen for one in inputs]
        self.failed = [one.problem.type for one in inputs if one.problem]
        self.merge_artifacts(inputs, exclude=["seen", "problem"])
        self.next(self.end)

    @step
    def end(self):
        assert self.failed == ["builtins.ValueError"]
        assert len(self.all) == 4 and self.all[3][0] == (4, 5)
        assert self.options == {"a": [1, {"b": None}]} and self.LEVELS == ("low", "high")
        assert self.notes == "some notes" and self.limit == 3
        assert type(self.best) is np.float64 and self.array.shape == (3, 10_000)
        assert "start" in current.graph["steps"]
        print("all was there")


if __name__ == "__main__":
    OpenFlow()
"""

MODEL = """
import datetime
from metaflow import FlowSpec, step


class Model:
    pass


class ModelFlow(FlowSpec):
    @step
    def start(self):
        self.model = Model()
        self.fine = 1
        self.next(self.end)

    @step
    def end(self):
        print(self.model)


if __name__ == "__main__":
    ModelFlow()
"""


@pytest.fixture
def looked_at(workspace, monkeypatch):
    monkeypatch.setenv("METAFLOW_HOME", workspace.env["METAFLOW_HOME"])
    yield lambda: (metadata(f"local@{workspace.folder}"), namespace(None))
    metadata("local")


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_a_flow_runs_without_a_pickle(workspace, looked_at, monkeypatch, start):
    workspace.write(FLOW)
    (workspace.folder / "notes.txt").write_text("some notes")
    done = workspace.flow("run", METAFLOW_PICKLE="deny", METAFLOW_TASK_START=start)
    assert done.code == 0, done.out + done.err
    assert done.said("all was there")
    looked_at()
    monkeypatch.setenv("METAFLOW_PICKLE", "deny")
    run = Flow("OpenFlow").latest_run
    task = run["start"].task
    artifacts = task.artifacts
    assert (artifacts.frame.format, artifacts.frame.shape) == ("arrow", (5, 2))
    assert artifacts.frame.columns == {"a": "int64", "b": "str"}
    assert (artifacts.array.format, artifacts.array.dtype) == ("npy", "int64")
    assert (artifacts.items.format, artifacts.items.shape) == ("json", (4,))
    assert (artifacts.best.format, artifacts.best.type) == ("npy", "numpy.float64")
    assert artifacts.limit.type == "int"
    assert artifacts.limit.shape is None
    assert {one.format for every in run for each in every for one in each} <= {
        "json", "npy", "arrow", "bytes", "text"
    }  # fmt: skip
    shown = artifacts._repr_html_()
    assert "<td>frame</td><td>pandas.DataFrame</td><td>5 x 2</td>" in shown
    assert "numpy.ndarray" in artifacts.array._repr_html_()
    dumped = workspace.flow("dump", f"{run.id}/start", METAFLOW_PICKLE="deny")
    assert "shape: (3, 10000) dtype: int64 format: npy]" in dumped.out
    assert dumped.code == 0


def test_a_model_fails_its_task_when_pickles_are_denied(workspace, looked_at):
    workspace.write(MODEL)
    done = workspace.flow("run", METAFLOW_PICKLE="deny")
    assert done.code == 1
    assert done.said("Pickle denied: Artifact `model` of type `__main__.Model`")
    assert workspace.flow("run").code == 0
    run = Flow("ModelFlow").latest_run if looked_at() else None
    resumed = workspace.flow("resume", "end", METAFLOW_PICKLE="deny")
    assert resumed.code == 1
    assert resumed.said("METAFLOW_PICKLE=allow") or resumed.said("is not loaded")
    assert workspace.flow("run", METAFLOW_PICKLE="trusted").code == 0
    assert Task(f"{run.pathspec}/start/1")["model"].format == "pickle"


def test_a_client_may_deny_pickles_too(workspace, looked_at, monkeypatch):
    workspace.write(MODEL)
    assert workspace.flow("run").code == 0
    monkeypatch.setenv("METAFLOW_PICKLE", "deny")
    looked_at()
    task = Flow("ModelFlow").latest_run["start"].task
    assert task.data.fine == 1
    assert task["model"].type == "__main__.Model"
    with pytest.raises(PickleRefused, match="METAFLOW_PICKLE=deny"):
        print(task["model"].data)
