"""Values of all kinds come back as they were saved."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metaflow.artifact_store import pickling
from metaflow.artifact_store.local import LocalArtifactStore
from metaflow.model.artifact import LZ4, RAW, ZSTD, ArtifactRef

PACK = "packs/TestFlow/1"

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.decimals(allow_nan=False)
    | st.datetimes()
)
nested = st.recursive(
    leaves,
    lambda children: (
        st.lists(children)
        | st.dictionaries(st.text(), children)
        | st.tuples(children, children)
        | st.frozensets(leaves)
    ),
    max_leaves=30,
)


@pytest.fixture
def store(tmp_path):
    return LocalArtifactStore(str(tmp_path))


def save_one(store, value, known=None):
    refs, errors = store.save({"x": value}, PACK, known or {})
    assert not errors
    return refs["x"]


@given(values=st.dictionaries(st.text(min_size=1), nested, max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_nested_plain_data_round_trips(store, values):
    refs, errors = store.save(values, PACK)
    assert not errors
    assert list(refs) == list(values)
    through_json = {
        name: ArtifactRef.from_json(json.loads(json.dumps(ref))) for name, ref in refs.items()
    }
    assert through_json == refs
    other = LocalArtifactStore(store._root)
    assert {name: other.load(ref) for name, ref in through_json.items()} == values


def test_a_reference_tells_type_size_and_encoding(store):
    ref = save_one(store, 17)
    assert (ref.type, ref.encoding, ref.stream) == ("builtins.int", "json", 1)
    assert ref.size == ref.parts[0].size > 0
    assert ref.digest == ref.parts[0].digest
    assert save_one(store, np.zeros(3)).type == "numpy.ndarray"


def test_each_name_loads_a_distinct_object(store):
    shared = [1]
    refs, _ = store.save({"a": shared, "b": shared}, PACK)
    assert refs["a"] == refs["b"]
    assert store.load(refs["a"]) is not store.load(refs["b"])


@pytest.mark.parametrize(
    "value",
    [
        b"\0" * 100_000,
        os.urandom(100_000),
        os.urandom(20 << 20),
        bytes(20 << 20),
        bytearray(os.urandom(300_000)),
        "é" * 200_000,
        "x" * (2 << 20),
        {"big": os.urandom(1 << 20), "small": 1, "more": [os.urandom(70_000), "end"]},
        list(range(300_000)),
        [os.urandom(64 << 10) for _ in range(300)],
        [f"row {i}" for i in range(200_000)],
    ],
    ids=lambda value: f"{type(value).__name__}-{len(value)}",
)
def test_large_values_round_trip(store, value):
    ref = save_one(store, value)
    loaded = LocalArtifactStore(store._root).load(ref)
    assert loaded == value
    assert type(loaded) is type(value)
    assert ref.size >= len(value)


def test_a_stream_is_stored_while_it_grows(store, monkeypatch):
    monkeypatch.setattr(pickling, "_HELD_BYTES", 4 << 20)
    value = tuple(float(i) for i in range(2_000_000))
    ref = save_one(store, value)
    assert ref.encoding == "pickle5"
    assert ref.stream > 4
    assert LocalArtifactStore(store._root).load(ref) == value


def test_large_bytes_inside_a_value_are_a_part_of_their_own(store):
    payload = os.urandom(200_000)
    first = save_one(store, {"payload": payload, "version": 1})
    second = save_one(store, {"payload": payload, "version": 2})
    shared = set(first.parts) & set(second.parts)
    assert [part.size for part in shared] == [len(payload)]


def test_many_large_pieces_do_not_make_as_many_parts(store):
    ref = save_one(store, [np.full(3000, i) for i in range(2000)])
    assert len(ref.parts) < 600
    assert all(row[0] == i for i, row in enumerate(store.load(ref)))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("size", [20, 3_000, 20_000, 300_000])
@pytest.mark.parametrize("dtype", ["f8", "i2", "c16", "?", "M8[us]", "m8[s]", "U7"])
def test_arrays_round_trip_and_are_writable(store, order, size, dtype):
    array = np.arange(size).reshape(-1, 10).astype("i8").astype(dtype, order=order)
    ref = save_one(store, array)
    loaded = LocalArtifactStore(store._root).load(ref)
    assert loaded.dtype == array.dtype
    np.testing.assert_array_equal(loaded, array)
    if size >= 20_000:
        assert len(ref.parts) == 2
    assert loaded.flags.writeable
    loaded[0, 0] = loaded[1, 1]
    np.testing.assert_array_equal(store.load(ref), array)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 3)),
        np.array(5.0),
        np.array("2020-01-01", "M8[D]"),
        np.arange(1_000_000)[::2],
        np.arange("2020-01-01", "2022-01-01", dtype="M8[h]")[::3],
        np.array([{"a": 1}, None, "x"], dtype=object),
        np.zeros(5000, dtype=[("a", "i4"), ("b", "f8")]),
    ],
    ids=["empty", "scalar", "date", "strided", "strided-dates", "objects", "records"],
)
def test_unusual_arrays_round_trip(store, array):
    loaded = store.load(save_one(store, array))
    assert (loaded.dtype, loaded.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(loaded, array)


def test_read_only_arrays_stay_read_only(store):
    array = np.arange(300_000)
    array.flags.writeable = False
    assert not store.load(save_one(store, array)).flags.writeable


def test_compression_is_chosen_by_content(store):
    text = [f"some words that repeat {i}" for i in range(200)]
    assert {part.codec for part in save_one(store, text).parts} == {LZ4}
    assert save_one(store, list(range(500_000))).parts[-1].codec == ZSTD
    assert {part.codec for part in save_one(store, os.urandom(600)).parts} == {RAW}
    big_noise = save_one(store, os.urandom(2 << 20))
    assert max(big_noise.parts, key=lambda part: part.size).codec == RAW


@pytest.mark.parametrize("size", [20_000, 200_000, 2 << 20, 40 << 20])
def test_empty_buffers_take_little_room_and_load_writable(store, size):
    array = np.zeros(size, "u1")
    ref = save_one(store, array)
    assert ref.parts[-1].stored < size / 50
    loaded = LocalArtifactStore(store._root).load(ref)
    np.testing.assert_array_equal(loaded, array)
    loaded[:] = 1


def test_random_buffers_stay_raw(store):
    ref = save_one(store, np.random.default_rng(0).random(10_000))
    assert ref.parts[-1].codec == RAW


def test_values_of_many_library_types_round_trip(store):
    value = {"when": datetime(2024, 5, 6, tzinfo=UTC), "price": Decimal("1.50"), "c": 1 + 2j}
    assert store.load(save_one(store, value)) == value


class Point:
    def __init__(self, x):
        self.x = x


def test_classes_are_pickled_by_reference(store):
    loaded = store.load(save_one(store, Point([1, 2])))
    assert type(loaded) is Point
    assert loaded.x == [1, 2]


def test_classes_of_the_script_are_found_again(store, monkeypatch):
    main = sys.modules["__main__"]
    cls = type("Local", (), {"__module__": "__main__"})
    monkeypatch.setattr(main, "Local", cls, raising=False)
    assert type(store.load(save_one(store, cls()))) is cls
