"""A root finds in its origins what it has not itself, and a scratch root leaves nothing."""

from __future__ import annotations

import os

import pytest

from metaflow.artifact_store.local import LocalArtifactStore
from metaflow.artifact_store.logs import SharedLogWriter, read_log
from metaflow.artifact_store.origins import add_origin, origins_of
from metaflow.artifact_store.scratch import ScratchRoot
from metaflow.errors.storage import ArtifactMissing

LARGE = os.urandom(300_000)


def roots(folder, *names):
    made = [str(folder / name) for name in names]
    for path in made:
        os.makedirs(path)
    return made


def files_of(root):
    return [os.path.join(place, name) for place, _, names in os.walk(root) for name in names]


def test_small_and_large_values_are_found(tmp_path):
    first, second, third = roots(tmp_path, "first", "second", "third")
    values = {"small": 7, "large": LARGE, "text": "x" * 5000}
    refs, _ = LocalArtifactStore(first).save(values, "packs/F/1")
    add_origin(second, first)
    add_origin(third, second)
    for root in (second, third):
        store = LocalArtifactStore(root)
        assert {name: store.load(ref) for name, ref in refs.items()} == values
    assert files_of(third) == [f"{third}/origins"]


def test_what_an_origin_has_is_not_stored_again(tmp_path):
    first, second = roots(tmp_path, "first", "second")
    LocalArtifactStore(first).save({"large": LARGE}, "packs/F/1")
    add_origin(second, first)
    store = LocalArtifactStore(second)
    refs, _ = store.save({"again": LARGE}, "packs/F/2")
    assert store.load(refs["again"]) == LARGE
    assert not [file for file in files_of(second) if "blobs" in file]


def test_neighbours_can_be_moved_together(tmp_path):
    first, second = roots(tmp_path, "old/first", "old/second")
    refs, _ = LocalArtifactStore(first).save({"large": LARGE, "small": 1}, "packs/F/1")
    add_origin(second, first)
    (tmp_path / "old").rename(tmp_path / "new")
    store = LocalArtifactStore(str(tmp_path / "new" / "second"))
    assert store.load(refs["large"]) == LARGE
    assert store.load(refs["small"]) == 1


def test_an_origin_is_named_once_and_circles_do_no_harm(tmp_path):
    first, second = roots(tmp_path, "first", "below/second")
    add_origin(first, second)
    add_origin(first, second)
    add_origin(second, first)
    add_origin(first, first)
    assert origins_of(first) == (second,)
    assert origins_of(second) == (first,)
    with open(f"{first}/origins", encoding="utf-8") as file:
        assert file.read() == f"{second}\n"
    refs, _ = LocalArtifactStore(str(tmp_path / "gone")).save({"x": LARGE, "y": 1}, "packs/F/1")
    for name in ("x", "y"):
        (tmp_path / "gone" / "packs" / "F" / "1").unlink(missing_ok=True)
        with pytest.raises(ArtifactMissing):
            LocalArtifactStore(first).load(refs[name])


def test_a_scratch_root_is_gone_afterwards(tmp_path):
    with ScratchRoot(str(tmp_path)) as scratch, ScratchRoot(str(tmp_path)) as other:
        LocalArtifactStore(scratch.path).save({"large": LARGE}, "packs/F/1")
        assert os.path.isdir(other.path)
        assert scratch.path != other.path
    assert files_of(str(tmp_path)) == []


def test_a_scratch_root_without_its_owner_is_cleared_away(tmp_path):
    abandoned = tmp_path / "scratch" / "1-abandoned"
    (abandoned / "deep").mkdir(parents=True)
    (abandoned / "lock").touch()
    (abandoned / "deep" / "file").touch()
    (tmp_path / "scratch" / "2-never-locked").mkdir()
    with ScratchRoot(str(tmp_path)) as used:
        with ScratchRoot(str(tmp_path)):
            assert os.path.isdir(used.path)
        assert os.listdir(tmp_path / "scratch") == [os.path.basename(used.path)]


def test_a_log_with_several_writers_keeps_all(tmp_path):
    path = str(tmp_path / "log")
    writers = [SharedLogWriter(path) for _ in range(3)]
    placed = [
        (writer.append(f"{number} {turn}\n".encode()), f"{number} {turn}\n".encode())
        for turn in range(20)
        for number, writer in enumerate(writers)
    ]
    for offset, data in placed:
        assert read_log(path, offset, len(data)) == data
    for writer in writers:
        writer.close()
