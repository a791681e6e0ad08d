-- Task ids are strings to everybody else. Here a plain decimal id is an integer, which sorts
-- as people expect and takes a third of the room; any other id is text. The columns that hold
-- ids therefore have no declared type.
--
-- Times are seconds since the epoch, UTC. «Newest» means begun last: keys only ever grow, so
-- a clock that was set back does not hide a run.

CREATE TABLE flow (
    key INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at REAL NOT NULL
);

CREATE TABLE run (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    flow INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    created_at REAL NOT NULL,
    user TEXT NOT NULL,
    -- running, done, failed
    status TEXT NOT NULL DEFAULT 'running',
    ended_at REAL,
    origin_run_id TEXT,
    -- The end step and what became of its task, so that a list of runs says at once which of
    -- them have finished.
    end_step TEXT NOT NULL,
    end_task,
    end_attempt INTEGER,
    end_at REAL,
    end_ok INTEGER NOT NULL DEFAULT 0,
    end_handled INTEGER NOT NULL DEFAULT 0,
    pack TEXT NOT NULL,
    -- JSON object of facts that all tasks of the run share
    metadata TEXT NOT NULL,
    UNIQUE (flow, run_id)
);

CREATE INDEX run_by_flow ON run (flow);

CREATE INDEX run_successful ON run (flow) WHERE end_ok = 1 AND end_handled = 0;

CREATE TABLE tag (
    run INTEGER NOT NULL,
    tag TEXT NOT NULL,
    system INTEGER NOT NULL,
    flow INTEGER NOT NULL,
    PRIMARY KEY (run, tag)
) WITHOUT ROWID;

CREATE INDEX tag_by_name ON tag (flow, tag, run);

CREATE TABLE step (
    key INTEGER PRIMARY KEY,
    run INTEGER NOT NULL,
    name TEXT NOT NULL,
    created_at REAL NOT NULL,
    UNIQUE (run, name)
);

CREATE TABLE task (
    run INTEGER NOT NULL,
    id NOT NULL,
    step INTEGER NOT NULL,
    created_at REAL NOT NULL,
    origin_task_id TEXT,
    -- JSON array of the open splits around the task, outermost first
    frames TEXT NOT NULL,
    -- JSON array of the predecessors' ids, in input order
    parents TEXT NOT NULL,
    PRIMARY KEY (run, id)
) WITHOUT ROWID;

CREATE INDEX task_by_step ON task (step, id);

-- The way back from a task to those that follow it.
CREATE TABLE edge (
    run INTEGER NOT NULL,
    parent NOT NULL,
    child NOT NULL,
    PRIMARY KEY (run, parent, child)
) WITHOUT ROWID;

CREATE TABLE attempt (
    key INTEGER PRIMARY KEY,
    run INTEGER NOT NULL,
    task NOT NULL,
    number INTEGER NOT NULL,
    started_at REAL,
    pid INTEGER,
    -- Set once what the attempt stored is acknowledged
    ended_at REAL,
    ok INTEGER NOT NULL DEFAULT 0,
    handled INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    transition TEXT,
    manifest TEXT
);

CREATE UNIQUE INDEX attempt_by_task ON attempt (run, task, number);

-- Which bytes of the run's log file a task has written, and when.
CREATE TABLE log (
    run INTEGER NOT NULL,
    task NOT NULL,
    attempt INTEGER NOT NULL,
    stream TEXT NOT NULL,
    start INTEGER NOT NULL,
    length INTEGER NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (run, task, attempt, stream, start)
) WITHOUT ROWID;

CREATE TABLE metadata (
    run INTEGER NOT NULL,
    task NOT NULL,
    attempt INTEGER NOT NULL,
    name TEXT NOT NULL,
    at REAL NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, task, attempt, name, at)
) WITHOUT ROWID;
