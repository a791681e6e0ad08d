"""Every question and every change, by name; nothing else assembles SQL."""

# ruff: noqa: S608 - queries that share parts are joined from constants of this file
from __future__ import annotations

from typing import Final

# --- writing ---

ADD_FLOW: Final = """
INSERT INTO flow (name, created_at) VALUES (?, ?) ON CONFLICT (name) DO NOTHING
"""

FLOW_KEY: Final = "SELECT key FROM flow WHERE name = ?"

# The key tells when the run began, in milliseconds, but is above all others: a clock that was
# set back does not hide a run.
ADD_RUN: Final = """
INSERT INTO run (key, flow, run_id, created_at, user, origin_run_id, end_step, pack, metadata)
VALUES (
    max(
        CAST(?3 * 1000 AS INTEGER),
        coalesce((SELECT max(key) + 1 FROM run), 1)
    ),
    ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
)
"""

ADD_TAG: Final = """
INSERT INTO tag (run, tag, system, flow) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING
"""

REMOVE_TAG: Final = "DELETE FROM tag WHERE run = ? AND tag = ?"

TAGS_OF_RUN: Final = "SELECT tag, system FROM tag WHERE run = ?"

FLOW_OF_RUN: Final = "SELECT flow FROM run WHERE key = ?"

END_OF_RUN: Final = "SELECT end_step, end_task FROM run WHERE key = ?"

ADD_STEP: Final = """
INSERT INTO step (run, name, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING
"""

STEP_KEY: Final = "SELECT key FROM step WHERE run = ? AND name = ?"

ADD_TASK: Final = """
INSERT INTO task (run, id, step, created_at, origin_task_id, frames, parents)
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""

ADD_EDGE: Final = "INSERT INTO edge (run, parent, child) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"

START_ATTEMPT: Final = """
INSERT INTO attempt (run, task, number, started_at, pid) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (run, task, number)
DO UPDATE SET started_at = excluded.started_at, pid = excluded.pid
"""

END_ATTEMPT: Final = """
INSERT INTO attempt
    (run, task, number, ended_at, ok, handled, killed, error, transition, manifest)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (run, task, number)
DO UPDATE SET ended_at = excluded.ended_at, ok = excluded.ok, handled = excluded.handled,
    killed = excluded.killed, error = excluded.error, transition = excluded.transition,
    manifest = excluded.manifest
"""

ADD_LOG: Final = """
INSERT INTO log (run, task, attempt, stream, start, length, at) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""

ERASE_LOG: Final = "DELETE FROM log WHERE run = ? AND task = ? AND attempt = ? AND stream = ?"

ADD_METADATA: Final = """
INSERT INTO metadata (run, task, attempt, name, at, value) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET value = excluded.value
"""

ADD_RUN_METADATA: Final = """
UPDATE run SET metadata = json_set(metadata, '$."' || ? || '"', ?) WHERE key = ?
"""

SET_END_TASK: Final = "UPDATE run SET end_task = ? WHERE key = ?"

# A late word of an earlier attempt does not hide that of a later one.
END_TASK_DONE: Final = """
UPDATE run SET end_attempt = ?2, end_at = ?3, end_ok = ?4, end_handled = ?5
WHERE key = ?1 AND (end_attempt IS NULL OR end_attempt <= ?2)
"""

# A scheduler's run learns from its first clone that it resumes another one.
ADOPT_ORIGIN: Final = "UPDATE run SET origin_run_id = ? WHERE key = ? AND origin_run_id IS NULL"

END_RUN: Final = "UPDATE run SET status = ?, ended_at = ?, error = ? WHERE key = ?"

HOLD_LEASE: Final = """
INSERT INTO lease (run, task, holder, renewed_at, renewed_tick) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET holder = excluded.holder, renewed_at = excluded.renewed_at,
    renewed_tick = excluded.renewed_tick
"""

END_LEASE: Final = "DELETE FROM lease WHERE run = ? AND task = ?"

END_LEASES: Final = "DELETE FROM lease WHERE run = ?"

LEASE: Final = "SELECT holder, renewed_at, renewed_tick FROM lease WHERE run = ? AND task = ?"

