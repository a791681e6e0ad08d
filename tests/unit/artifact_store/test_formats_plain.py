"""Plain data is stored as JSON exactly when it comes back the same, type for type."""

from __future__ import annotations

import json
import math
import pathlib
import pickle
import struct
import uuid
from collections import OrderedDict
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from metaflow.artifact_store.formats.plain import MANY
from metaflow.artifact_store.local import LocalArtifactStore
from metaflow.errors.storage import ArtifactCorrupt
from metaflow.errors.task import MetaflowExceptionWrapper
from metaflow.model.artifact import ArtifactRef

PACK = "packs/TestFlow/1"

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters())
    | st.text(st.characters(categories=("Cs", "Ll")))
    | st.binary(max_size=50)
    | st.decimals(allow_nan=False)
    | st.fractions()
    | st.datetimes()
    | st.datetimes(timezones=st.just(UTC))
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.uuids()
)
hashables = st.recursive(
    scalars, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=4), max_leaves=5
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(), inner, max_size=5)
        | st.dictionaries(hashables, inner, max_size=5)
        | st.tuples(inner, inner, inner)
        | st.sets(hashables, max_size=4)
    ),
    max_leaves=20,
)


@pytest.fixture
def store(tmp_path):
    return LocalArtifactStore(str(tmp_path))


@pytest.fixture
def strict(tmp_path, monkeypatch):
    monkeypatch.setenv("METAFLOW_PICKLE", "deny")
    return LocalArtifactStore(str(tmp_path))


def save_one(store, value):
    refs, errors = store.save({"x": value}, PACK)
    assert not errors
    return refs["x"]


