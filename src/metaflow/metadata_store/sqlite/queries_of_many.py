"""Questions about many rows at once, by name; their first place is a JSON array of keys."""

# ruff: noqa: S608 - queries that share parts are joined from constants
from __future__ import annotations

from typing import Final

from metaflow.metadata_store.sqlite.queries import LATEST_DONE, RUN_COLUMNS, TASK_COLUMNS

# --- of runs ---

RUNS_BY_KEYS: Final = (
    RUN_COLUMNS + "FROM json_each(?) AS wanted CROSS JOIN run ON run.key = wanted.value"
)

METADATA_OF_RUNS: Final = """
SELECT run.key, run.metadata
FROM json_each(?) AS wanted CROSS JOIN run ON run.key = wanted.value
"""

PARAMETERS_OF_RUNS: Final = """
SELECT step.run, attempt.manifest
FROM json_each(?1) AS wanted CROSS JOIN step ON step.run = wanted.value AND step.name = ?2
CROSS JOIN task ON task.step = step.key
CROSS JOIN attempt ON attempt.run = task.run AND attempt.task = task.id
WHERE attempt.ended_at IS NOT NULL
ORDER BY wanted.key, attempt.number
"""

END_MANIFESTS: Final = """
SELECT run.key, attempt.manifest
FROM json_each(?) AS wanted CROSS JOIN run ON run.key = wanted.value
CROSS JOIN attempt ON attempt.run = run.key AND attempt.task = run.end_task
    AND attempt.number = run.end_attempt
"""

END_TASKS: Final = (
    TASK_COLUMNS
    + """
    , done.manifest, task.run
FROM json_each(?) AS wanted CROSS JOIN run ON run.key = wanted.value
CROSS JOIN task ON task.run = run.key AND task.id = run.end_task
JOIN step ON step.key = task.step
"""
    + LATEST_DONE
)

STEPS_OF_RUNS: Final = """
SELECT step.key, step.run, step.name, step.created_at
FROM json_each(?) AS wanted CROSS JOIN step ON step.run = wanted.value
ORDER BY wanted.key, step.key DESC
"""

NEWEST_TASKS_OF_RUNS: Final = (
    TASK_COLUMNS
    + """
    , done.manifest, step.created_at, step.run
FROM json_each(?1) AS wanted CROSS JOIN step ON step.run = wanted.value AND step.name = ?2
CROSS JOIN task ON task.step = step.key
    AND task.id = (SELECT max(id) FROM task AS newest WHERE newest.step = step.key)
"""
    + LATEST_DONE
)

# --- of steps: the newest tasks of each, as many as the second place says ---

_NEWEST: Final = """
FROM json_each(?1) AS wanted CROSS JOIN task ON task.step = wanted.value
    AND task.id >= coalesce((
        SELECT id FROM task AS newest WHERE newest.step = wanted.value
        ORDER BY id DESC LIMIT 1 OFFSET ?2 - 1
    ), -1)
"""

TASKS_OF_STEPS: Final = (
    TASK_COLUMNS
    + _NEWEST
    + "JOIN step ON step.key = task.step"
    + LATEST_DONE
    + "ORDER BY wanted.key, task.id DESC"
)

MANIFESTS_OF_STEPS: Final = (
    "SELECT task.step, task.id, done.number, done.manifest"
    + _NEWEST
    + LATEST_DONE
    + "WHERE done.manifest IS NOT NULL"
)