STORED_BY: Final = """
SELECT attempt.key, step.name, task.id, attempt.manifest, attempt.transition
FROM attempt CROSS JOIN task ON task.run = attempt.run AND task.id = attempt.task
JOIN step ON step.key = task.step
WHERE attempt.run = ? AND attempt.ended_at IS NOT NULL AND attempt.key > ?
ORDER BY attempt.key LIMIT ?
"""

TASK_LEASES: Final = """
SELECT step.name, lease.holder, lease.renewed_at, lease.renewed_tick
FROM lease CROSS JOIN task ON task.run = lease.run AND task.id = lease.task
JOIN step ON step.key = task.step
WHERE lease.run = ?
"""

# By each task's latest attempt.
TASK_COUNTS: Final = """
SELECT step.name, count(*), count(*) - count(last.ended_at), sum(coalesce(last.ok, 0)),
    sum(coalesce(last.killed, 0))
FROM step CROSS JOIN task ON task.step = step.key
LEFT JOIN attempt AS last ON last.run = task.run AND last.task = task.id AND last.number = (
    SELECT max(number) FROM attempt WHERE attempt.run = task.run AND attempt.task = task.id
)
WHERE step.run = ? GROUP BY step.key ORDER BY step.key
"""

# --- flows ---

FLOW_BY_NAME: Final = "SELECT key, name, created_at FROM flow WHERE name = ?"

FLOWS: Final = "SELECT key, name, created_at FROM flow ORDER BY created_at DESC, key DESC"

FLOWS_TAGGED: Final = """
SELECT key, name, created_at FROM flow
WHERE EXISTS (SELECT 1 FROM tag WHERE tag.flow = flow.key AND tag.tag = ?)
ORDER BY created_at DESC, key DESC
"""

FLOW_HAS_TAG: Final = "SELECT EXISTS (SELECT 1 FROM tag WHERE flow = ? AND tag = ?)"

# --- runs ---

RUN_COLUMNS: Final = """
SELECT run.key, run.run_id, run.created_at, run.user, run.status,
    run.ended_at, run.origin_run_id, run.end_step, run.end_task, run.end_attempt, run.end_at,
    run.end_ok, run.end_handled,
    (SELECT json_group_object(tag, system) FROM tag WHERE tag.run = run.key), run.error
"""

RUN_BY_ID: Final = (
    RUN_COLUMNS
    + """
FROM flow JOIN run ON run.flow = flow.key
WHERE flow.name = ? AND run.run_id = ?
"""
)

RUN_BY_KEY: Final = RUN_COLUMNS + "FROM run WHERE key = ?"

RUNS: Final = (
    RUN_COLUMNS
    + """
FROM run WHERE flow = :flow AND key < :before ORDER BY key DESC LIMIT :count
"""
)

RUNS_WITH_TAG: Final = (
    RUN_COLUMNS
    + """
FROM tag AS lead CROSS JOIN run ON run.key = lead.run
WHERE lead.flow = :flow AND lead.tag = :lead AND lead.run < :before
ORDER BY lead.run DESC LIMIT :count
"""
)

# The first tag leads, found by its index; all others are looked up for each run it yields.
RUNS_WITH_TAGS: Final = (
    RUN_COLUMNS
    + """
FROM tag AS lead CROSS JOIN run ON run.key = lead.run
WHERE lead.flow = :flow AND lead.tag = :lead AND lead.run < :before
AND NOT EXISTS (
    SELECT 1 FROM json_each(:others) AS wanted
    WHERE NOT EXISTS (SELECT 1 FROM tag WHERE tag.run = lead.run AND tag.tag = wanted.value)
)
ORDER BY lead.run DESC LIMIT :count
"""
)

LATEST_SUCCESSFUL_RUN: Final = (
    RUN_COLUMNS
    + """
FROM run INDEXED BY run_successful
WHERE run.flow = :flow AND run.end_ok = 1 AND run.end_handled = 0
AND NOT EXISTS (
    SELECT 1 FROM json_each(:tags) AS wanted
    WHERE NOT EXISTS (SELECT 1 FROM tag WHERE tag.run = run.key AND tag.tag = wanted.value)
)
ORDER BY run.key DESC LIMIT 1
"""
)

