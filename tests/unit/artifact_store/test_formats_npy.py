"""Arrays are stored as files of numpy, cut behind the header, and come back as they were."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from metaflow.artifact_store.local import LocalArtifactStore
from metaflow.errors.storage import ArtifactCorrupt

PACK = "packs/TestFlow/1"
TITLED = np.dtype([(("title", "a"), "i4")])
ALIGNED = np.dtype([("a", "i1"), ("b", "f8")], align=True)


@pytest.fixture
def store(tmp_path):
    return LocalArtifactStore(str(tmp_path))


def save_one(store, value):
    refs, errors = store.save({"x": value}, PACK)
    assert not errors
    return refs["x"]


def file_of(store, ref):
    """Join the parts of an array, as anybody can who reads the layout."""
    return b"".join(bytes(store._parts.content(part)) for part in ref.parts)


dtypes = (
    hnp.scalar_dtypes()
    | hnp.unicode_string_dtypes(max_len=5)
    | hnp.byte_string_dtypes(max_len=5)
    | hnp.array_dtypes(hnp.scalar_dtypes(), max_size=3)
)


@given(
    array=dtypes.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0))),
    order=st.sampled_from("CF"),
    step=st.sampled_from([1, 2, -1]),
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=80
)
def test_arrays_come_back_exactly(store, array, order, step):
    array = np.asarray(array, order=order)
    if array.ndim:
        array = array[::step]
    ref = save_one(store, array)
    loaded = store.load(ref)
    assert type(loaded) is np.ndarray
    assert (loaded.dtype, loaded.shape) == (array.dtype, array.shape)
    assert loaded.tobytes() == array.tobytes()
    assert loaded.flags.writeable == array.flags.writeable
    if ref.encoding.startswith("npy"):
        read = np.load(io.BytesIO(file_of(store, ref)))
        assert (read.dtype, read.shape) == (array.dtype, array.shape)
        assert read.tobytes() == array.tobytes()


@pytest.mark.parametrize(
    ("value", "encoding"),
    [
        (np.zeros((3, 4)), "npy"),
        (np.arange(10_000).reshape(10, -1).T, "npy"),
        (np.array(1.5), "npy"),
        (np.zeros((0, 3), "f4"), "npy"),
        (np.zeros(3, ">f8"), "npy"),
        (np.zeros(3, "M8[25s]"), "npy"),
        (np.zeros(3, ALIGNED), "pickle5"),
        (np.zeros(3, TITLED), "npy"),
        (np.zeros(3, np.dtype("f8", metadata={"a": 1})), "pickle5"),
        (np.array([1, None]), "pickle5"),
        (np.zeros(3).view(np.recarray), "pickle5"),
        (np.ma.masked_array([1, 2], [0, 1]), "pickle5"),
        (np.float64(0.1), "npy:scalar"),
        (np.bool_(True), "npy:scalar"),
        (np.complex64(1j), "npy:scalar"),
        (np.datetime64("2024-01-02", "D"), "npy:scalar"),
        (np.timedelta64(5, "ms"), "npy:scalar"),
        (np.str_("a"), "pickle5"),
        (np.float64, "pickle5"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_each_value_of_numpy_has_its_format(store, value, encoding):
    ref = save_one(store, value)
    assert ref.encoding == encoding
    loaded = store.load(ref)
    assert type(loaded) is type(value)
    assert getattr(loaded, "dtype", None) == getattr(value, "dtype", None)
    np.testing.assert_array_equal(loaded, value)


def test_read_only_arrays_of_any_length_stay_read_only(store):
    for length in (0, 10, 10_000, 500_000):
        array = np.arange(length)
        writable = save_one(store, array)
        array.flags.writeable = False
        ref = save_one(store, array)
        assert [part.digest for part in ref.parts] == [part.digest for part in writable.parts]
        assert ref.digest != writable.digest
        assert not store.load(ref).flags.writeable
        assert store.load(writable).flags.writeable


def test_a_long_header_has_the_second_version(store):
    wide = np.dtype([(f"column_{i}" * 5, "i4") for i in range(2000)])
    array = np.zeros(3, wide)
    ref = save_one(store, array)
    assert ref.encoding == "npy"
    assert store.load(ref).dtype == wide
    assert np.load(io.BytesIO(file_of(store, ref)), max_header_size=10**6).dtype == wide


def test_lists_of_numbers_are_packed(store):
    floats = [0.5, -0.0, float("inf"), float("nan")] * 1000
    ints = [0, -(2**63), 2**63 - 1] * 1000
    for numbers in (floats, ints):
        ref = save_one(store, numbers)
        assert ref.encoding == "npy:list"
        loaded = store.load(ref)
        assert type(loaded) is list
        assert list(map(repr, loaded)) == list(map(repr, numbers))
        assert np.load(io.BytesIO(file_of(store, ref))).tolist()[:2] == numbers[:2]
    for others in ([*ints, 2**63], [*ints, True], [*ints, 0.5]):
        ref = save_one(store, others)
        assert ref.encoding != "npy:list"
        assert list(map(repr, store.load(ref))) == list(map(repr, others))


def test_an_array_is_described_without_its_numbers(store):
    ref = save_one(store, np.full((30, 40), 1234.5))
    assert ref.about == {"shape": [30, 40], "dtype": "float64"}
    assert save_one(store, [1, 2, 3]).about == {"len": 3}
    assert save_one(store, 5).about is None
    assert save_one(store, "secret").about is None


def test_what_is_no_file_of_numpy_is_reported(store):
    text = save_one(store, "some text")
    with pytest.raises(ArtifactCorrupt, match="npy"):
        store.load(text._replace(encoding="npy"))
