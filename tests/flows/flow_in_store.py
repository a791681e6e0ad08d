"""A flow with artifacts of all sizes, and what is looked at when they are in an object store."""

from __future__ import annotations

import os

FLOW = """
import os
import numpy as np
from metaflow import *


class StoredFlow(FlowSpec):
    alpha = Parameter("alpha", default=3)
    text = IncludeFile("text", default="flow.py")
    settings = Config("settings", default_value={"limit": 7})

    @step
    def start(self):
        print("so it begins")
        self.array = np.arange(1 << 20)
        self.zeros = np.zeros(1 << 22)
        self.words = "word " * 50_000
        self.items = [f"item {number}" for number in range(4)]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        assert self.array[-1] == (1 << 20) - 1
        self.done = self.input.upper()
        self.next(self.join)

    @step
    def join(self, inputs):
        if os.path.exists("fail"):
            raise ValueError("not today")
        self.all = [one.done for one in inputs]
        self.merge_artifacts(inputs, exclude=["done"])
        self.next(self.end)

    @step
    def end(self):
        assert self.settings.limit == 7
        assert "class StoredFlow" in self.text
        self.total = float(self.zeros.sum()) + self.alpha


if __name__ == "__main__":
    StoredFlow()
"""


def move(workspace, monkeypatch, machine):
    """Go on at another machine, whose cache is empty."""
    place = str(workspace.folder / f"cache of {machine}")
    workspace.env["METAFLOW_CLIENT_CACHE_PATH"] = place
    monkeypatch.setenv("METAFLOW_CLIENT_CACHE_PATH", place)


def files(workspace, folder):
    return sorted(
        str(path.relative_to(workspace.folder))
        for path in (workspace.folder / folder).rglob("*")
        if path.is_file()
    )


def times(workspace, folder):
    return {path: os.stat(workspace.folder / path).st_mtime_ns for path in files(workspace, folder)}


def check(run):
    assert run.successful
    assert run["end"].task.data.total == 3.0
    assert run["join"].task.data.all == ["ITEM 0", "ITEM 1", "ITEM 2", "ITEM 3"]
    start = run["start"].task
    assert start.data.array[17] == 17
    assert start.data.words == "word " * 50_000
    assert "class StoredFlow" in start.data.text
    assert start["settings"].data == {"limit": 7}
    assert start.stdout == "so it begins\n"
    assert sorted(task.data.done for task in run["work"]) == run["join"].task.data.all
    assert "class StoredFlow" in run.code.flowspec
