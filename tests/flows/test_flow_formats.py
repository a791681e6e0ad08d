"""Whole flows without a pickle: what they hand on has open formats, and is told of unloaded."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet as pq

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


EXPORTED = """
import numpy as np
import pandas as pd
from metaflow import FlowSpec, step


class Model:
    pass


class ExportFlow(FlowSpec):
    @step
    def start(self):
        self.numbers = {"a": [1, None]}
        self.pair = (1, 2)
        self.array = np.arange(30_000).reshape(3, -1)
        self.long = [0.5] * 2000
        self.frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
        self.series = pd.Series([1.5, 2.5], name="height")
        self.lists = pd.DataFrame({"a": [[1], [2, 3]]})
        self.odd = pd.DataFrame({"a": [1j]})
        self.weights = {"w": np.ones((2, 3)), "b": np.arange(9000)}
        self.text = "long " * 2000
        self.raw = b"raw"
        self.model = Model
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ExportFlow()
"""


def test_exported_files_are_read_by_others(workspace, looked_at):
    workspace.write(EXPORTED)
    assert workspace.flow("run").code == 0
    looked_at()
    run = Flow("ExportFlow").latest_run
    done = workspace.flow("--quiet", "dump", f"{run.id}/start", "--export", "out")
    assert done.code == 0, done.err
    folder = workspace.folder / "out" / "start" / "1"
    assert sorted(path.name for path in folder.iterdir()) == [
        "array.npy", "frame.parquet", "lists.parquet", "long.npy", "model.pkl", "name.json",
        "numbers.json", "odd.pkl", "pair.json", "raw.bin", "series.parquet", "text.txt",
        "weights.safetensors",
    ]  # fmt: skip
    assert sorted(done.out.split()) == [
        f"out/start/1/{name.name}" for name in sorted(folder.iterdir())
    ]
    data = run["start"].task.data
    np.testing.assert_array_equal(np.load(folder / "array.npy"), data.array)
    assert np.load(folder / "long.npy").tolist() == data.long
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "frame.parquet"), data.frame)
    assert pq.read_table(folder / "lists.parquet").column("a").to_pylist() == [[1], [2, 3]]
    assert pq.read_table(folder / "series.parquet").to_pydict() == {"height": [1.5, 2.5]}
    pd.testing.assert_frame_equal(pd.read_pickle(folder / "odd.pkl"), data.odd)
    assert json.loads((folder / "numbers.json").read_text()) == data.numbers
    assert json.loads((folder / "pair.json").read_text()) == {"$tuple": [1, 2]}
    assert (folder / "text.txt").read_text() == data.text
    assert (folder / "raw.bin").read_bytes() == b"raw"
    head = (folder / "weights.safetensors").read_bytes()
    length = int.from_bytes(head[:8], "little")
    assert json.loads(head[8 : 8 + length]).keys() == {"w", "b"}
    assert len(head) == 8 + length + 6 * 8 + 9000 * 8
    denied = workspace.flow("dump", f"{run.id}/start", "--export", "safe", METAFLOW_PICKLE="deny")
    assert denied.code == 0
    assert "model is left out" in denied.out + denied.err
    assert not list((workspace.folder / "safe").rglob("*.pkl"))
    assert Task(f"{run.pathspec}/start/1")["array"].export(str(folder)) == f"{folder}/array.npy"
