"""Foreach items are stored one by one and read one by one; logs are read by range."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest

from metaflow.artifact_store.local import LocalArtifactStore
from metaflow.artifact_store.logs import RunLogWriter, log_path, read_log
from metaflow.errors.storage import StorageUnavailable
from metaflow.model.artifact import ItemsRef

PACK = "packs/TestFlow/1"


@pytest.fixture
def store(tmp_path):
    return LocalArtifactStore(str(tmp_path))


@pytest.mark.parametrize(
    "items",
    [
        [7],
        list(range(1000)),
        ["a", None, {"b": [1, 2]}, (3, 4)],
        [f"item {i}" * 10 for i in range(10_000)],
        [np.arange(i) for i in range(50)],
        "text",
        range(5),
    ],
    ids=["one", "ints", "mixed", "many", "arrays", "text", "range"],
)
def test_each_item_loads_alone(store, items):
    ref = store.save_items(items, PACK)
    assert ref.count == len(items)
    again = ItemsRef.from_json([ref.count, list(ref.part), ref.with_digests])
    reader = LocalArtifactStore(store._root)
    for index, item in enumerate(items):
        loaded = reader.load_item(again, index)
        assert type(loaded) is type(item)
        np.testing.assert_array_equal(loaded, item)


def test_an_item_is_read_without_the_others(store, monkeypatch):
    ref = store.save_items([f"item {i}" for i in range(50_000)], PACK)
    assert ref.part.size > 900_000
    read = []
    original = os.pread
    monkeypatch.setattr(
        os, "pread", lambda fd, size, at: read.append(size) or original(fd, size, at)
    )
    assert store.load_item(ref, 40_000) == "item 40000"
    assert len(read) == 2
    # Reading ahead is bounded, however many items there are.
    assert sum(read) <= 2 * 16_384


def test_equal_items_are_stored_once_when_large(store):
    items = [f"item {i}" * 10 for i in range(10_000)]
    assert store.save_items(items, PACK) == store.save_items(items, "packs/TestFlow/2")


def test_no_items_make_an_empty_reference(store):
    ref = store.save_items([], PACK)
    assert ref.count == 0
    with pytest.raises(IndexError):
        store.load_item(ref, 0)


@pytest.mark.parametrize("index", [-1, 3])
def test_an_index_outside_is_refused(store, index):
    ref = store.save_items([1, 2, 3], PACK)
    with pytest.raises(IndexError):
        store.load_item(ref, index)


@pytest.mark.parametrize(
    "items",
    [
        [1, np.zeros(100_000)],
        [os.urandom(17 << 20)],
        [os.urandom(1 << 20)] * 17,
        [1, threading.Lock()],
    ],
    ids=["buffer", "large", "large-together", "unpicklable"],
)
def test_items_that_are_too_large_are_left_to_the_artifact(store, items):
    assert store.save_items(items, PACK) is None
    assert not os.path.exists(os.path.join(store._root, PACK))


def test_a_log_is_read_by_range(tmp_path):
    path = log_path(str(tmp_path), "TestFlow", "17")
    assert path == f"{tmp_path}/logs/TestFlow/17"
    log = RunLogWriter(path)
    assert not os.path.exists(path)
    first = log.append(b"hello ")
    second = log.append(memoryview(b"world"))
    assert (read_log(path, first, 6), read_log(path, second, 5)) == (b"hello ", b"world")
    assert read_log(path, 0, 11) == b"hello world"
    assert read_log(path, 3, 0) == b""
    log.close()
    log.close()
    later = RunLogWriter(path)
    assert later.append(b"!") == 11
    later.close()
    with pytest.raises(StorageUnavailable, match="too early"):
        read_log(path, 0, 100)
    with pytest.raises(StorageUnavailable, match="No such file"):
        read_log(path + "x", 0, 1)


def test_a_large_piece_of_log_is_written_whole(tmp_path):
    path = log_path(str(tmp_path), "TestFlow", "1")
    data = os.urandom(20 << 20)
    log = RunLogWriter(path)
    log.append(b"x")
    assert read_log(path, log.append(data), len(data)) == data
    log.close()