# For tags that few runs have: the rarest leads.
LATEST_SUCCESSFUL_RUN_TAGGED: Final = (
    RUN_COLUMNS
    + """
FROM tag AS lead CROSS JOIN run ON run.key = lead.run
WHERE lead.flow = :flow AND lead.tag = :lead AND run.end_ok = 1 AND run.end_handled = 0
AND NOT EXISTS (
    SELECT 1 FROM json_each(:others) AS wanted
    WHERE NOT EXISTS (SELECT 1 FROM tag WHERE tag.run = lead.run AND tag.tag = wanted.value)
)
ORDER BY lead.run DESC LIMIT 1
"""
)

COUNT_TAGGED: Final = """
SELECT count(*) FROM (SELECT 1 FROM tag WHERE flow = ? AND tag = ? LIMIT ?)
"""

LATEST_STARTED_RUN: Final = """
SELECT run.run_id FROM flow JOIN run ON run.flow = flow.key
WHERE flow.name = ? AND run.origin_run_id IS NULL
ORDER BY run.key DESC LIMIT 1
"""

RUN_PACK: Final = "SELECT pack FROM run WHERE key = ?"

RUN_METADATA: Final = "SELECT metadata FROM run WHERE key = ?"

RUN_FACT: Final = """
SELECT json_extract(run.metadata, '$."' || :name || '"')
FROM flow JOIN run ON run.flow = flow.key
WHERE flow.name = :flow AND run.run_id = :run_id
"""

# --- steps ---

STEPS: Final = """
SELECT key, run, name, created_at FROM step WHERE run = ? ORDER BY key DESC
"""

STEP_BY_NAME: Final = "SELECT key, run, name, created_at FROM step WHERE run = ? AND name = ?"

# When each task of a step ended at last; NULL for those that have not.
STEP_ENDS: Final = """
SELECT max(ended_at), count(*) - count(ended_at) FROM (
    SELECT (
        SELECT ended_at FROM attempt
        WHERE attempt.run = task.run AND attempt.task = task.id AND ended_at IS NOT NULL
        ORDER BY number DESC LIMIT 1
    ) AS ended_at
    FROM task WHERE step = ?
)
"""

PARENT_STEPS: Final = """
SELECT DISTINCT step.key, step.run, step.name, step.created_at
FROM task AS child, json_each(child.parents) AS parent
CROSS JOIN task ON task.run = child.run AND task.id = parent.value
JOIN step ON step.key = task.step
WHERE child.step = ?
ORDER BY step.key
"""

CHILD_STEPS: Final = """
SELECT DISTINCT step.key, step.run, step.name, step.created_at
FROM task AS parent
CROSS JOIN edge ON edge.run = parent.run AND edge.parent = parent.id
CROSS JOIN task ON task.run = edge.run AND task.id = edge.child
JOIN step ON step.key = task.step
WHERE parent.step = ?
ORDER BY step.key
"""

# --- tasks ---

TASK_COLUMNS: Final = """
SELECT task.id, task.step, step.name, task.created_at, task.origin_task_id, task.frames,
    done.number, done.started_at, done.ended_at, coalesce(done.ok, 0),
    coalesce(done.handled, 0), done.error
"""

LATEST_DONE: Final = """
LEFT JOIN attempt AS done ON done.run = task.run AND done.task = task.id AND done.number = (
    SELECT number FROM attempt
    WHERE attempt.run = task.run AND attempt.task = task.id AND attempt.ended_at IS NOT NULL
    ORDER BY number DESC LIMIT 1
)
"""

TASKS: Final = (
    TASK_COLUMNS
    + "FROM task JOIN step ON step.key = task.step"
    + LATEST_DONE
    + "WHERE task.step = ? AND task.id < ? ORDER BY task.id DESC LIMIT ?"
)

# What a run answers to the name of a step, for whoever goes on to that step's newest task.
STEP_AND_NEWEST_TASK: Final = (
    TASK_COLUMNS
    + ", done.manifest, step.created_at FROM step JOIN task ON task.step = step.key"
    + LATEST_DONE
    + "WHERE step.run = ? AND step.name = ? ORDER BY task.id DESC LIMIT 1"
)

