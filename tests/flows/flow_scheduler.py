"""A scheduler as simple as one can be: it runs a flow by `init` and `step` alone.

It knows the flow's joins and where finished tasks have gone on to, which it reads from the
store, and nothing else. Tasks that are ready run at the same time.
"""

from __future__ import annotations

import json
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, NamedTuple

from metaflow.metadata_store.sqlite.store import SqliteMetadataStore
from metaflow.model.input_paths import TaskPath, write_input_paths

if TYPE_CHECKING:
    from flow_workspace import Done, Workspace

AT_ONCE = 3


class Todo(NamedTuple):
    """A task that is ready."""

    step: str
    inputs: tuple[TaskPath, ...]
    split_index: int | None = None


class Scheduler:
    """Runs one run of the only flow of a workspace.

    Parameters
    ----------
    workspace : Workspace
        Where the flow is.
    joins : set of str
        Names of the steps that are joins.
    start : str
        The first step.
    """

    def __init__(self, workspace: Workspace, joins: set[str], start: str = "start") -> None:
        self.workspace = workspace
        self.joins = joins
        self.start = start
        self.run_id = "scheduled-1"
        self.parameters = TaskPath(self.run_id, "_parameters", "init-0")
        self.attempts = 1
        self.env: dict[str, str] = {}
        self._store: SqliteMetadataStore | None = None
        self._ids = 0
        self._arrived: dict[tuple[str, str], list[TaskPath]] = {}

    def init(self, *options: str) -> Done:
        given = ("--run-id", self.run_id, "--task-id", self.parameters.task_id, *options)
        return self.workspace.succeed("init", *given, **self.env)

    def step(self, todo: Todo, task_id: str, *options: str, **env: str) -> Done:
        given = ["--run-id", self.run_id, "--task-id", task_id]
        given += ["--input-paths", write_input_paths(todo.inputs)]
        if todo.split_index is not None:
            given += ["--split-index", str(todo.split_index)]
        return self.workspace.flow("step", todo.step, *given, *options, **self.env, **env)

    def run(self, *options: str) -> None:
        """Begin the run and go on until nothing is ready any more."""
        self.init(*options)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            running: dict[Future[None], tuple[Todo, str]] = {}
            ready = [Todo(self.start, (self.parameters,))]
            while ready or running:
                for todo in ready:
                    self._ids += 1
                    place = todo, str(self._ids)
                    running[pool.submit(self._perform, *place)] = place
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                ready = []
                for one in done:
                    todo, task_id = running.pop(one)
                    one.result()
                    ready += self.follow(todo, task_id)
        self._close()

    def follow(self, todo: Todo, task_id: str) -> list[Todo]:
        """Return what is ready once this task is done."""
        path = TaskPath(self.run_id, todo.step, task_id)
        store = self._open()
        run = store.run(self.workspace.flow_name(), self.run_id)
        assert run is not None
        task = store.task(run.key, task_id)
        assert task is not None
        assert task.attempt is not None
        text = store.transition(run.key, task_id, task.attempt)
        if text is None:
            return []
        targets, var, count, *_ = json.loads(text)
        if var is not None:
            return [Todo(targets[0], (path,), index) for index in range(count)]
        ready = []
        for target in targets:
            if target not in self.joins:
                ready.append(Todo(target, (path,)))
                continue
            *_, (_, splitter, _, _, awaited, *_) = json.loads(task.frames)
            arrived = self._arrived.setdefault((target, splitter), [])
            arrived.append(path)
            if len(arrived) == awaited:
                ready.append(Todo(target, tuple(arrived)))
        return ready

    def _perform(self, todo: Todo, task_id: str) -> None:
        last = self.attempts - 1
        for attempt in range(self.attempts):
            options = ("--retry-count", str(attempt), "--max-user-code-retries", str(last))
            done = self.step(todo, task_id, *options)
            if done.code == 0:
                return
            assert done.code == 1, done.err
        raise AssertionError(done.out + done.err)

    def _open(self) -> SqliteMetadataStore:
        if self._store is None:
            path = self.workspace.folder / ".metaflow" / "metadata.db"
            self._store = SqliteMetadataStore(str(path), create=False)
        return self._store

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None
