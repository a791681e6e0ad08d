"""The questions and changes of those who remove runs and collect garbage, by name."""

from __future__ import annotations

from typing import Final

RUNS_TO_KEEP: Final = """
SELECT run.key, flow.name, run.run_id, run.created_at, run.user, run.status, run.origin_run_id,
    (SELECT json_group_object(tag, system) FROM tag WHERE tag.run = run.key), run.pack
FROM run JOIN flow ON flow.key = run.flow
ORDER BY run.key DESC
"""

TEXTS: Final = (
    "SELECT json_array(pack) || metadata FROM run WHERE key = ?",
    "SELECT frames FROM task WHERE run = ? AND frames <> '[]'",
    "SELECT value FROM metadata WHERE run = ?",
)
"""Everything besides attempts that may name stored bytes."""

ATTEMPT_TEXTS: Final = """
SELECT task, number, manifest, transition FROM attempt
WHERE run = ? AND (task, number) > (?, ?) ORDER BY task, number LIMIT ?
"""

SECURE_DELETE: Final = "PRAGMA secure_delete = ON"

FOLD_LOG: Final = "PRAGMA wal_checkpoint(TRUNCATE)"

REMOVE_RUN: Final = (
    "DELETE FROM tag WHERE run = ?",
    "DELETE FROM step WHERE run = ?",
    "DELETE FROM task WHERE run = ?",
    "DELETE FROM edge WHERE run = ?",
    "DELETE FROM attempt WHERE run = ?",
    "DELETE FROM log WHERE run = ?",
    "DELETE FROM lease WHERE run = ?",
    "DELETE FROM metadata WHERE run = ?",
    "DELETE FROM older_run WHERE run = ?",
    "DELETE FROM run WHERE key = ?",
)

GARBAGE: Final = """
SELECT name, size, mtime_ns, found_at FROM garbage WHERE name > ? ORDER BY name LIMIT ?
"""

ADD_GARBAGE: Final = """
INSERT INTO garbage (name, size, mtime_ns, found_at) VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE
SET size = excluded.size, mtime_ns = excluded.mtime_ns, found_at = excluded.found_at
WHERE mtime_ns <> excluded.mtime_ns
"""

DROP_GARBAGE: Final = "DELETE FROM garbage WHERE name = ?"
