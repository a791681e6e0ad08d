"""What is stored already is neither stored nor, where the kernel can tell, hashed again."""

from __future__ import annotations

import os

import numpy as np
import pytest

from metaflow.artifact_store import batch, reading
from metaflow.artifact_store.local import LocalArtifactStore
from metaflow.model.artifact import ZSTD

PACK = "packs/TestFlow/1"


@pytest.fixture
def store(tmp_path):
    return LocalArtifactStore(str(tmp_path))


@pytest.fixture
def hashed(monkeypatch):
    """Sizes of everything that `save` hashes, apart from very short streams."""
    sizes = []
    original = batch.digest_of

    def record(data):
        sizes.append(len(data))
        return original(data)

    monkeypatch.setattr(batch, "digest_of", record)
    return sizes


def files(store):
    return {
        os.path.join(folder, name): os.path.getsize(os.path.join(folder, name))
        for folder, _, names in os.walk(store._root)
        for name in names
    }


def test_a_thousand_small_artifacts_make_one_file(store):
    values = {f"name_{i}": {"value": i} for i in range(1000)}
    refs, errors = store.save(values, PACK)
    assert not errors
    assert len(files(store)) == 1
    assert {name: store.load(ref) for name, ref in refs.items()} == values


def test_known_small_artifacts_are_not_written_again(store):
    refs, _ = store.save({"a": 1, "b": "two", "c": [3] * 1000}, PACK)
    before = files(store)
    again, _ = store.save({"a": 1, "b": "two", "c": [3] * 1000}, PACK, refs)
    assert again == refs
    assert files(store) == before


def test_a_known_part_is_reused_under_another_name(store):
    refs, _ = store.save({"a": [1, 2, 3]}, PACK)
    before = files(store)
    renamed, _ = store.save({"b": [1, 2, 3]}, PACK, refs)
    assert renamed["b"].parts == refs["a"].parts
    assert files(store) == before


def test_equal_parts_of_one_call_are_stored_once(store):
    array = np.random.default_rng(0).random(5000)
    refs, _ = store.save({"a": array, "b": array.copy(), "c": [array, array.copy()]}, PACK)
    parts = {part for ref in refs.values() for part in ref.parts if part.size == array.nbytes}
    assert len(parts) == 1


def test_large_parts_are_shared_by_all_runs(store):
    array = np.random.default_rng(0).random(50_000)
    first, _ = store.save({"a": array}, "packs/TestFlow/1")
    second, _ = LocalArtifactStore(store._root).save({"b": array}, "packs/OtherFlow/2")
    assert first["a"].parts[-1] == second["b"].parts[-1]
    assert not first["a"].parts[-1].pack
    assert sum(size >= array.nbytes for size in files(store).values()) == 1


def test_compressed_large_parts_are_shared_too(store):
    words = [f"line {i * i * 7919 % 1_000_003} of a long text" for i in range(100_000)]
    first, _ = store.save({"a": words}, "packs/TestFlow/1")
    second, _ = LocalArtifactStore(store._root).save({"b": words}, "packs/TestFlow/2")
    assert first["a"].parts == second["b"].parts
    assert [part.codec for part in first["a"].parts] == [ZSTD]


def test_a_blob_cut_short_by_a_crash_of_the_machine_is_written_again(store):
    array = np.random.default_rng(0).random(50_000)
    refs, _ = store.save({"a": array}, PACK)
    path = store._blobs.path(refs["a"].parts[-1].digest, 0)
    with open(path, "wb"):
        pass
    store.save({"a": array}, "packs/TestFlow/2")
    np.testing.assert_array_equal(store.load(refs["a"]), array)


@pytest.mark.skipif(not os.path.exists("/proc/self/pagemap"), reason="needs Linux")
def test_untouched_arrays_are_carried_without_hashing(store, hashed):
    array = np.random.default_rng(0).random(1_000_000)
    refs, _ = store.save({"a": array}, PACK)
    loaded = store.load(refs["a"])
    assert loaded.sum() == array.sum()
    hashed.clear()
    again, _ = store.save({"a": loaded}, PACK, refs)
    assert again == refs
    assert all(size < 1000 for size in hashed)
    # Inside another value and in another shape it is still the same memory.
    moved, _ = store.save({"b": {"inner": loaded.reshape(1000, 1000)}}, PACK, refs)
    assert moved["b"].parts[-1] == refs["a"].parts[-1]
    assert all(size < 1000 for size in hashed)


