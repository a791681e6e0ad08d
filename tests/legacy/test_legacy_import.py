"""`metaflow import` reads all older runs once, however often it is asked or interrupted."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys

import pytest

from metaflow import Flow, Metaflow, Run

RUNS, TASKS = 7, 83


def tables(root):
    database = sqlite3.connect(f"{root}/metadata.db")
    try:
        return {
            table: database.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall()
            for table in ("run", "tag", "task", "edge", "metadata", "log")
        }
    finally:
        database.close()


def test_everything_is_imported_once(older):
    assert f"Imported {RUNS} runs with {TASKS} tasks of 4 flows" in older.metaflow("import")
    before = tables(older.root)
    assert len(before["task"]) == TASKS
    older.metaflow("import")
    assert tables(older.root) == before
    assert Flow("Shapes").latest_run.data.number == 42


def test_new_runs_are_added_to_what_was_imported(older):
    (kept,) = [run for run in older.root.glob("Shapes/1*") if run.is_dir()]
    away = older.path / "away"
    kept.rename(away)
    older.metaflow("import")
    assert "Shapes" not in Metaflow()
    away.rename(kept)
    assert "Imported" in older.metaflow("import")
    assert Flow("Shapes").latest_run.successful


KILLED = """
import os, signal, sys
from metaflow.metadata_store.sqlite.store import SqliteMetadataStore as Store
name, left = sys.argv[1], int(sys.argv[2])
inner = getattr(Store, name)
def counted(self, *args, **given):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return inner(self, *args, **given)
setattr(Store, name, counted)
from metaflow.cli.command import run_command_line
run_command_line(["import", *sys.argv[3:]])
"""


@pytest.mark.parametrize("copied", [False, True])
@pytest.mark.parametrize(
    ("name", "after"), [("list_older", 1), ("write", 0), ("write", 3), ("mark_older", 2)]
)
def test_an_import_that_was_killed_goes_on(older, tmp_path, name, after, copied):
    there = tmp_path / "there"
    (there / ".metaflow").mkdir(parents=True)
    source = older.path
    args = [str(source), "--copy"] if copied else [str(source)]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, name, str(after), *args], cwd=there, check=False
    )
    assert done.returncode == -signal.SIGKILL
    whole = tmp_path / "whole"
    (whole / ".metaflow").mkdir(parents=True)
    for older.path in (there, whole):
        older.metaflow("import", *args)
    found, expected = tables(there / ".metaflow"), tables(whole / ".metaflow")
    assert found.keys() == expected.keys()
    for table in ("run", "tag", "task", "edge", "metadata"):
        # Copies are where their store is.
        rows = str(expected[table]).replace(str(whole), str(there))
        assert str(found[table]) == rows, table
    # Where copied output lies in the log of its run depends on what was copied before.
    assert [row[:4] for row in found["log"]] == [row[:4] for row in expected["log"]]


def test_runs_of_another_folder_are_referred_to(older, tmp_path, monkeypatch):
    there = tmp_path / "there"
    (there / ".metaflow").mkdir(parents=True)
    monkeypatch.chdir(there)
    older.path, source = there, older.path
    older.metaflow("import", str(source))
    assert not (source / ".metaflow" / "metadata.db").exists()
    run = Flow("Shapes").latest_run
    assert run.data.words == ["a1", "a2", "b1", "b2", "c1", "c2"]
    assert run["start"].task.stdout == "start says 0.25\n"
    assert run.data.notes == "a note\nwith ä\n"
    (packed,) = [one for one in Flow("Turns") if one.code is not None]
    assert packed.code.script_name == "turns.py"
    shutil.copy(source / "troubled.py", there)
    origin = Flow("Troubled").latest_run.id
    older.flow("troubled.py", "--no-pylint", "resume", "--origin-run-id", origin, ALL_GOOD="1")
    assert Flow("Troubled").latest_run.data.all_done == ["X", "Y", "Z"]


def test_copied_runs_need_the_folder_no_more(older, tmp_path, monkeypatch):
    there = tmp_path / "there"
    (there / ".metaflow").mkdir(parents=True)
    monkeypatch.chdir(there)
    older.path, source = there, older.path
    older.metaflow("import", "--copy", str(source))
    shutil.rmtree(source)
    run = Flow("Shapes").latest_run
    assert run.data.words == ["a1", "a2", "b1", "b2", "c1", "c2"]
    assert len(run["start"].task.data.series) == 4000
    assert run["start"].task.stdout == "start says 0.25\n"
    assert [line for _, line in run["outer"].task.loglines("stderr")] == ["err c"]
    assert run.data.picture == b"\x00\x01\xffPNG"
    (packed,) = [one for one in Flow("Turns") if one.code is not None]
    assert "class Turns" in packed.code.flowspec
    failed = {task.index: task for task in Flow("Troubled").latest_run["work"]}[1]
    assert "y is bad" in str(failed.exception)


def test_facts_and_bytes_may_lie_apart(older, tmp_path, monkeypatch):
    # As with a bucket: what tasks have stored is in one place, the notes are in another.
    apart = tmp_path / "apart"
    shutil.copytree(older.root, apart, copy_function=os.link)
    for note in apart.rglob("_meta"):
        shutil.rmtree(note)
    for path in list(older.root.rglob("*")):
        if path.is_file() and "_meta" not in path.parts:
            path.unlink()
    older.metaflow("import", "--datastore-root", str(apart))
    assert [flow.id for flow in Metaflow()] == ["Turns", "Troubled", "Shapes", "Plain"]
    run = Flow("Shapes").latest_run
    assert run.data.number == 42
    assert run.user_tags == {"first", "two words"}
    assert run["start"].task.stdout == "start says 0.25\n"


def test_a_folder_without_older_runs_is_refused(older, tmp_path):
    (tmp_path / "empty").mkdir()
    said = older.metaflow("import", str(tmp_path / "empty"), code=1)
    assert "No older runs" in said
    assert "name the folder `.metaflow`" in said


def test_a_damaged_run_is_named_and_the_others_are_imported(older):
    damaged = older.replace("Shapes/1*/left/2/0.data.json", b'{"objects": {')
    said = older.metaflow("import", code=1)
    assert f"Imported {RUNS - 1} runs" in said
    assert "1 runs are damaged" in said
    assert "/left/2/0.data.json" in said
    assert Flow("Troubled").latest_run["start"].task.successful
    run = Run(f"Shapes/{damaged.parts[-4]}")
    assert run.successful  # the end step's task tells
    with pytest.raises(Exception, match=r"left/2/0\.data\.json"):
        list(run)


def split_off(older, tmp_path, root):
    """Put what tasks have stored where a bucket would have it, as older versions do."""
    bucket = tmp_path / "bucket"
    for path in list(older.root.rglob("*")):
        if not path.is_file() or "_meta" in path.parts:
            continue
        if not path.name.endswith("_meta"):
            target = bucket / path.relative_to(older.root)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target)
        path.unlink()
    for note in older.root.rglob("sysmeta_ds-*"):
        told = json.loads(note.read_text())
        told["value"] = root if "ds-root" in note.name else "file"
        note.unlink()
        note.write_text(json.dumps(told))


def check_shapes(run):
    assert run.data.words == ["a1", "a2", "b1", "b2", "c1", "c2"]
    assert run["start"].task.stdout == "start says 0.25\n"
    assert [task.index for task in run["join_outer"].task.parent_tasks] == [0, 1, 2]
    assert sorted(task.data.word for task in run["inner"]) == ["a1", "a2", "b1", "b2", "c1", "c2"]


def test_runs_with_bytes_in_a_bucket_are_read(older, tmp_path):
    root = f"file://{tmp_path}/bucket"
    split_off(older, tmp_path, root)
    run = Flow("Shapes").latest_run
    check_shapes(run)
    assert run.user_tags == {"first", "two words"}
    assert run["start"].task.metadata_dict["ds-root"] == root
    (packed,) = [one for one in Flow("Turns") if one.code is not None]
    assert "class Turns" in packed.code.flowspec


def test_a_bucket_alone_is_imported(older, tmp_path):
    root = f"file://{tmp_path}/bucket"
    split_off(older, tmp_path, root)
    shutil.rmtree(older.root)
    (older.root).mkdir()
    said = older.metaflow("import", "--datastore-root", root)
    assert f"Imported {RUNS} runs with {TASKS} tasks of 4 flows" in said
    assert [flow.id for flow in Metaflow()] == ["Turns", "Troubled", "Shapes", "Plain"]
    check_shapes(Flow("Shapes").latest_run)
    assert len(list(Flow("Troubled"))) == 3
    caught = Flow("Troubled").latest_run["caught"].task
    assert (caught.successful, caught.finished) == (False, True)
    assert older.metaflow("import", "--datastore-root", root)


def test_a_bucket_can_be_copied(older, tmp_path):
    root = f"file://{tmp_path}/bucket"
    split_off(older, tmp_path, root)
    older.metaflow("import", "--copy", "--datastore-root", root)
    shutil.rmtree(tmp_path / "bucket")
    check_shapes(Flow("Shapes").latest_run)
    origin = Flow("Troubled").latest_run.id
    older.flow("troubled.py", "--no-pylint", "resume", "--origin-run-id", origin, ALL_GOOD="1")
    assert Flow("Troubled").latest_run.data.all_done == ["X", "Y", "Z"]


def test_an_older_run_is_not_said_to_be_erased(older, tmp_path, monkeypatch):
    run = Flow("Shapes").latest_run
    list(run)
    said = older.metaflow("erase", run.pathspec, "--yes", code=1)
    assert "by hand" in said
    assert Run(run.pathspec).data.number == 42
    there = tmp_path / "there"
    (there / ".metaflow").mkdir(parents=True)
    source, older.path = older.path, there
    older.metaflow("import", "--copy", str(source))
    receipt = older.metaflow("erase", run.pathspec, "--yes")
    assert '"complete": true' in receipt
    older.metaflow("import", "--copy", str(source / ".metaflow"))
    monkeypatch.chdir(there)
    assert list(Flow("Shapes")) == []
    assert Flow("Plain").latest_run.successful
