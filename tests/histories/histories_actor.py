"""One process of a history: it does random things to the stores until something strikes it.

Before each operation it says what it is about to do, and afterwards that it has returned. What
it says goes through a pipe in one piece, so that its last word is whole however it dies.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from random import Random
from typing import Any

from histories_faults import SteppedClock, inject
from histories_stores import Stores
from histories_world import FLOW, STREAMS, Origin, new_run, output_of, values_of

from metaflow.errors.base import MetaflowException
from metaflow.metadata_store.holding import Holding
from metaflow.model.artifact import ArtifactRef
from metaflow.model.records import (
    AttemptDone,
    AttemptStarted,
    LogWritten,
    RunDone,
    TaskCreated,
)

OPERATIONS = 10
_say = os.write


class OwnRun:
    """A run that this process has begun."""

    def __init__(self, run_id: str, key: int, holding: Holding) -> None:
        self.run_id, self.key, self.holding = run_id, key, holding
        self.tasks: list[tuple[str, int]] = []
        """Id and latest attempt."""
        self.next_task = 1


class Actor:
    """Does one random thing after the other."""

    def __init__(self, seed: int, number: int, root: str, objects: bool, pipe: int) -> None:
        self.seed, self.number, self.pipe = seed, number, pipe
        self.rng = Random(f"{seed}/actor {number}")
        self.stores = Stores(root, objects=objects)
        self.runs: list[OwnRun] = []
        self.tag_count = 0
        self.clock = SteppedClock()

    def live(self) -> None:
        """Do things; whatever a store refuses is no reason to stop."""
        fault = inject(self.rng)
        self.stores.inject(self.rng, fault)
        choices: list[Callable[[], None]] = [
            *[self.begin] * 3,
            *[self.task] * 8,
            *[self.tag] * 3,
            *[self.resume] * 2,
            *[self.read] * 3,
            self.end,
            self.renew,
            self.reopen,
            lambda: self.clock.step(self.rng),
        ]
        self.begin()
        for _ in range(OPERATIONS):
            self.rng.choice(choices)()

    def perform(self, operation: str, act: Callable[[], Any], **what: Any) -> Any:
        """Do something, and say so before and afterwards; None if it was refused."""
        told = json.dumps({"op": operation, "by": self.number, **what})
        _say(self.pipe, f"? {told}\n".encode())
        try:
            result = act()
        except MetaflowException as error:
            refused = json.dumps({"error": type(error).__name__})
            _say(self.pipe, f"- {refused}\n".encode())
            return None
        _say(self.pipe, f"+ {told}\n".encode())
        return True if result is None else result

    # --- operations ---

    def begin(self, origin: str | None = None) -> OwnRun | None:
        own = f"run-{self.number}-{len(self.runs)}-{self.rng.randrange(100)}"
        run_id = self.rng.choice((own, own, own, f"shared-{self.rng.randrange(2)}"))
        holding = Holding()
        new = new_run(run_id, time.time(), origin, holding.sign())
        key = self.perform(
            "begin", lambda: self.stores.facts.begin_run(new), run=run_id, origin=origin
        )
        if key is None:
            return None
        self.runs.append(OwnRun(run_id, key, holding))
        return self.runs[-1]

    def task(self) -> None:
        run = self.any_run()
        if run is None:
            return
        if run.tasks and self.rng.random() < 0.25:
            place = self.rng.randrange(len(run.tasks))
            task_id, attempt = run.tasks[place]
            attempt += 1
            run.tasks[place] = task_id, attempt
        else:
            task_id, attempt = str(run.next_task), 0
            run.next_task += 1
            run.tasks.append((task_id, attempt))
        origin = Origin(run.run_id, task_id, attempt)
        now = time.time()
        parents = tuple(one for one, _ in run.tasks if one != task_id)[-2:]
        changes: list[Any] = []
        if attempt == 0:
            changes.append(TaskCreated(task_id, f"step{len(run.tasks) % 3}", now, (), parents))
        changes.append(AttemptStarted(task_id, attempt, now, os.getpid()))
        if self.rng.random() < 0.5:
            self.write(run, changes, "start", task=task_id, attempt=attempt)
            changes = []
        saved = self.save(origin, new_process=self.rng.random() < 0.4)
        if saved is None:
            return
        ok = self.rng.random() < 0.8
        if attempt == 0:
            changes += self.log(run, task_id)
        manifest = saved if self.rng.random() < 0.5 else json.dumps(saved)
        changes.append(AttemptDone(task_id, attempt, now, ok, False, manifest, None))
        self.write(run, changes, "done", task=task_id, attempt=attempt, ok=ok)

    def save(self, origin: Origin, *, new_process: bool) -> dict[str, ArtifactRef] | None:
        """Store the artifacts of an attempt, as a worker does or as the launcher itself."""
        pack = f"packs/{FLOW}/{origin.run_id}"
        values = values_of(self.seed, origin)

        def store() -> dict[str, ArtifactRef]:
            refs, problems = self.stores.artifacts.save(values, pack)
            assert not problems
            return refs

        if not new_process:
            return self.perform("save", store)
        reader, writer = os.pipe()
        worker = os.fork()
        if worker == 0:
            # It may die at the same instants as any other process.
            try:
                _say(writer, json.dumps(store()).encode())
            except MetaflowException:
                os._exit(1)
            os._exit(0)
        os.close(writer)
        with open(reader, "rb") as file:
            answer = file.read()
        _, status = os.waitpid(worker, 0)
        if status or not answer:
            return None
        return {name: ArtifactRef.from_json(ref) for name, ref in json.loads(answer).items()}

    def log(self, run: OwnRun, task_id: str) -> list[LogWritten]:
        """Append what a task prints to the run's log."""
        entries: list[LogWritten] = []
        for stream in STREAMS:
            data = output_of(self.seed, run.run_id, task_id, stream)
            try:
                offset = self.stores.log(FLOW, run.run_id).append(data)
            except MetaflowException:
                return []
            entries.append(LogWritten(task_id, 0, stream, time.time(), offset, len(data)))
        return entries

    def write(self, run: OwnRun, changes: list[Any], operation: str, **what: Any) -> bool:
        """Commit facts in one transaction."""
        logged = [change.stream for change in changes if isinstance(change, LogWritten)]
        done = self.perform(
            operation,
            lambda: self.stores.facts.write(run.key, changes),
            run=run.run_id,
            logged=logged,
            **what,
        )
        return done is not None

    def tag(self) -> None:
        listed = self.stores.all_runs()
        if not listed:
            return
        key, run_id = self.rng.choice(listed)
        self.tag_count += 1
        add = [f"tag {self.number} {self.tag_count} {part}" for part in range(2)]
        remove = [f"tag {self.number} {self.rng.randrange(1, self.tag_count + 1)} 0"]
        if self.rng.random() < 0.5:
            remove = []
        self.perform(
            "tag",
            lambda: self.stores.facts.change_tags(key, add=add, remove=remove),
            run=run_id,
            add=add,
            remove=remove,
        )

    def resume(self) -> None:
        """Take over what another run has finished; that run may be at work, or dead."""
        listed = self.stores.all_runs()
        if not listed:
            return
        _, origin = self.rng.choice(listed)
        try:
            tasks = list(self.stores.facts.origin_tasks(FLOW, origin) or ())
        except MetaflowException:
            return
        run = self.begin(origin)
        if run is None:
            return
        for task in tasks[:4]:
            now = time.time()
            new_id = str(run.next_task)
            run.next_task += 1
            changes = [
                TaskCreated(new_id, task.step, now, task.frames, (), task.task_id),
                AttemptDone(new_id, 0, now, task.ok, task.handled, task.manifest_json, None),
            ]
            self.write(run, changes, "clone", task=new_id, attempt=0, ok=task.ok)

    def read(self) -> None:
        """Look at an attempt of anybody's; it must be right or refuse, whatever goes on."""
        try:
            found = self.rng.choice([*self.stores.done_attempts(), None])
        except MetaflowException:
            return
        if found is None:
            return
        manifest = found[-1]
        origin = self.stores.origin_of(*found)
        if origin is None:
            self.complain(f"{found[:3]} is no clone of what its origin has stored")
            return
        refs = json.loads(manifest)
        for name, expected in values_of(self.seed, origin).items():
            problem = self.stores.problem_of(refs[name], expected)
            if problem is not None:
                self.complain(f"{found[:3]} {name} {problem}")

    def end(self) -> None:
        if len(self.runs) < 2:
            return
        run = self.runs.pop(self.rng.randrange(len(self.runs)))
        how = self.rng.choice(("done", "failed", "killed"))
        done = RunDone(time.time(), how == "done", how == "killed", "why" * (how != "done"))
        self.write(run, [done], "end", how=how)

    def renew(self) -> None:
        run = self.any_run()
        if run is not None:
            self.write(run, [run.holding.sign()], "renew")

    def reopen(self) -> None:
        self.stores.close()

    def any_run(self) -> OwnRun | None:
        return self.rng.choice(self.runs) if self.runs else None

    def complain(self, text: str) -> None:
        """Tell of something that must not be."""
        _say(self.pipe, f"! {json.dumps(text)}\n".encode())
