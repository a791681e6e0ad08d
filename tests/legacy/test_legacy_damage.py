"""Files that are lost or damaged lead to errors that name them."""

from __future__ import annotations

import gzip
import json
import os
import pickle
from hashlib import sha1

import pytest

from metaflow import Flow
from metaflow.artifact_store.older.plain_pickle import Stand, read_plain
from metaflow.errors.storage import ArtifactCorrupt, ArtifactMissing, DataException


def series_of(older):
    artifact = Flow("Shapes").latest_run["start"].task["series"]
    return artifact, f"Shapes/data/{artifact.sha[:2]}/{artifact.sha}"


def test_a_lost_blob_is_named(older):
    artifact, path = series_of(older)
    older.replace(path, None)
    with pytest.raises(ArtifactMissing, match=artifact.sha):
        _ = artifact.data


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:100],
        lambda data: b"",
        lambda data: data[:50] + b"\xff\x00" + data[52:],
        lambda data: gzip.compress(b"something else"),
    ],
)
def test_a_damaged_blob_is_named(older, change):
    artifact, path = series_of(older)
    whole = (older.root / path).read_bytes()
    older.replace(path, change(whole))
    with pytest.raises(ArtifactCorrupt, match=artifact.sha):
        _ = artifact.data


def test_a_later_layout_of_blobs_is_refused(older):
    artifact, path = series_of(older)
    older.replace(f"{path}_meta", b'{"cas_raw": false, "cas_version": 2}')
    with pytest.raises(DataException, match="version 2"):
        _ = artifact.data


def test_bytes_stored_as_they_are_may_be_gzipped_by_their_maker(older):
    data = gzip.compress(b"mine")
    digest = sha1(data).hexdigest()
    folder = older.root / "Shapes" / "data" / digest[:2]
    folder.mkdir(exist_ok=True)
    (folder / digest).write_bytes(data)
    (folder / f"{digest}_meta").write_text('{"cas_raw": true, "cas_version": 1}')
    from metaflow.artifact_store.older.blobs import blob_path, read_blob
    from metaflow.artifact_store.older.folder import Folder

    assert read_blob(Folder(str(older.root)), blob_path("Shapes", digest)) == data


def test_a_lost_included_file_is_named(older):
    notes = Flow("Shapes").latest_run["end"].task["notes"]
    digest = sha1("a note\nwith ä\n".encode()).hexdigest()
    older.replace(f"data/Shapes/{digest}", None)
    with pytest.raises(ArtifactMissing, match=digest):
        _ = notes.data


def test_a_damaged_note_costs_only_itself(older):
    older.replace("Shapes/1*/start/1/_meta/sysmeta_ds-root_*", b'{"val')
    start = Flow("Shapes").latest_run["start"].task
    assert start.data.number == 41
    assert start.metadata_dict["ds-type"] == "local"


def test_an_attempt_that_was_not_finished_shows_nothing(older):
    older.replace("Shapes/1*/right/3/0.DONE.lock", None)
    task = Flow("Shapes").latest_run["right"].task
    assert (task.successful, task.finished_at, list(task)) == (False, None, [])
    assert task.stdout == ""


def test_a_later_attempt_hides_an_earlier_one_until_it_is_done(older):
    older.replace("Shapes/1*/right/3/0.attempt.json", b'{"time": 1}')
    (folder,) = older.root.glob("Shapes/1*/right/3")
    (folder / "1.attempt.json").write_text(json.dumps({"time": 2.0}))
    task = Flow("Shapes").latest_run["right"].task
    assert task.current_attempt == 1


def test_a_killed_run_without_its_first_task_is_shown(older):
    folder = older.root / "Shapes" / "1700000000000000" / "_meta"
    folder.mkdir(parents=True)
    told = {"ts_epoch": 1700000000000, "user_name": "ann", "tags": [], "system_tags": ["user:ann"]}
    (folder / "_self.json").write_text(json.dumps(told))
    run = Flow("Shapes")["1700000000000000"]
    assert (run.successful, list(run), run.data, run.code) == (False, [], None, None)
    assert run.created_at.timestamp() == 1700000000


class Trap:
    def __reduce__(self):
        return os.mkdir, ("trapped",)


def test_what_the_index_reads_runs_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = read_plain(pickle.dumps([Trap(), 1]))
    assert isinstance(found[0], Stand)
    assert found[1] == 1
    assert not os.path.exists("trapped")
    with pytest.raises(ValueError, match="EOFError"):
        read_plain(b"")


@pytest.mark.parametrize("mode", ["deny", "trusted"])
def test_pickles_of_others_may_be_refused(older, mode):
    said = older.flow(
        "-c",
        "from metaflow import *; namespace(None); run = Flow('Shapes').latest_run\n"
        "print(run.data.notes, [step.id for step in run], run['start'].task.stdout)\n"
        "run.data.number",
        code=1,
        METAFLOW_PICKLE=mode,
    )
    assert "a note" in said
    assert "start says 0.25" in said
    assert "PickleRefused" in said