def test_changed_arrays_are_stored_anew(store, hashed):
    array = np.random.default_rng(0).random(1_000_000)
    refs, _ = store.save({"a": array}, PACK)
    loaded = store.load(refs["a"])
    loaded[-1] = 5
    hashed.clear()
    again, _ = store.save({"a": loaded}, PACK, refs)
    assert array.nbytes in hashed
    assert again["a"].digest != refs["a"].digest
    assert store.load(again["a"])[-1] == 5
    assert store.load(refs["a"])[-1] == array[-1]


def test_a_slice_of_a_mapped_array_is_not_taken_for_the_whole(store):
    array = np.random.default_rng(0).random(1_000_000)
    refs, _ = store.save({"a": array}, PACK)
    loaded = store.load(refs["a"])
    part, _ = store.save({"b": loaded[: len(loaded) // 2]}, PACK, refs)
    np.testing.assert_array_equal(store.load(part["b"]), array[: len(array) // 2])


def test_an_array_that_takes_the_place_of_a_mapped_one_is_hashed(store, hashed):
    array = np.random.default_rng(0).random(1_000_000)
    refs, _ = store.save({"a": array}, PACK)
    loaded = store.load(refs["a"])
    del loaded
    hashed.clear()
    again, _ = store.save({"a": array + 1}, PACK, refs)
    assert array.nbytes in hashed
    np.testing.assert_array_equal(store.load(again["a"]), array + 1)


def test_without_a_page_map_the_content_is_hashed(store, hashed, monkeypatch):
    array = np.random.default_rng(0).random(1_000_000)
    refs, _ = store.save({"a": array}, PACK)
    loaded = store.load(refs["a"])
    hashed.clear()
    original = os.open

    def refuse(path, *args, **kwargs):
        if str(path).startswith("/proc"):
            raise PermissionError(path)
        return original(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)
    again, _ = store.save({"a": loaded}, PACK, refs)
    assert again == refs
    assert array.nbytes in hashed


def test_mappings_are_private_and_shared_by_nobody(store):
    array = np.random.default_rng(0).random(1_000_000)
    refs, _ = store.save({"a": array, "pair": [array, array.copy()]}, PACK)
    first, second = store.load(refs["pair"])
    first[:] = 0
    np.testing.assert_array_equal(second, array)
    np.testing.assert_array_equal(store.load(refs["a"]), array)


def test_only_large_raw_buffers_are_mapped(store, monkeypatch):
    mapped = []
    original = reading.mmap
    monkeypatch.setattr(
        reading, "mmap", lambda fd, size, **kw: mapped.append(size) or original(fd, size, **kw)
    )
    large = np.random.default_rng(0).random(1 << 18)
    medium = np.random.default_rng(0).random(1 << 16)
    refs, _ = store.save({"large": large, "medium": medium, "empty": np.zeros(1 << 20)}, PACK)
    for ref in refs.values():
        store.load(ref)[0] = 1
    assert mapped == [large.nbytes]


def test_a_store_made_before_a_fork_works_in_the_child(store):
    # Large enough for several hashing threads, in the parent as well.
    array = np.random.default_rng(0).random(1_000_000)
    refs, _ = store.save({"a": array, "small": 1}, PACK)
    assert store.load(refs["small"]) == 1
    loaded = store.load(refs["a"])
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            loaded[0] = 7
            mine, errors = store.save({"a": loaded, "small": 2}, PACK, refs)
            good = not errors and store.load(mine["small"]) == 2 and store.load(mine["a"])[0] == 7
            status = 0 if good and store.load(refs["small"]) == 1 else 1
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert loaded[0] == array[0]
    assert store.save({"a": loaded}, PACK, refs)[0]["a"] == refs["a"]