def same(one, other):
    """Compare values with their types; floats bit by bit."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return struct.pack("d", one) == struct.pack("d", other) or (
            math.isnan(one) and math.isnan(other)
        )
    if isinstance(one, complex):
        return same(one.real, other.real) and same(one.imag, other.imag)
    if isinstance(one, Decimal):
        return one.as_tuple() == other.as_tuple()
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        pairs = zip(one.items(), other.items(), strict=True)
        return len(one) == len(other) and all(same(*pair) for pair in pairs)
    if isinstance(one, set | frozenset):
        return sorted(map(repr, one)) == sorted(map(repr, other)) or one == other
    return one == other


@given(value=values)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100
)
def test_plain_data_comes_back_exactly(store, value):
    ref = save_one(store, value)
    assert ArtifactRef.from_json(json.loads(json.dumps(ref))) == ref
    assert same(store.load(ref), value)


@given(value=values)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
def test_equal_data_has_equal_digests(tmp_path, value):
    copied = pickle.loads(pickle.dumps(value))
    first = save_one(LocalArtifactStore(str(tmp_path / "a")), value)
    second = save_one(LocalArtifactStore(str(tmp_path / "b")), copied)
    # A pickle also tells which of its immutable values are one object.
    assume(first.encoding != "pickle5")
    assert (first.digest, first.encoding) == (second.digest, second.encoding)


@pytest.mark.parametrize(
    ("value", "encoding"),
    [
        (None, "json"),
        (True, "json"),
        (10**4000, "json"),
        (-0.0, "json"),
        ('é\0"', "json"),
        ("x" * 10_000, "text:utf-8"),
        (b"", "bytes"),
        (bytearray(b"abc"), "bytearray"),
        ([], "json"),
        ({"a": [1, {"b": None}]}, "json"),
        ({}, "json"),
        (list(range(2000)), "npy:list"),
        ([0.5] * 1500, "npy:list"),
        (math.inf, "json-marked"),
        (math.nan, "json-marked"),
        ((1, 2), "json-marked"),
        ({1: 2}, "json-marked"),
        ({"$tuple": [1]}, "json"),
        ([{"$tuple": [1]}, (1,)], "json-marked"),
        ({"a": {3, 1, 2}}, "json-marked"),
        ([math.nan, 1.0], "json-marked"),
        ({"accuracy": np.float64(0.25), "n": np.int32(7)}, "json-marked"),
        (range(3, 9, 2), "json-marked"),
        (1 + 2j, "json-marked"),
        (datetime(2024, 2, 3, 4, 5, 6, 7, tzinfo=UTC), "json-marked"),
        (date(2024, 2, 29), "json-marked"),
        (time(1, 2, 3, 4), "json-marked"),
        (timedelta(-1, 2, 3), "json-marked"),
        (Decimal("-0.10"), "json-marked"),
        (Fraction(2, 3), "json-marked"),
        (uuid.UUID(int=5), "json-marked"),
        (pathlib.Path("a/b"), "json-marked"),
        ("\ud800", "json-marked"),
        ({"\ud800": 1}, "json-marked"),
        (OrderedDict(a=1), "pickle5"),
        (10**5000, "pickle5"),
        (datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=1))), "pickle5"),
    ],
    ids=lambda value: ascii(value)[:20] if type(value) is not int else "int",
)
def test_each_value_has_its_format(store, value, encoding):
    ref = save_one(store, value)
    assert ref.encoding == encoding
    assert same(store.load(ref), value)


class Level(IntEnum):
    LOW = 1


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [
        Level.LOW,
        [Level.LOW],
        Text("a"),
        {Text("a"): 1},
        {"a": Text("b")},
        np.str_("a"),
        (Level.LOW,),
    ],
    ids=repr,
)
def test_subclasses_of_plain_types_keep_their_type(store, value):
    ref = save_one(store, value)
    assert ref.encoding == "pickle5"
    loaded = store.load(ref)
    assert type(loaded) is type(value)
    assert loaded == value
    if isinstance(value, dict):
        assert list(map(type, loaded)) == list(map(type, value))
        assert list(map(type, loaded.values())) == list(map(type, value.values()))
    elif not isinstance(value, str):
        assert not isinstance(value, list | tuple) or type(loaded[0]) is type(value[0])


def test_what_stands_twice_in_a_value_is_still_one_object(store):
    row = [1, 2]
    rows = store.load(save_one(store, [row, row]))
    assert rows[0] is rows[1]
    pair = store.load(save_one(store, ({"a": row}, row)))
    assert pair[0]["a"] is pair[1]
    ring: list = []
    ring.append(ring)
    loaded = store.load(save_one(store, ring))
    assert loaded[0] is loaded


def test_texts_that_read_alike_are_not_the_same(store):
    values = [
        1,
        "1",
        b"1",
        "null",
        None,
        [1],
        "[1]",
        True,
        1.0,
        (1,),
        {"$tuple": [1]},
        bytearray(b"1"),
    ]
    values += ["[" + "1," * 3000 + "1]", [1] * 3001, np.ones(3001, "i8"), np.int64(1), np.array(1)]
    refs = [save_one(store, value) for value in values]
    assert len({ref.digest for ref in refs}) == len(values)
    for ref, value in zip(refs, values, strict=True):
        loaded = store.load(ref)
        assert type(loaded) is type(value)
        np.testing.assert_array_equal(loaded, value)


def test_long_data_is_pickled_unless_that_is_denied(store, strict):
    value = [{"a": str(i)} for i in range(MANY)]
    assert save_one(store, value).encoding == "pickle5"
    ref = save_one(strict, value)
    assert ref.encoding == "json"
    assert strict.load(ref) == value
    pairs = [(i, str(i)) for i in range(10_000)]
    assert save_one(store, pairs).encoding == "pickle5"
    assert strict.load(save_one(strict, pairs)) == pairs


def test_a_stored_failure_needs_no_pickle(strict):
    try:
        raise ValueError("odd \ud800")
    except ValueError as error:
        wrapped = MetaflowExceptionWrapper(error)
    loaded = strict.load(save_one(strict, wrapped))
    assert type(loaded) is MetaflowExceptionWrapper
    assert (loaded.type, loaded.exception) == ("builtins.ValueError", "odd ?")
    assert loaded.stacktrace == wrapped.stacktrace.replace("\ud800", "?")


def test_values_loaded_twice_are_not_the_same_object(store):
    for value in ([1], {"a": 1}, {1, 2}, bytearray(b"a"), [0.5] * 2000):
        ref = save_one(store, value)
        assert store.load(ref) is not store.load(ref)


@pytest.mark.parametrize(
    "text", ["{", "[1]]", '{"$nobody": 1}', '{"$complex": 5}', '{"$decimal": "x"}', "NaN1"]
)
def test_damaged_json_is_reported(store, text):
    kind = "json-marked" if "$" in text else "json"
    ref = save_one(store, "something")
    other = store.save({"y": text.encode()}, PACK)[0]["y"]
    with pytest.raises(ArtifactCorrupt, match="json"):
        store.load(other._replace(encoding=kind, type=ref.type))


def test_what_older_versions_have_stored_is_read(store):
    ref = save_one(store, Level.LOW)
    old = json.loads(json.dumps(ref))[:6]
    assert store.load(ArtifactRef.from_json(old)) is Level.LOW
    assert ArtifactRef.from_json(old).about is None
