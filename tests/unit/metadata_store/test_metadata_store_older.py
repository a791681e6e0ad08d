"""Runs of the older layout take their place among others, by when they began."""

import os
import sqlite3

from metaflow.metadata_store.sqlite import migration
from metaflow.metadata_store.sqlite.older import LISTED, READ, OlderEnd
from metaflow.metadata_store.sqlite.store import SqliteMetadataStore
from metaflow.model.records import TaskCreated

DONE = OlderEnd("done", 60.0, "9", 0, 60.0, ok=True)


def listed(store):
    return [run.run_id for run in store.runs(store.flow("F").key)]


def test_an_older_run_stands_where_it_began(store, new_run):
    store.begin_run(new_run(run_id="b", created_at=100.0))
    store.begin_run(new_run(run_id="d", created_at=300.0))
    older = [(new_run(run_id=name, created_at=at), DONE) for name, at in (("c", 200.0), ("a", 50))]
    store.list_older("", older)
    assert listed(store) == ["d", "c", "b", "a"]
    assert store.flow("F").created_at == 50.0
    assert store.latest_successful_run(store.flow("F").key).run_id == "c"


def test_runs_that_began_together_all_have_a_place(store, new_run):
    store.begin_run(new_run(run_id="mine", created_at=100.0))
    names = [f"r{number}" for number in range(5)]
    store.list_older("", [(new_run(run_id=name, created_at=100.0), DONE) for name in names])
    assert listed(store) == [*reversed(names), "mine"]


def test_listing_again_changes_nothing(store, new_run):
    run = new_run(run_id="a", created_at=50.0)
    store.list_older("/elsewhere", [(run, DONE)])
    (found,) = store.unread_older()
    store.change_tags(found.key, add=["later"])
    store.mark_older(found.key, "/elsewhere", READ)
    store.list_older("/elsewhere", [(run, DONE)])
    assert store.older_state(found.key) == (READ, "/elsewhere")
    assert store.unread_older() == []
    assert "later" in store.run("F", "a").tags
    assert store.known_run_ids("F") == {"a"}


def test_a_run_that_was_removed_does_not_come_back(store, new_run):
    run = new_run(run_id="a", created_at=50.0)
    store.list_older("", [(run, DONE)])
    key = store.run("F", "a").key
    with store.connection.transaction() as database:
        database.execute("DELETE FROM older_run WHERE run = ?", (key,))
        database.execute("DELETE FROM run WHERE key = ?", (key,))
    store.list_older("", [(run, DONE)])
    assert store.run("F", "a") is None
    assert store.known_run_ids("F") == {"a"}


def test_a_run_of_our_own_is_no_older_one(store, new_run):
    key = store.begin_run(new_run(run_id="a", created_at=50.0))
    store.list_older("", [(new_run(run_id="a", created_at=50.0), DONE)])
    assert store.older_state(key) is None
    assert store.unread_older() == []


def test_an_unfinished_one_is_still_to_be_read(store, new_run):
    store.list_older("", [(new_run(run_id="a"), OlderEnd("running", None))])
    (found,) = store.unread_older()
    assert store.older_state(found.key) == (LISTED, "")
    store.write(found.key, [TaskCreated("1", "start", 100.0, (), ())])
    assert store.count_older_tasks() == 1


def test_a_clock_that_was_set_back_hides_no_run(store, new_run):
    store.begin_run(new_run(run_id="first", created_at=100.0))
    store.begin_run(new_run(run_id="second", created_at=10.0))
    assert listed(store) == ["second", "first"]


def test_keys_of_an_older_database_become_times(tmp_path):
    path = str(tmp_path / "metadata.db")
    with open(os.path.join(migration.SCRIPTS, "0001_initial.sql"), encoding="utf-8") as script:
        statements = list(migration.statements(script.read()))
    database = sqlite3.connect(path)
    for statement in statements:
        database.execute(statement)
    database.execute(f"PRAGMA application_id = {migration.APPLICATION_ID}")
    database.execute("PRAGMA user_version = 1")
    database.execute("INSERT INTO flow VALUES (1, 'F', 100)")
    for key, began in ((1, 100.0), (2, 300.0), (3, 200.0)):
        database.execute(
            "INSERT INTO run (key, flow, run_id, created_at, user, end_step, pack, metadata) "
            "VALUES (?, 1, ?, ?, 'ann', 'end', '', '{}')",
            (key, f"r{key}", began),
        )
        database.execute("INSERT INTO tag VALUES (?, ?, 0, 1)", (key, f"t{key}"))
        database.execute("INSERT INTO step VALUES (?, ?, 'start', 1)", (key, key))
        database.execute("INSERT INTO task VALUES (?, 1, ?, 1, NULL, '[]', '[]')", (key, key))
        database.execute("INSERT INTO attempt (run, task, number) VALUES (?, 1, 0)", (key,))
        database.execute("INSERT INTO log VALUES (?, 1, 0, 'stdout', 0, 1, 1)", (key,))
        database.execute("INSERT INTO metadata VALUES (?, 1, 0, 'n', 1, 'v')", (key,))
        database.execute("INSERT INTO edge VALUES (?, 1, 2)", (key,))
    database.commit()
    database.close()
    store = SqliteMetadataStore(path, create=False)
    try:
        runs = store.runs(1)
        # In the order in which they were begun, whatever the clock said.
        assert [run.run_id for run in runs] == ["r3", "r2", "r1"]
        assert [run.key // 1000 for run in runs] == [300, 300, 100]
        for run in runs:
            assert run.tags == f'{{"t{run.run_id[1]}":0}}'
            assert store.task(run.key, "1").step == "start"
            assert len(store.attempts(run.key, "1")) == 1
            assert len(store.log_chunks(run.key, "1", 0)) == 1
            assert len(store.free_facts(run.key, "1")) == 1
    finally:
        store.close()
