"""The database file: how it comes about, grows older, and what may be wrong with it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading

import pytest

from metaflow.errors.metadata import (
    MetadataStoreBusy,
    MetadataStoreDamaged,
    MetadataStoreFailed,
    MetadataStoreFull,
    MetadataStoreMissing,
    MetadataStoreTooNew,
)
from metaflow.metadata_store.sqlite import connection, migration
from metaflow.metadata_store.sqlite.store import SqliteMetadataStore
from metaflow.model.records import TaskCreated, TaskMetadata


@pytest.fixture
def plain():
    """Open a file with SQLite alone."""
    opened = []

    def open_it(path):
        database = sqlite3.connect(path, isolation_level=None)
        opened.append(database)
        return database

    yield open_it
    for database in opened:
        database.close()


def test_a_new_store_is_up_to_date(store, path, plain):
    store.open()
    database = plain(path)
    assert database.execute("PRAGMA user_version").fetchone() == (migration.SCHEMA_VERSION,)
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert store.connection.row("PRAGMA synchronous") == (1,)


def test_the_schema_version_is_the_number_of_the_last_script():
    numbers = [int(name.partition("_")[0]) for name in os.listdir(migration.SCRIPTS)]
    assert sorted(numbers) == list(range(1, migration.SCHEMA_VERSION + 1))


def test_nothing_is_made_where_nothing_may_be_made(path):
    store = SqliteMetadataStore(path, create=False)
    with pytest.raises(MetadataStoreMissing):
        store.open()
    assert not os.path.exists(path)


def test_an_older_store_is_brought_up_to_date(store, path, new_run, tmp_path, monkeypatch):
    key = store.begin_run(new_run())
    store.close()
    scripts = tmp_path / "scripts"
    shutil.copytree(migration.SCRIPTS, scripts)
    later = migration.SCHEMA_VERSION + 1
    (scripts / f"{later:04}_colour.sql").write_text(
        "-- A comment; with a semicolon.\nALTER TABLE run ADD COLUMN colour TEXT DEFAULT 'red;';\n"
        "CREATE TABLE paint (name TEXT);\n"
    )
    monkeypatch.setattr(migration, "SCRIPTS", str(scripts))
    monkeypatch.setattr(migration, "SCHEMA_VERSION", later)

    newer = SqliteMetadataStore(path)
    assert newer.run("F", "1").key == key
    assert newer.connection.row("SELECT colour FROM run") == ("red;",)
    assert newer.connection.row("PRAGMA user_version") == (later,)
    newer.close()

    monkeypatch.undo()
    with pytest.raises(MetadataStoreTooNew) as caught:
        SqliteMetadataStore(path).open()
    assert (caught.value.found, caught.value.known) == (later, migration.SCHEMA_VERSION)


def test_a_failing_migration_changes_nothing(store, path, new_run, tmp_path, monkeypatch):
    store.begin_run(new_run())
    store.close()
    scripts = tmp_path / "scripts"
    shutil.copytree(migration.SCRIPTS, scripts)
    later = migration.SCHEMA_VERSION + 1
    (scripts / f"{later:04}_broken.sql").write_text(
        "CREATE TABLE paint (name);\nDROP TABLE none;\n"
    )
    monkeypatch.setattr(migration, "SCRIPTS", str(scripts))
    monkeypatch.setattr(migration, "SCHEMA_VERSION", later)
    with pytest.raises(MetadataStoreFailed, match="none"):
        SqliteMetadataStore(path).open()

    monkeypatch.undo()
    assert store.run("F", "1") is not None
    assert store.connection.row("SELECT count(*) FROM sqlite_master WHERE name = 'paint'") == (0,)


@pytest.mark.parametrize("content", [b"not a database at all, rather a text" * 100, b""])
def test_a_foreign_file_is_told_from_a_store(path, content):
    with open(path, "wb") as file:
        file.write(content)
    with pytest.raises(MetadataStoreDamaged) as caught:
        SqliteMetadataStore(path).open()
    assert path in str(caught.value)
    assert "hint:" in str(caught.value)


def test_a_database_of_another_program_is_left_alone(path, plain):
    plain(path).execute("CREATE TABLE theirs (x)")
    with pytest.raises(MetadataStoreDamaged, match="another program"):
        SqliteMetadataStore(path).open()
    assert plain(path).execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]


def test_a_damaged_page_is_reported(store, path, new_run):
    for number in range(50):
        store.begin_run(new_run(str(number)))
    store.close()
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (os.path.getsize(path) - 4096))
    with pytest.raises(MetadataStoreDamaged):
        SqliteMetadataStore(path).run("F", "1")


def test_a_full_disk_is_reported_and_loses_nothing_acknowledged(store, new_run):
    key = store.begin_run(new_run())
    (pages,) = store.connection.row("PRAGMA page_count")
    store.connection.row(f"PRAGMA max_page_count = {pages + 20}")
    acknowledged = []

    def fill():
        for number in range(1000):
            fact = TaskMetadata(str(number), 0, "note", "x" * 3000, 1.0)
            store.write(key, [TaskCreated(str(number), "a", 1.0, (), ()), fact])
            acknowledged.append(number)

    with pytest.raises(MetadataStoreFull):
        fill()
    assert acknowledged
    assert len(store.tasks(store.step(key, "a").key)) == len(acknowledged)
    store.connection.row("PRAGMA max_page_count = 100000")
    store.write(key, [TaskCreated("9999", "b", 1.0, (), ())])
    assert store.task(key, "9999") is not None


def test_a_store_that_stays_locked_is_reported(path, plain, new_run, monkeypatch):
    SqliteMetadataStore(path).open()
    plain(path).execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(connection, "BUSY_TIMEOUT_S", 0.01)
    with pytest.raises(MetadataStoreBusy):
        SqliteMetadataStore(path).begin_run(new_run())


def test_a_left_over_draft_is_in_nobodys_way(path, new_run):
    with open(f"{path}.new", "wb") as draft:
        draft.write(b"half a database")
    store = SqliteMetadataStore(path)
    assert store.begin_run(new_run()) == 100_000
    store.close()
    assert os.listdir(os.path.dirname(path)) == ["metadata.db"]


def test_threads_share_a_store(store, new_run):
    def work(name):
        for number in range(25):
            store.begin_run(new_run(f"{name}-{number}"))
            assert store.run("F", f"{name}-{number}") is not None

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.runs(store.flow("F").key)) == 100
