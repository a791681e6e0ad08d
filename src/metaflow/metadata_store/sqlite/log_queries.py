"""What readers of logs ask, by name."""

from __future__ import annotations

from typing import Final

_STREAM_COLUMNS: Final = """
SELECT step.name, task.id, task.frames, log.attempt, log.stream, min(log.at)
"""

# Of each task the attempt that is asked for, or else the one that was begun last. Of what lies in
# files of the older layout it is only known when it begins.
_STREAMS_GROUPED: Final = """
GROUP BY task.id, log.attempt, log.stream
HAVING log.attempt = coalesce(:attempt, (
    SELECT max(number) FROM attempt WHERE attempt.run = :run AND attempt.task = task.id
)) AND (max(log.at) >= :since OR min(log.start) < -1) AND min(log.at) <= :until
"""

_OF_RUN: Final = """
FROM log CROSS JOIN task ON task.run = log.run AND task.id = log.task
JOIN step ON step.key = task.step
WHERE log.run = :run
"""

_OF_STEP: Final = """
FROM step CROSS JOIN task ON task.step = step.key
CROSS JOIN log ON log.run = task.run AND log.task = task.id
WHERE step.run = :run AND step.name = :step
"""

_OF_TASKS: Final = """
FROM json_each(:tasks) AS wanted CROSS JOIN task ON task.run = :run AND task.id = wanted.value
JOIN step ON step.key = task.step
CROSS JOIN log ON log.run = task.run AND log.task = task.id
WHERE true
"""

STREAMS_OF_RUN: Final = _STREAM_COLUMNS + _OF_RUN + _STREAMS_GROUPED

STREAMS_OF_STEP: Final = _STREAM_COLUMNS + _OF_STEP + _STREAMS_GROUPED

STREAMS_OF_TASKS: Final = _STREAM_COLUMNS + _OF_TASKS + _STREAMS_GROUPED

# Those tasks of a resumed run that another run has executed.
CLONES_OF_RUN: Final = """
SELECT step.name, task.id, task.origin_task_id FROM task JOIN step ON step.key = task.step
WHERE task.run = :run AND task.origin_task_id IS NOT NULL
"""

CLONES_OF_STEP: Final = """
SELECT step.name, task.id, task.origin_task_id FROM step CROSS JOIN task ON task.step = step.key
WHERE step.run = :run AND step.name = :step AND task.origin_task_id IS NOT NULL
"""

CLONES_OF_TASKS: Final = """
SELECT step.name, task.id, task.origin_task_id
FROM json_each(:tasks) AS wanted CROSS JOIN task ON task.run = :run AND task.id = wanted.value
JOIN step ON step.key = task.step
WHERE task.origin_task_id IS NOT NULL
"""

# Each stream from where its reader has come to.
PIECES: Final = """
SELECT wanted.key, log.start, log.length, log.at
FROM json_each(:wanted) AS wanted CROSS JOIN log ON log.run = :run
    AND log.task = json_extract(wanted.value, '$[0]')
    AND log.attempt = json_extract(wanted.value, '$[1]')
    AND log.stream = json_extract(wanted.value, '$[2]')
    AND log.start > json_extract(wanted.value, '$[3]')
ORDER BY wanted.key, log.start LIMIT :count
"""

LAST_ATTEMPT: Final = "SELECT coalesce(max(key), 0) FROM attempt WHERE run = ?"

OPEN_ATTEMPTS: Final = """
SELECT attempt.key, step.name, task.id, task.frames, attempt.number
FROM attempt CROSS JOIN task ON task.run = attempt.run AND task.id = attempt.task
JOIN step ON step.key = task.step
WHERE attempt.run = ? AND attempt.ended_at IS NULL
"""

# The run's own attempts are never taken away from it, so keys after its last one are new. The
# plus sign keeps SQLite from going through all attempts of the run.
NEW_ATTEMPTS: Final = """
SELECT attempt.key, step.name, task.id, task.frames, attempt.number
FROM attempt CROSS JOIN task ON task.run = attempt.run AND task.id = attempt.task
JOIN step ON step.key = task.step
WHERE attempt.key > ?2 AND +attempt.run = ?1 ORDER BY attempt.key
"""

ENDED_ATTEMPTS: Final = """
SELECT attempt.key FROM json_each(?) AS wanted
CROSS JOIN attempt ON attempt.key = wanted.value
WHERE attempt.ended_at IS NOT NULL
"""

OUTSIDE_OF_SPLITS: Final = """
SELECT DISTINCT step.name FROM step CROSS JOIN task ON task.step = step.key
WHERE step.run = ? AND task.frames = '[]'
"""
