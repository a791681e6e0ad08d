"""Tables are stored as buffers of Arrow, column by column, whenever they come back exactly."""

from __future__ import annotations

import json
from datetime import UTC, date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import pandas as hpd

from metaflow.artifact_store.formats.frames import MANY_COLUMNS
from metaflow.artifact_store.local import LocalArtifactStore
from metaflow.errors.storage import ArtifactCorrupt

PACK = "packs/TestFlow/1"
ROWS = 5000
PANDAS = "arrow:pandas"
rng = np.random.default_rng(0)


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


def assert_same(actual, expected):
    check = pd.testing.assert_frame_equal
    options = {"check_index_type": "exact", "check_freq": True}
    if isinstance(expected, pd.Series):
        check = pd.testing.assert_series_equal
    else:
        options["check_column_type"] = "exact"
    check(actual, expected, check_exact=True, **options)
    assert actual.attrs == expected.attrs
    assert type(actual.index) is type(expected.index)
    assert actual.index.dtype == expected.index.dtype
    assert actual.flags.allows_duplicate_labels == expected.flags.allows_duplicate_labels


def repeated(values, rows=ROWS):
    return (values * (rows // len(values) + 1))[:rows]


IN_ARROW = {
    "float": rng.random(ROWS),
    "float_missing": repeated([1.0, np.nan, -0.0, np.inf]),
    "half": rng.random(ROWS).astype("f2"),
    "int": rng.integers(0, 1 << 60, ROWS),
    "byte": rng.integers(0, 100, ROWS).astype("i1"),
    "unsigned": rng.integers(0, 100, ROWS).astype("u8") + 2**63,
    "bool": rng.random(ROWS) > 0.5,
    "time": pd.Series(pd.to_datetime(repeated(["2020-01-01", None, "1969-05-06"]))),
    "seconds": pd.Series(rng.integers(0, 1 << 30, ROWS).astype("M8[s]")),
    "zoned": pd.date_range("2020", periods=ROWS, freq="h", tz="Europe/Paris"),
    "utc": pd.date_range("2020", periods=ROWS, freq="h", tz=UTC).as_unit("ms"),
    "duration": pd.to_timedelta(rng.integers(0, 1 << 30, ROWS), unit="s"),
    "category": pd.Categorical(repeated(["a", None, "b"]), categories=["b", "a", "never"]),
    "ordered": pd.Categorical(repeated([3, 1, 2]), ordered=True),
    "nullable": pd.array(repeated([None, 1, 2]), dtype="Int64"),
    "nullable_bool": pd.array(repeated([None, True, False]), dtype="boolean"),
    "nullable_float": pd.array(repeated([None, 1.5]), dtype="Float32"),
    "string": pd.array(repeated(["a", None, "é"]), dtype="str"),
    "string_python": pd.array(repeated(["a", pd.NA]), dtype="string[python]"),
    "string_arrow": pd.array(repeated(["a", pd.NA]), dtype="string[pyarrow]"),
    "arrow_list": pd.array(repeated([[1], None, []]), dtype=pd.ArrowDtype(pa.list_(pa.int32()))),
    "arrow_decimal": pd.array(
        repeated([Decimal("1.50"), None]), dtype=pd.ArrowDtype(pa.decimal128(10, 2))
    ),
    "texts": pd.Series([f"text {i}" for i in range(ROWS)], dtype=object),
    "few_texts": pd.Series(repeated(["a", "b"]), dtype=object),
    "texts_none": pd.Series(repeated(["a", None]), dtype=object),
    "texts_nan": pd.Series(repeated(["a", np.nan]), dtype=object),
    "texts_na": pd.Series([pd.NA, *[f"text {i}" for i in range(1, ROWS)]], dtype=object),
    "view": rng.random((ROWS, 3))[:, 1],
}
PICKLED = {
    "complex": rng.random(ROWS) + 1j,
    "period": pd.period_range("2020", periods=ROWS, freq="D"),
    "interval": pd.interval_range(0, ROWS),
    "sparse": pd.arrays.SparseArray([0.0] * ROWS),
    "mixed": pd.Series(repeated(["a", 1, None]), dtype=object),
    "two_missing": pd.Series(repeated(["a", None, np.nan]), dtype=object),
    "surrogates": pd.Series(repeated(["\ud800", "a"]), dtype=object),
    "lists": pd.Series(repeated([[1], [2]]), dtype=object),
    "only_none": pd.Series([None] * ROWS, dtype=object),
    "fixed_zone": pd.date_range("2020", periods=ROWS, tz="+01:00"),
}


@pytest.mark.parametrize("rows", [0, 1, 7, ROWS])
@pytest.mark.parametrize("name", IN_ARROW)
def test_each_kind_of_column_comes_back_exactly(store, name, rows):
    frame = pd.DataFrame({name: IN_ARROW[name], "other": range(ROWS)}).iloc[:rows]
    frame.index = pd.RangeIndex(rows)
    ref = save_one(store, frame)
    no_texts = rows and frame[name].dtype == object and str not in set(map(type, frame[name]))
    if not no_texts:
        assert ref.encoding == PANDAS
    loaded = LocalArtifactStore(store._root).load(ref)
    assert_same(loaded, frame)
    if frame[name].dtype == object:
        assert [type(cell) for cell in loaded[name]] == [type(cell) for cell in frame[name]]
    series = frame[name]
    assert_same(store.load(save_one(store, series)), series)


@pytest.mark.parametrize("name", PICKLED)
def test_what_arrow_does_not_hold_is_seen_to_be_a_pickle(store, name):
    frame = pd.DataFrame({name: PICKLED[name], "other": range(ROWS)})
    ref = save_one(store, frame)
    assert ref.encoding == "pickle5"
    assert ref.about["shape"] == [ROWS, 2]
    assert_same(store.load(ref), frame)


@pytest.mark.parametrize(
    ("index", "encoding"),
    [
        (pd.RangeIndex(5, 5 + 2 * ROWS, 2, name="step"), PANDAS),
        (pd.Index(rng.permutation(ROWS), name="shuffled"), PANDAS),
        (pd.Index([0] * ROWS, name=3), PANDAS),
        (pd.Index(repeated(["a", "b"]), name="text"), PANDAS),
        (pd.Index(repeated(["a", "b"]), dtype=object), PANDAS),
        (pd.Index(rng.random(ROWS)), PANDAS),
        (pd.Index(repeated([True, False])), PANDAS),
        (pd.date_range("2020", periods=ROWS, freq="h", name="when"), PANDAS),
        (pd.date_range("2020", periods=ROWS, freq="2W-MON", tz="UTC"), PANDAS),
        (pd.timedelta_range("1s", periods=ROWS, freq="s"), PANDAS),
        (pd.CategoricalIndex(repeated(["b", "a"])), PANDAS),
        (
            pd.MultiIndex.from_arrays([repeated(["b", None]), range(ROWS)], names=["g", None]),
            PANDAS,
        ),
        (pd.period_range("2020", periods=ROWS, freq="h"), "pickle5"),
        (pd.Index([0] * ROWS, name=("a", 1)), "pickle5"),
    ],
    ids=lambda value: f"{type(value).__name__}",
)
def test_each_kind_of_index_comes_back_exactly(store, index, encoding):
    frame = pd.DataFrame({"a": np.arange(ROWS)}, index=index)
    ref = save_one(store, frame)
    assert ref.encoding == encoding
    loaded = store.load(ref)
    assert_same(loaded, frame)
    assert list(loaded.index.names) == list(frame.index.names)
    assert_same(store.load(save_one(store, frame["a"])), frame["a"])


@pytest.mark.parametrize(
    ("labels", "encoding"),
    [
        (["a", "a"], PANDAS),
        ([1, "b"], PANDAS),
        ([3, 1], PANDAS),
        (pd.RangeIndex(2), PANDAS),
        (pd.Index(["a", "b"], dtype=object, name="which"), PANDAS),
        (pd.Index([2.5, 3.5]), "pickle5"),
        (pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]), "pickle5"),
        (pd.Index([("a", 1), "b"]), "pickle5"),
    ],
    ids=str,
)
def test_each_kind_of_labels_comes_back_exactly(store, labels, encoding):
    frame = pd.DataFrame({0: rng.random(ROWS), 1: range(ROWS)})
    frame.columns = labels
    ref = save_one(store, frame)
    assert ref.encoding == encoding
    assert_same(store.load(ref), frame)


