"""No read yields anything but what was stored: each path is checked, mapped bytes when used."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from metaflow.artifact_store.items import OFFSET_BYTES
from metaflow.artifact_store.local import LocalArtifactStore
from metaflow.errors.storage import ArtifactCorrupt
from metaflow.model.artifact import ItemsRef

PACK = "packs/TestFlow/1"
LARGE = np.random.default_rng(0).random(1 << 18)


@pytest.fixture
def store(tmp_path) -> LocalArtifactStore:
    return LocalArtifactStore(str(tmp_path))


def flip(path: str, offset: int) -> None:
    """Change one bit of a file, as a bad disk does."""
    with open(path, "r+b") as file:
        file.seek(offset)
        (byte,) = file.read(1)
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


def saved(store: LocalArtifactStore, value: object):
    refs, problems = store.save({"x": value}, PACK)
    assert not problems
    return refs["x"]


def blob_of(store: LocalArtifactStore, ref) -> str:
    return store._files.path(ref.parts[-1].digest, 0)


def test_what_was_looked_at_is_checked_and_only_once(store) -> None:
    ref = saved(store, LARGE)
    reader = LocalArtifactStore(store._root)
    array = reader.load(ref)
    assert array.sum() == LARGE.sum()
    reader.verify_mapped()
    flip(blob_of(store, ref), 1000)
    reader.verify_mapped()
    fresh = LocalArtifactStore(store._root)
    assert fresh.load(ref)[5] == LARGE[5]
    with pytest.raises(ArtifactCorrupt, match="does not match the digest"):
        fresh.verify_mapped()


def test_what_nobody_has_looked_at_costs_nothing(store, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = saved(store, LARGE)
    flip(blob_of(store, ref), 1000)
    reader = LocalArtifactStore(store._root)
    array = reader.load(ref)
    reader.verify_mapped()
    with pytest.raises(ArtifactCorrupt):
        reader.verify_mapped(ref)
    assert array.nbytes == LARGE.nbytes


def test_what_was_let_go_may_have_been_looked_at(store) -> None:
    ref = saved(store, LARGE)
    flip(blob_of(store, ref), 1000)
    reader = LocalArtifactStore(store._root)
    reader.load(ref)
    with pytest.raises(ArtifactCorrupt):
        reader.verify_mapped()


def test_what_a_child_has_looked_at_counts(store) -> None:
    ref = saved(store, LARGE)
    flip(blob_of(store, ref), 1000)
    reader = LocalArtifactStore(store._root)
    array = reader.load(ref)
    pid = os.fork()
    if pid == 0:
        os._exit(int(array[5] == 0))
    os.waitpid(pid, 0)
    with pytest.raises(ArtifactCorrupt):
        reader.verify_mapped()


def test_what_was_written_to_is_checked_as_it_is_stored(store) -> None:
    ref = saved(store, LARGE)
    reader = LocalArtifactStore(store._root)
    array = reader.load(ref)
    array += 1
    reader.verify_mapped()


@pytest.mark.parametrize("place", ["pickle", "offset", "digest", "other"])
def test_each_item_is_checked(store, place: str) -> None:
    items = store.save_items([f"item {number}" for number in range(100)], PACK)
    begin = items.part.offset + 101 * 16
    at = {
        "pickle": begin + items.part.stored - 101 * 16 - 3,
        "offset": items.part.offset + 100 * 16,
        "digest": items.part.offset + 100 * 16 + 9,
        "other": items.part.offset + 50 * 16 + 9,
    }[place]
    flip(f"{store._root}/{PACK}", at)
    reader = LocalArtifactStore(store._root)
    if place == "other":
        assert reader.load_item(items, 99) == "item 99"
        return
    with pytest.raises(ArtifactCorrupt, match=r"item 99|the table of items"):
        reader.load_item(items, 99)
    assert reader.load_item(items, 98) == "item 98"


def test_items_of_older_stores_are_read(store) -> None:
    import pickle
    import struct

    pickles = [pickle.dumps(number, 5) for number in (7, 8, 9)]
    offsets = [0]
    for data in pickles:
        offsets.append(offsets[-1] + len(data))
    body = struct.pack("<4Q", *offsets) + b"".join(pickles)
    assert len(body) > 4 * OFFSET_BYTES
    part = store._batch(PACK, {}).add_raw(body)
    items = ItemsRef.from_json([3, list(part)])
    assert [store.load_item(items, index) for index in range(3)] == [7, 8, 9]


@pytest.mark.parametrize("value", [LARGE, list(range(1000)), "x" * 10**6])
def test_all_parts_can_be_verified(store, value: object) -> None:
    ref = saved(store, value)
    for part in ref.parts:
        store.verify(part)
    part = ref.parts[-1]
    path = f"{store._root}/{part.pack}" if part.pack else store._files.path(part.digest, part.codec)
    flip(path, part.offset + part.stored // 2)
    with pytest.raises(ArtifactCorrupt):
        LocalArtifactStore(store._root).verify(part)


def test_to_verify_an_array_takes_little_memory(store) -> None:
    import resource

    ref = saved(store, np.random.default_rng(1).random(16 << 20))
    reader = LocalArtifactStore(store._root)
    array = reader.load(ref)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.perf_counter()
    reader.verify_mapped(ref)
    assert time.perf_counter() - begun < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10
    assert array.nbytes == 128 << 20
