"""What the stores may hold after a history, given what its processes have said.

What was acknowledged is there and equal. What was begun and never acknowledged is there and
equal, or not there. Nothing else is there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from histories_stores import Stores
from histories_world import FLOW, output_of, tags_of, values_of

from metaflow.artifact_store.logs import log_path, read_log
from metaflow.errors.base import MetaflowException
from metaflow.metadata_store.judging import Judge

ENDED = """
SELECT run.run_id, attempt.task, attempt.number, attempt.ok
FROM attempt JOIN run ON run.key = attempt.run WHERE attempt.ended_at IS NOT NULL
"""
LOGGED = """
SELECT run.run_id, log.task, log.stream, log.start, log.length
FROM log JOIN run ON run.key = log.run
"""


class Said:
    """What one process has said: operations, and which of them have returned."""

    def __init__(self, lines: list[str]) -> None:
        self.operations: list[tuple[dict[str, Any], bool]] = []
        self.refused: dict[str, int] = {}
        self.complaints: list[str] = []
        for line in lines:
            kind, _, text = line.partition(" ")
            told = json.loads(text)
            if kind == "?":
                self.operations.append((told, False))
            elif kind == "+":
                self.operations[-1] = self.operations[-1][0], True
            elif kind == "-":
                self.refused[told["error"]] = self.refused.get(told["error"], 0) + 1
            else:
                self.complaints.append(told)


def violations(seed: int, stores: Stores, said: list[Said]) -> Iterator[str]:
    """Compare the stores with what was said, after the last process has ended."""
    for one in said:
        yield from one.complaints
    operations = [operation for one in said for operation in one.operations]
    if not os.path.exists(stores.facts.path):
        if any(acknowledged for told, acknowledged in operations if told["op"] != "save"):
            yield "the database is gone"
        return
    (sound,) = stores.facts.connection.row("PRAGMA quick_check")
    if sound != "ok":
        yield f"the database is damaged: {sound}"
    runs = {run.run_id: run for run in _all_runs(stores)}
    yield from _of_runs(stores, runs, operations)
    yield from _of_tags(runs, said)
    yield from _of_attempts(seed, stores, operations)
    yield from _of_logs(seed, stores, operations)


def _all_runs(stores: Stores) -> list[Any]:
    flow = stores.facts.flow(FLOW)
    return [] if flow is None else stores.facts.runs(flow.key)


def _of_runs(stores: Stores, runs: dict[str, Any], operations: Any) -> Iterator[str]:
    begun = [(told, ok) for told, ok in operations if told["op"] == "begin"]
    for run_id in {told["run"] for told, _ in begun}:
        times = sum(ok for told, ok in begun if told["run"] == run_id)
        if times > 1:
            yield f"run {run_id} was begun {times} times"
        if times == 1 and run_id not in runs:
            yield f"run {run_id} was begun and is gone"
    for run_id in runs.keys() - {told["run"] for told, _ in begun}:
        yield f"nobody has begun run {run_id}"
    for run_id, run in runs.items():
        ends = [(told["how"], ok) for told, ok in operations
                if told["op"] == "end" and told["run"] == run_id]  # fmt: skip
        allowed = {how for how, _ in ends} | (set() if any(ok for _, ok in ends) else {"running"})
        if run.status not in allowed:
            yield f"run {run_id} is {run.status} and not {allowed}"
        yield from _of_status(stores, run)


def _of_status(stores: Stores, run: Any) -> Iterator[str]:
    lease = stores.facts.lease(run.key)
    if run.status != "running":
        if lease is not None:
            yield f"run {run.run_id} has ended and still has a lease"
        if run.error is None and run.status != "done":
            yield f"run {run.run_id} does not say why it is {run.status}"
    elif lease is None:
        yield f"run {run.run_id} has not ended and has no lease"
    elif Judge().is_alive(lease):
        yield f"run {run.run_id} is not known as lost, though its launcher is dead"


def _of_tags(runs: dict[str, Any], said: list[Said]) -> Iterator[str]:
    for run_id, run in runs.items():
        found = set(json.loads(run.tags))
        if not found >= {*tags_of(run_id), "user:ann"}:
            yield f"run {run_id} has lost tags that it began with: {found}"
        for number, one in enumerate(said):
            states = [frozenset[str]()]
            for told, ok in one.operations:
                if told["op"] == "tag" and told["run"] == run_id:
                    after = [(state - {*told["remove"]}) | {*told["add"]} for state in states]
                    states = after if ok else [*states, *after]
            own = {tag for tag in found if tag.startswith(f"tag {number} ")}
            if own not in states:
                yield f"run {run_id} has of process {number} the tags {own}, not {states}"


def _of_attempts(seed: int, stores: Stores, operations: Any) -> Iterator[str]:
    told_done = {
        (told["run"], told["task"], told["attempt"]): (told["ok"], ok)
        for told, ok in operations
        if told["op"] in {"done", "clone"}
    }
    rows = stores.facts.connection.rows(ENDED)
    found = {(run, str(task), number): bool(ok) for run, task, number, ok in rows}
    for place, (was_ok, acknowledged) in told_done.items():
        if acknowledged and place not in found:
            yield f"attempt {place} was acknowledged and is gone"
        if place in found and found[place] != was_ok:
            yield f"attempt {place} has another outcome"
    for place in found.keys() - told_done.keys():
        yield f"nobody has ended attempt {place}"
    for attempt in stores.done_attempts():
        yield from _of_artifacts(seed, stores, *attempt)


def _of_artifacts(
    seed: int, stores: Stores, run_id: str, task_id: str, attempt: int, manifest: str
) -> Iterator[str]:
    place = f"{run_id}/{task_id}/{attempt}"
    origin = stores.origin_of(run_id, task_id, attempt, manifest)
    if origin is None:
        yield f"{place} is no clone of what its origin has stored"
        return
    refs, expected = json.loads(manifest), values_of(seed, origin)
    if refs.keys() != expected.keys():
        yield f"{place} has other artifacts than {expected.keys()}"
        return
    for name, value in expected.items():
        problem = stores.problem_of(refs[name], value)
        if problem is not None:
            yield f"{place}/{name} {problem}"


def _of_logs(seed: int, stores: Stores, operations: Any) -> Iterator[str]:
    chunks = stores.facts.connection.rows(LOGGED)
    found = set()
    for run_id, task, stream, start, length in chunks:
        found.add((run_id, str(task), stream))
        try:
            data = read_log(log_path(stores.root, FLOW, run_id), start, length)
        except MetaflowException as error:
            # Nothing has to be there where nothing was printed.
            if length:
                yield f"the log of {run_id}/{task} can't be read: {error}"
            continue
        if data != output_of(seed, run_id, str(task), stream):
            yield f"the log of {run_id}/{task} is wrong"
    for told, ok in operations:
        for stream in told.get("logged", ()) if ok else ():
            if (told["run"], told["task"], stream) not in found:
                yield f"the log of {told['run']}/{told['task']} is gone"