def test_attributes_and_flags_come_back(store):
    frame = pd.DataFrame({"a": [1, 2]}).set_flags(allows_duplicate_labels=False)
    frame.attrs = {"source": "here", "version": [1, 2]}
    ref = save_one(store, frame)
    assert ref.encoding == PANDAS
    assert_same(store.load(ref), frame)
    frame.attrs = {"source": ("a", "tuple")}
    assert save_one(store, frame).encoding == "pickle5"


def test_frames_without_columns_or_rows_come_back(store):
    for frame in (pd.DataFrame(), pd.DataFrame(index=range(3)), pd.DataFrame(columns=["a", "b"])):
        assert_same(store.load(save_one(store, frame)), frame)


class Special(pd.DataFrame):
    """A frame of the user's own."""


def test_subclasses_are_pickled(store):
    loaded = store.load(save_one(store, Special({"a": [1]})))
    assert type(loaded) is Special


columns = st.lists(
    st.sampled_from(
        ["int64", "float64", "bool", "datetime64[ns]", "timedelta64[ns]", "int8", "float32"]
    ),
    min_size=1,
    max_size=4,
).flatmap(
    lambda kinds: hpd.data_frames(
        [hpd.column(f"c{n}", dtype=kind) for n, kind in enumerate(kinds)],
        index=hpd.range_indexes(max_size=20),
    )
)


