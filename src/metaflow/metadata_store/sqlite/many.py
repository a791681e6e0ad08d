"""What a SQLite store tells of many rows at once, to whoever goes through a listing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

from metaflow.metadata_store.facts import RunFacts, StepFacts, TaskFacts
from metaflow.metadata_store.sqlite import queries_of_many as queries
from metaflow.model.records import PARAMETERS_STEP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metaflow.metadata_store.sqlite.database_file import DatabaseFile

Keys: TypeAlias = "Sequence[int]"

StepAndTask: TypeAlias = tuple[StepFacts, TaskFacts, str | None]


def runs(store: DatabaseFile, keys: Keys) -> dict[int, RunFacts]:
    """Return these runs by key."""
    return {row[0]: RunFacts._make(row) for row in _rows(store, queries.RUNS_BY_KEYS, keys)}


def metadata_of_runs(store: DatabaseFile, keys: Keys) -> dict[int, dict[str, str]]:
    """Return the facts that all tasks of a run share, by run."""
    return {key: json.loads(text) for key, text in _rows(store, queries.METADATA_OF_RUNS, keys)}


def parameters_of_runs(store: DatabaseFile, keys: Keys) -> dict[int, str | None]:
    """Return the manifest of each run's `_parameters` task that is done, by run."""
    return dict(_rows(store, queries.PARAMETERS_OF_RUNS, keys, PARAMETERS_STEP))


def end_manifests(store: DatabaseFile, keys: Keys) -> dict[int, str | None]:
    """Return what the task of each run's end step has stored, by run."""
    return dict(_rows(store, queries.END_MANIFESTS, keys))


def end_tasks(store: DatabaseFile, keys: Keys) -> dict[int, tuple[TaskFacts, str | None]]:
    """Return the task of each run's end step and what it has stored, by run."""
    found: dict[int, tuple[TaskFacts, str | None]] = {}
    for *facts, manifest, run in _rows(store, queries.END_TASKS, keys):
        found[run] = TaskFacts._make(facts), manifest
    return found


def steps_of_runs(store: DatabaseFile, keys: Keys) -> dict[int, list[StepFacts]]:
    """Return the steps of each run, newest first, by run."""
    found: dict[int, list[StepFacts]] = {}
    for row in _rows(store, queries.STEPS_OF_RUNS, keys):
        found.setdefault(row[1], []).append(StepFacts._make(row))
    return found


def newest_tasks(store: DatabaseFile, keys: Keys, step: str) -> dict[int, StepAndTask | None]:
    """Return a step of each run, its newest task and what that has stored, by run."""
    found: dict[int, StepAndTask | None] = {}
    for *facts, manifest, created_at, run in _rows(store, queries.NEWEST_TASKS_OF_RUNS, keys, step):
        task = TaskFacts._make(facts)
        found[run] = StepFacts(task.step_key, run, step, created_at), task, manifest
    return found


def tasks_of_steps(store: DatabaseFile, keys: Keys, count: int) -> dict[int, list[TaskFacts]]:
    """Return the newest tasks of each step, at most so many, by step."""
    found: dict[int, list[TaskFacts]] = {}
    for row in _rows(store, queries.TASKS_OF_STEPS, keys, count):
        task = TaskFacts._make(row)
        found.setdefault(task.step_key, []).append(task)
    return found


def manifests_of_steps(
    store: DatabaseFile, keys: Keys, count: int
) -> dict[int, dict[int | str, tuple[int, str]]]:
    """Return attempt number and manifest of the same tasks by id, by step."""
    found: dict[int, dict[int | str, tuple[int, str]]] = {}
    for step, task, number, manifest in _rows(store, queries.MANIFESTS_OF_STEPS, keys, count):
        found.setdefault(step, {})[task] = number, manifest
    return found


def _rows(store: DatabaseFile, query: str, keys: Keys, *values: object) -> list[Any]:
    return store.connection.rows(query, (json.dumps(list(keys)), *values))
