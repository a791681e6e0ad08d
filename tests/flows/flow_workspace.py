"""A folder with flow files, their runs, and the two ways to look at them: commands and client."""

from __future__ import annotations

import os
import pickle
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import flow_recorder

import metaflow
from metaflow import Flow, Run, Task
from metaflow.client import metadata, namespace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flow_model import Key

TIMEOUT_S = 60
STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}"
TASK_LINE = re.compile(rf"{STAMP} \[(\d+)/(\w+)/([\w-]+) \(pid (\d+)\)\] (.*)")


class Done(NamedTuple):
    """What a finished process left behind."""

    code: int
    out: str
    err: str

    def said(self, text: str) -> list[str]:
        """Texts of the tasks' lines on the console that contain this text."""
        return [m[5] for m in map(TASK_LINE.fullmatch, self.out.splitlines()) if m and text in m[5]]


class Workspace:
    """A folder of one's own, as the user `ann` sees it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("METAFLOW", "COV", "FAIL_"))
        }
        self.env = {**kept, "METAFLOW_USER": "ann", "METAFLOW_HOME": str(folder / "home")}

    def write(self, source: str, name: str = "flow.py") -> None:
        (self.folder / name).write_text(textwrap.dedent(source))

    def write_files(self, files: dict[str, str]) -> None:
        """Write generated files and what they import."""
        for name, source in files.items():
            (self.folder / name).write_text(source)
        shutil.copy(flow_recorder.__file__, self.folder / "recorder.py")

    def python(self, *arguments: str, **env: str) -> Done:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.env | env,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def flow(self, *arguments: str, **env: str) -> Done:
        return self.python("flow.py", "--no-pylint", *arguments, **env)

    def succeed(self, *arguments: str, **env: str) -> Done:
        """Run a command of the flow that must succeed."""
        done = self.flow(*arguments, **env)
        assert done.code == 0, done.out + done.err
        return done

    def fail(self, *arguments: str, **env: str) -> Done:
        """Run a command of the flow that must fail, but not by a mistake of its own."""
        done = self.flow(*arguments, **env)
        assert done.code == 1, done.out + done.err
        return done

    def look(self) -> None:
        """Point the client of this process at the folder."""
        metadata(str(self.folder))
        namespace(None)

    def flow_name(self) -> str:
        """Name of the only flow that was ever run here."""
        self.look()
        (flow,) = metaflow.Metaflow()
        return str(flow.id)

    def latest(self) -> Run:
        """Return the newest run of the only flow."""
        self.look()
        (flow,) = metaflow.Metaflow()
        return next(iter(Flow(flow.id)))

    def run(self, *arguments: str, **env: str) -> Run:
        """Run the flow, which must succeed, and return what the client knows of it."""
        self.succeed("run", *arguments, **env)
        return self.latest()

    def dump(self, run: Run, step: str) -> dict[str, dict[str, Any]]:
        """Values of a step's tasks as `dump` writes them."""
        self.succeed("dump", f"{run.id}/{step}", "--file", "dumped")
        with (self.folder / "dumped").open("rb") as file:
            dumped: dict[str, dict[str, Any]] = pickle.load(file)
        return dumped


def order_of(task: Task) -> list[int]:
    """Return what sorts tasks by age; members of a gang follow the one that leads it."""
    return [int(part) for part in task.id.split("_node_")]


def key_of(task: Task, turns: dict[Any, int]) -> Key:
    """Place of a task in its run, as the model names it; tasks of a loop come oldest first."""
    step = task.path_components[2]
    place = tuple(index for index, _, _ in task.data.stack)
    turn = turns[step, place] = turns.get((step, place), -1) + 1
    return step, place, turn


def tasks_by_key(run: Run) -> Iterator[tuple[Key, Task]]:
    """Go through the tasks of a run with their places.

    Those that were ended before they could tell their place are left out.
    """
    turns: dict[Any, int] = {}
    for step in run:
        for task in sorted(step, key=order_of):
            if "stack" in task:
                yield key_of(task, turns), task