@given(frame=columns, texts=st.lists(st.text(st.characters(categories=("L", "N"))), min_size=20))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30
)
def test_frames_come_back_exactly(store, frame, texts):
    frame["texts"] = texts[: len(frame)]
    ref = save_one(store, frame)
    assert ref.encoding == PANDAS
    assert_same(store.load(ref), frame)


def test_a_loaded_frame_can_be_changed_and_the_stored_one_stays(store):
    frame = pd.DataFrame({"a": np.arange(300_000), "b": rng.random(300_000)})
    ref = save_one(store, frame)
    loaded = store.load(ref)
    loaded.loc[0, "a"] = -5
    loaded["b"] += 1
    assert_same(store.load(ref), frame)


def test_only_a_changed_column_is_stored_again(store):
    rows = 200_000
    frame = pd.DataFrame({f"c{n}": rng.random(rows) for n in range(5)})
    frame["text"] = [f"text {i}" for i in range(rows)]
    first = save_one(store, frame)
    second = save_one(store, frame.assign(c3=0.5 + frame["c3"]))
    before = {part.digest for part in first.parts}
    added = [part for part in second.parts if part.digest not in before]
    assert sum(part.size for part in added) < 8 * rows + 5000


def test_equal_frames_have_equal_digests(tmp_path):
    def make():
        rows = np.random.default_rng(1).random(ROWS)
        return pd.DataFrame(
            {
                "a": rows,
                "t": [f"{x:.2f}" for x in rows],
                "c": pd.Categorical(["x", "y"] * (ROWS // 2)),
                "n": pd.array([1, None] * (ROWS // 2), dtype="Int64"),
            }
        )

    one = save_one(LocalArtifactStore(str(tmp_path / "a")), make())
    assert one.digest == save_one(LocalArtifactStore(str(tmp_path / "b")), make()).digest
    other = make()
    other.loc[3, "a"] = 7.0
    assert one.digest != save_one(LocalArtifactStore(str(tmp_path / "a")), other).digest


def test_wide_frames_are_pickled_unless_that_is_denied(store, strict):
    frame = pd.DataFrame(rng.random((50, MANY_COLUMNS + 30)))
    assert save_one(store, frame).encoding == "pickle5"
    ref = save_one(strict, frame)
    assert ref.encoding == PANDAS
    assert_same(strict.load(ref), frame)


def test_a_frame_is_described_without_its_cells(store):
    frame = pd.DataFrame({"id": [1], "name": ["secret"]})
    about = save_one(store, frame).about
    assert about == {"shape": [1, 2], "columns": [["id", "int64"], ["name", "str"]]}
    wide = pd.DataFrame({f"a rather long name {n}": [1] for n in range(90)})
    about = save_one(store, wide).about
    assert about["shape"] == [1, 90]
    assert len(json.dumps(about)) < 220


TABLES = {
    "plain": pa.table({"a": [1, None, 3], "b": ["x", "y", None]}),
    "empty": pa.table({"a": pa.array([], pa.int8())}),
    "no columns": pa.table({}),
    "chunked": pa.table(
        {"a": pa.chunked_array([[1, 2], [3]]), "b": pa.chunked_array([["x"], ["y", "z"]])}
    ),
    "no chunks": pa.table({"a": pa.chunked_array([], pa.string())}),
    "nested": pa.table({"a": [{"b": [1, 2], "c": "d"}, None, {"b": None, "c": None}]}),
    "fixed": pa.table({"a": pa.array([[1, 2], [3, 4]], pa.list_(pa.int8(), 2))}),
    "dictionary": pa.table({"a": pa.array(["x", "y", "x"]).dictionary_encode()}),
    "times": pa.table(
        {"a": pa.array([date(2024, 1, 2), None]), "b": pa.array([timedelta(1), None])}
    ),
    "bytes": pa.table({"a": [b"\0", None]}),
    "metadata": pa.table({"a": [1]}).replace_schema_metadata({"key": "value"}),
    "large": pa.table({"a": rng.random(100_000), "b": [f"text {i}" for i in range(100_000)]}),
    "null": pa.table({"a": pa.nulls(3)}),
    "batch": pa.record_batch({"a": [1, 2], "b": ["x", None]}),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_of_arrow_come_back_exactly(store, name):
    table = TABLES[name]
    ref = save_one(store, table)
    assert ref.encoding == "arrow:pyarrow"
    loaded = store.load(ref)
    loaded.validate(full=True)
    assert type(loaded) is type(table)
    assert loaded.schema.equals(table.schema, check_metadata=True)
    assert loaded.equals(table, check_metadata=True)


@pytest.mark.parametrize("name", ["plain", "nested", "dictionary", "fixed", "large", "times"])
def test_a_slice_of_a_table_is_stored_alone(store, name):
    table = TABLES[name]
    part = table.slice(1, len(table) - 1)
    ref = save_one(store, part)
    loaded = store.load(ref)
    loaded.validate(full=True)
    assert loaded.equals(part)
    head = save_one(store, TABLES["large"].slice(0, 10))
    assert head.size < 5000


def test_what_arrow_may_extend_is_pickled(store):
    table = pa.table({"a": pa.array([b"0" * 16], pa.uuid())})
    ref = save_one(store, table)
    assert ref.encoding == "pickle5"
    assert store.load(ref).equals(table)


def test_frames_of_polars_come_back_exactly(store):
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(
        {
            "a": [1, None, 3],
            "text": ["x", None, "z"],
            "list": [[1], [], None],
            "when": [date(2024, 1, 2), None, date(2024, 1, 3)],
            "kind": pl.Series(["u", "v", "u"], dtype=pl.Categorical),
            "float": [0.5, float("nan"), None],
        }
    )
    ref = save_one(store, frame)
    assert ref.encoding == "arrow:polars"
    assert ref.about["shape"] == [3, 6]
    loaded = store.load(ref)
    assert type(loaded) is pl.DataFrame
    assert loaded.schema == frame.schema
    assert loaded.equals(frame)
    odd = pl.DataFrame({"a": pl.Series([object()], dtype=pl.Object)})
    assert (
        store.save({"x": odd}, PACK)[0].get("x") is None
        or save_one(store, odd).encoding == "pickle5"
    )


def test_zones_keep_their_type(store):
    for zone in (UTC, ZoneInfo("Europe/Helsinki")):
        frame = pd.DataFrame({"a": pd.date_range("2020", periods=3, tz=zone)})
        ref = save_one(store, frame)
        assert ref.encoding == PANDAS
        assert type(store.load(ref)["a"].dt.tz) is type(zone)


def test_buffers_that_do_not_belong_together_are_reported(store):
    table = pa.table({"n": pa.array([1, 2] * 20_000, pa.int16()), "t": ["text"] * 40_000})
    ref = save_one(store, table)
    numbers = next(part for part in ref.parts if part.size == 80_000)
    parts = [part if part.size != 160_000 else numbers for part in ref.parts]
    assert parts != list(ref.parts)
    with pytest.raises(ArtifactCorrupt, match="arrow"):
        store.load(ref._replace(parts=tuple(parts)))
