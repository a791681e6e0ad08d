-- Runs that were not made by this implementation, but found in files of the older layout.
CREATE TABLE older_run (
    run INTEGER PRIMARY KEY,
    -- where the files are; empty for the root that this database is in
    root TEXT NOT NULL,
    -- 0 listed, 1 read while it went on, 2 read for good
    state INTEGER NOT NULL
);

-- Older runs that somebody has removed: their files are still there, and must not bring them back.
CREATE TABLE older_gone (
    flow INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    PRIMARY KEY (flow, run_id)
) WITHOUT ROWID;

CREATE TRIGGER older_run_goes BEFORE DELETE ON older_run BEGIN
    INSERT OR IGNORE INTO older_gone SELECT flow, run_id FROM run WHERE key = OLD.run;
END;

-- A run's key tells when it began, in milliseconds, so that runs found later take their place.
CREATE TABLE new_key (run INTEGER PRIMARY KEY, key INTEGER NOT NULL);

INSERT INTO new_key
SELECT key, max(CAST(created_at * 1000 AS INTEGER)) OVER place + row_number() OVER place
FROM run WINDOW place AS (ORDER BY key);

UPDATE tag SET run = (SELECT key FROM new_key WHERE new_key.run = tag.run);

UPDATE step SET run = (SELECT key FROM new_key WHERE new_key.run = step.run);

UPDATE task SET run = (SELECT key FROM new_key WHERE new_key.run = task.run);

UPDATE edge SET run = (SELECT key FROM new_key WHERE new_key.run = edge.run);

UPDATE attempt SET run = (SELECT key FROM new_key WHERE new_key.run = attempt.run);

UPDATE log SET run = (SELECT key FROM new_key WHERE new_key.run = log.run);

UPDATE metadata SET run = (SELECT key FROM new_key WHERE new_key.run = metadata.run);

UPDATE run SET key = (SELECT key FROM new_key WHERE new_key.run = run.key);

UPDATE sqlite_sequence SET seq = (SELECT max(key) FROM run) WHERE name = 'run';

DROP TABLE new_key;

-- Who carries a run, or a task that a scheduler has started, and when it last said so. The
-- row goes when the run ends in order, so only the dead leave theirs.
CREATE TABLE lease (
    run INTEGER NOT NULL,
    -- empty for the run as a whole
    task NOT NULL,
    -- JSON array that names a process; empty for a run that a scheduler carries
    holder TEXT NOT NULL,
    renewed_at REAL NOT NULL,
    -- the same on a clock that nobody sets; it starts anew with the machine
    renewed_tick REAL NOT NULL,
    PRIMARY KEY (run, task)
) WITHOUT ROWID;

-- The attempt's process was ended by a signal.
ALTER TABLE attempt ADD COLUMN killed INTEGER NOT NULL DEFAULT 0;

-- Why a run did not succeed, in one sentence. Its status may be `killed` as well.
ALTER TABLE run ADD COLUMN error TEXT;

-- What nothing refers to any more, as found by the last collection of garbage; the next one
-- deletes it if it is still so.
CREATE TABLE garbage (
    -- path relative to the root
    name TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    -- time of change of the file in ns: with another one it has come to be used
    mtime_ns INTEGER NOT NULL,
    found_at REAL NOT NULL
) WITHOUT ROWID;