TASK_BY_ID: Final = (
    TASK_COLUMNS
    + "FROM task JOIN step ON step.key = task.step"
    + LATEST_DONE
    + "WHERE task.run = ? AND task.id = ?"
)

TASKS_BY_IDS: Final = (
    TASK_COLUMNS
    + """
FROM json_each(?2) AS wanted CROSS JOIN task ON task.run = ?1 AND task.id = wanted.value
JOIN step ON step.key = task.step
"""
    + LATEST_DONE
    + "ORDER BY wanted.key"
)

TASK_WITH_FACT: Final = """
SELECT task.id FROM task
WHERE task.step = ? AND EXISTS (
    SELECT 1 FROM metadata
    WHERE metadata.run = task.run AND metadata.task = task.id
    AND metadata.name = ? AND metadata.value = ?
)
ORDER BY task.id
"""

PARENTS: Final = """
SELECT step.name, task.id
FROM task AS child, json_each(child.parents) AS parent
CROSS JOIN task ON task.run = child.run AND task.id = parent.value
JOIN step ON step.key = task.step
WHERE child.run = ? AND child.id = ?
ORDER BY parent.key
"""

CHILDREN: Final = """
SELECT step.name, task.id
FROM edge CROSS JOIN task ON task.run = edge.run AND task.id = edge.child
JOIN step ON step.key = task.step
WHERE edge.run = ? AND edge.parent = ?
ORDER BY edge.child
"""

ATTEMPTS: Final = """
SELECT number, started_at, pid, ended_at, ok, handled, error, killed FROM attempt
WHERE run = ? AND task = ? ORDER BY number
"""

MANIFEST: Final = "SELECT manifest FROM attempt WHERE run = ? AND task = ? AND number = ?"

TRANSITION: Final = "SELECT transition FROM attempt WHERE run = ? AND task = ? AND number = ?"

# What the task of the pseudo-step of parameters has stored, whatever its id.
PARAMETERS: Final = """
SELECT attempt.manifest FROM step
CROSS JOIN task ON task.step = step.key
CROSS JOIN attempt ON attempt.run = task.run AND attempt.task = task.id
WHERE step.run = ? AND step.name = ? AND attempt.ended_at IS NOT NULL
ORDER BY attempt.number DESC LIMIT 1
"""

LATEST_MANIFEST: Final = """
SELECT manifest FROM attempt WHERE run = ? AND task = ? AND ended_at IS NOT NULL
ORDER BY number DESC LIMIT 1
"""

# The tasks of one page of a listing, all at once.
MANIFESTS_BY_IDS: Final = (
    "SELECT task.id, done.number, done.manifest"
    " FROM json_each(?2) AS wanted CROSS JOIN task ON task.run = ?1 AND task.id = wanted.value"
    + LATEST_DONE
    + "WHERE done.manifest IS NOT NULL"
)

LOG_CHUNKS: Final = """
SELECT stream, start, length, at FROM log
WHERE run = ? AND task = ? AND attempt = ? ORDER BY stream, start
"""

FREE_FACTS: Final = """
SELECT attempt, name, value, at FROM metadata WHERE run = ? AND task = ? ORDER BY at
"""

_FINISHED_COLUMNS: Final = """
SELECT task.id, step.name, task.frames, task.parents, done.number, done.ok, done.handled,
    done.manifest, done.transition
"""

# A task that was trying again when its run died has not finished, whatever it did before.
ORIGIN_TASKS: Final = (
    _FINISHED_COLUMNS
    + "FROM task JOIN step ON step.key = task.step"
    + LATEST_DONE
    + """
WHERE task.run = ? AND task.id > ? AND done.number IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM attempt AS later
    WHERE later.run = task.run AND later.task = task.id AND later.number > done.number
)
ORDER BY task.id LIMIT ?
"""
)

NAMED_TASKS: Final = (
    _FINISHED_COLUMNS
    + """
FROM json_each(?) AS wanted
CROSS JOIN task ON task.run = ? AND task.id = wanted.value
JOIN step ON step.key = task.step
"""
    + LATEST_DONE
    + "WHERE done.number IS NOT NULL ORDER BY wanted.key"
)
