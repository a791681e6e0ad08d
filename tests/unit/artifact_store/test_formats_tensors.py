"""Dictionaries of arrays are files of safetensors, as its specification describes them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from metaflow.artifact_store.local import LocalArtifactStore
from metaflow.errors.storage import ArtifactCorrupt

PACK = "packs/TestFlow/1"
DTYPES = ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"]
KINDS = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "I16": "<i2", "U16": "<u2", "I32": "<i4", "U32": "<u4",
    "I64": "<i8", "U64": "<u8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip


@pytest.fixture
def store(tmp_path):
    return LocalArtifactStore(str(tmp_path))


def save_one(store, value):
    refs, errors = store.save({"x": value}, PACK)
    assert not errors
    return refs["x"]


def read_by_the_specification(data):
    """Read a file: a length, a header, and cells without a gap or an overlap."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    assert data[8:9] == b"{"
    cells = data[8 + length :]
    covered = 0
    for told in sorted(header.values(), key=lambda one: one["data_offsets"]):
        start, end = told["data_offsets"]
        assert start == covered
        covered = end
    assert covered == len(cells)
    return {
        name: np.frombuffer(cells[slice(*told["data_offsets"])], KINDS[told["dtype"]]).reshape(
            told["shape"]
        )
        for name, told in header.items()
    }


def assert_same(loaded, expected):
    assert list(loaded) == list(expected)
    for name, array in expected.items():
        assert (loaded[name].dtype, loaded[name].shape) == (array.dtype, array.shape)
        assert loaded[name].tobytes() == array.tobytes()


arrays = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0))
)


@given(value=st.dictionaries(st.text(st.characters(codec="utf-8")), arrays, min_size=1, max_size=4))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
def test_dictionaries_of_arrays_come_back_exactly(store, value):
    ref = save_one(store, value)
    assert ref.encoding == "safetensors"
    assert_same(store.load(ref), value)
    data = b"".join(store._parts.contents(ref.parts))
    assert_same(read_by_the_specification(data), value)


def test_long_arrays_are_parts_of_their_own_and_shared(store):
    weights = {
        "large": np.random.default_rng(0).random((500, 400)),
        "bias": np.ones(3, "f4"),
        "other": np.arange(100_000),
    }
    first = save_one(store, weights)
    assert first.about == {
        "len": 3,
        "arrays": [["large", "float64 500x400"], ["bias", "float32 3"], ["other", "int64 100000"]],
    }
    second = save_one(store, {**weights, "other": weights["other"] + 1})
    assert len(set(first.parts) & set(second.parts)) == 1
    loaded = store.load(first)
    assert_same(loaded, weights)
    loaded["large"][0, 0] = 5
    assert_same(store.load(first), weights)
    data = b"".join(store._parts.contents(first.parts))
    assert_same(read_by_the_specification(data), weights)


def test_many_arrays_do_not_make_as_many_parts(store):
    value = {f"w{n}": np.full(5000, n) for n in range(300)}
    ref = save_one(store, value)
    assert ref.encoding == "safetensors"
    assert len(ref.parts) < 20
    assert_same(store.load(ref), value)


SHARED = np.zeros(3)


@pytest.mark.parametrize(
    "value",
    [
        {"a": SHARED, "b": SHARED},
        {"a": np.zeros((3, 4), order="F")},
        {"a": np.zeros(10)[::2]},
        {"a": np.zeros(3, ">f8")},
        {"a": np.zeros(3, "c16")},
        {"a": np.array(["x", None])},
        {"a": np.zeros(3), "b": 1},
        {1: np.zeros(3)},
        {"__metadata__": np.zeros(3)},
        {"a": np.broadcast_to(np.zeros(1), (3,))},
    ],
    ids=[
        "shared",
        "order",
        "gaps",
        "endian",
        "complex",
        "objects",
        "mixed",
        "key",
        "name",
        "fixed",
    ],
)
def test_what_would_not_come_back_exactly_is_pickled(store, value):
    ref = save_one(store, value)
    assert ref.encoding == "pickle5"
    loaded = store.load(ref)
    for name, array in value.items():
        np.testing.assert_array_equal(loaded[name], array)


def test_a_damaged_file_is_reported(store):
    ref = save_one(store, "some text")
    with pytest.raises(ArtifactCorrupt, match="safetensors"):
        store.load(ref._replace(encoding="safetensors"))
