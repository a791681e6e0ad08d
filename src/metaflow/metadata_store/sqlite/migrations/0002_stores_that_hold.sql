-- Runs that were not made by this implementation, but found in files of the older layout.
CREATE TABLE older_run (
    run INTEGER PRIMARY KEY,
    -- where the files are; empty for the root that this database is in
    root TEXT NOT NULL,
    -- 0 listed, 1 read while it went on, 2 read for good
    state INTEGER NOT NULL
);

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
