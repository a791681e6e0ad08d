"""Frames come back exactly, column by column, and only changed columns are stored again."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import warnings
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from metaflow.artifact_store.frames import MAX_COLUMNS, MIN_ROWS
from metaflow.artifact_store.local import LocalArtifactStore

PACK = "packs/TestFlow/1"
ROWS = 10_000
rng = np.random.default_rng(0)


@pytest.fixture
def store(tmp_path):
    return LocalArtifactStore(str(tmp_path))


def round_trip(store, frame):
    refs, errors = store.save({"x": frame}, PACK)
    assert not errors
    return LocalArtifactStore(store._root).load(refs["x"])


def assert_same(actual, expected):
    pd.testing.assert_frame_equal(
        actual, expected, check_index_type="exact", check_column_type="exact", check_freq=True
    )
    assert actual.attrs == expected.attrs
    assert type(actual.index) is type(expected.index)
    assert actual.flags.allows_duplicate_labels == expected.flags.allows_duplicate_labels


def texts(distinct, rows=ROWS):
    return [f"text-{i * 7919 % distinct}" for i in range(rows)]


COLUMNS = {
    "float": rng.random(ROWS),
    "int": rng.integers(0, 1 << 60, ROWS),
    "small_int": rng.integers(0, 100, ROWS).astype("i1"),
    "bool": rng.random(ROWS) > 0.5,
    "complex": rng.random(ROWS) + 1j,
    "time": pd.Timestamp("2020") + pd.to_timedelta(rng.integers(0, 1 << 30, ROWS), unit="s"),
    "nanoseconds": pd.date_range("2020", periods=ROWS, freq="s").as_unit("ns"),
    "zoned": pd.date_range("2020", periods=ROWS, freq="h", tz="Europe/Paris"),
    "duration": pd.to_timedelta(rng.integers(0, 1 << 30, ROWS), unit="s"),
    "period": pd.period_range("2020", periods=ROWS, freq="D"),
    "interval": pd.interval_range(0, ROWS),
    "category": pd.Categorical(texts(7)),
    "ordered": pd.Categorical(texts(3), ordered=True),
    "nullable": pd.array([None, 1, 2, 3] * (ROWS // 4), dtype="Int64"),
    "nullable_bool": pd.array([None, True] * (ROWS // 2), dtype="boolean"),
    "nullable_float": pd.array([None, 1.5] * (ROWS // 2), dtype="Float32"),
    "sparse": pd.arrays.SparseArray([0.0] * (ROWS - 1) + [1.0]),
    "string": pd.array(texts(ROWS), dtype="str"),
    "string_missing": pd.array([None, *texts(ROWS - 1, ROWS - 1)], dtype="str"),
    "string_python": pd.array([pd.NA, *texts(ROWS, ROWS - 1)], dtype="string[python]"),
    "string_arrow": pd.array([pd.NA, *texts(5, ROWS - 1)], dtype="string[pyarrow]"),
    "arrow_int": pd.array([1, None] * (ROWS // 2), dtype="int32[pyarrow]"),
    "texts": pd.Series(texts(ROWS), dtype=object),
    "few_texts": pd.Series(texts(5), dtype=object),
    "many_repeated": pd.Series(texts(400), dtype=object),
    "texts_missing": pd.Series([None, np.nan, pd.NA, *texts(ROWS, ROWS - 3)], dtype=object),
    "few_texts_missing": pd.Series([None, np.nan, pd.NA, *texts(2, ROWS - 3)], dtype=object),
    "odd_texts": pd.Series(["\0", "\x1f\n", "é\ud800", "𝄞", ""] * (ROWS // 5), dtype=object),
    "all_separators": pd.Series(["\0\x1f\n\ue000", "b"] * (ROWS // 2), dtype=object),
    "only_none": pd.Series([None] * ROWS, dtype=object),
    "mixed": pd.Series(["a", 1, 2.5, None, np.nan] * (ROWS // 5), dtype=object),
    "decimals": pd.Series([Decimal("1.5"), None] * (ROWS // 2), dtype=object),
    "dates": pd.Series([date(2024, 1, 2), datetime(2024, 1, 2, tzinfo=UTC)] * (ROWS // 2)),
    "lists": pd.Series([[1, 2], {"a": 1}] * (ROWS // 2), dtype=object),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_each_kind_of_column_round_trips(store, name):
    frame = pd.DataFrame({name: COLUMNS[name], "other": range(ROWS)})
    loaded = round_trip(store, frame)
    assert_same(loaded, frame)
    if frame[name].dtype == object:
        kinds = [type(cell) for cell in frame[name]]
        assert [type(cell) for cell in loaded[name]] == kinds


def test_all_kinds_of_columns_together_round_trip(store):
    frame = pd.DataFrame(COLUMNS)
    frame.attrs = {"source": "here", "version": [1, 2]}
    assert_same(round_trip(store, frame), frame)


def multi_index():
    return pd.MultiIndex.from_arrays([texts(9), range(ROWS)], names=["group", "row"])


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(5, 5 + 2 * ROWS, 2, name="step"),
        pd.Index(rng.permutation(ROWS), name="shuffled"),
        pd.Index([0] * ROWS),
        pd.Index(texts(ROWS), name="text"),
        pd.Index(texts(ROWS), dtype=object),
        pd.date_range("2020", periods=ROWS, freq="h", name="when"),
        pd.date_range("2020", periods=ROWS, freq="h", tz="UTC"),
        pd.CategoricalIndex(texts(4)),
        multi_index(),
    ],
    ids=lambda index: f"{type(index).__name__}-{index.name}",
)
def test_each_kind_of_index_round_trips(store, index):
    frame = pd.DataFrame(
        {"a": np.arange(ROWS), "o": pd.Series(texts(3), dtype=object).to_numpy()}, index=index
    )
    frame["o"] = frame["o"].astype(object)
    assert_same(round_trip(store, frame), frame)


@pytest.mark.parametrize(
    "labels",
    [
        ["a", "a"],
        [1, "b"],
        pd.Index([2.5, 3.5], name="numbers"),
        pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["one", "two"]),
        pd.date_range("2020", periods=2),
        pd.CategoricalIndex(["x", "y"]),
    ],
    ids=["duplicate", "mixed", "floats", "multi", "dates", "categories"],
)
def test_each_kind_of_column_labels_round_trips(store, labels):
    frame = pd.DataFrame({0: rng.random(ROWS), 1: texts(ROWS)})
    frame.columns = labels
    assert_same(round_trip(store, frame), frame)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame(index=range(ROWS)),
        pd.DataFrame(columns=["a", "b"]),
        pd.DataFrame({"a": [1.5], "b": ["x"]}),
        pd.DataFrame({"a": pd.Series(dtype="f4"), "b": pd.Series(dtype=object)}),
        pd.DataFrame(rng.random((ROWS, 3)), copy=False),
        pd.DataFrame(rng.random((3, ROWS))).T,
        pd.DataFrame(rng.random((MIN_ROWS, MAX_COLUMNS + 10))),
        pd.DataFrame({f"c{i}": texts(3, MIN_ROWS) for i in range(MAX_COLUMNS + 1)}),
    ],
    ids=["empty", "rows", "columns", "tiny", "no-rows", "strided", "turned", "wide", "wide-text"],
)
def test_frames_of_unusual_shape_round_trip(store, frame):
    assert_same(round_trip(store, frame), frame)


def test_frames_inside_values_round_trip(store):
    frame = pd.DataFrame({"a": rng.random(ROWS), "s": texts(ROWS)})
    loaded = round_trip(store, {"train": frame, "parts": [frame.iloc[10:20], frame["s"]]})
    assert_same(loaded["train"], frame)
    assert_same(loaded["parts"][0], frame.iloc[10:20])
    pd.testing.assert_series_equal(loaded["parts"][1], frame["s"])


def test_a_frame_that_forbids_duplicate_labels_still_does(store):
    frame = pd.DataFrame({"a": rng.random(ROWS)}).set_flags(allows_duplicate_labels=False)
    assert_same(round_trip(store, frame), frame)


def test_a_slice_does_not_drag_the_whole_column_along(store):
    frame = pd.DataFrame({"s": texts(ROWS * 20, ROWS * 20)})
    refs, _ = store.save({"x": frame.iloc[5 : 5 + MIN_ROWS]}, PACK)
    assert refs["x"].size < 100_000
    assert_same(store.load(refs["x"]), frame.iloc[5 : 5 + MIN_ROWS])


def test_only_a_changed_column_is_stored_again(store):
    frame = pd.DataFrame({name: column for name, column in COLUMNS.items() if name != "lists"})
    frame["category_of_its_own"] = pd.Categorical(rng.integers(0, 50, ROWS))
    refs, _ = store.save({"x": frame}, PACK)
    loaded = store.load(refs["x"])
    loaded["float"] = loaded["float"] * 2
    again, errors = store.save({"x": loaded}, PACK, refs)
    assert not errors
    stored_anew = set(again["x"].parts) - set(refs["x"].parts)
    buffers = [part.size for part in again["x"].parts[1:] if part in stored_anew]
    assert buffers == [ROWS * 8]
    assert_same(store.load(again["x"]), loaded)


def test_loaded_frames_are_written_to_like_any_other(store):
    rows = 140_000
    frame = pd.DataFrame(
        {
            "f": rng.random(rows),
            "g": rng.random(rows),
            "i": np.arange(rows),
            "t": pd.date_range("2020", periods=rows, freq="s", tz="UTC"),
            "c": pd.Categorical.from_codes(np.arange(rows) % 3, ["x", "y", "z"]),
            "n": pd.array(np.arange(rows), dtype="Int64"),
            "s": texts(rows, rows),
        }
    )
    refs, _ = store.save({"x": frame}, PACK)
    loaded, expected = store.load(refs["x"]), frame.copy()
    for target in (loaded, expected):
        view = target["f"]
        target.loc[3, "f"] = -1.0
        assert view[3] == frame["f"][3]
        target.iloc[0, 2] = 99
        target.loc[0, "t"] = pd.Timestamp("1999", tz="UTC")
        target.loc[0, "c"] = "z"
        target.loc[0, "n"] = pd.NA
        target.loc[0, "s"] = "changed"
        target["h"] = target["f"] + target["g"]
        del target["g"]
    assert_same(loaded, expected)
    assert_same(store.load(refs["x"]), frame)


def test_columns_that_share_memory_are_independent_after_loading(store):
    frame = pd.DataFrame({"a": pd.array(np.arange(ROWS), dtype="Int64"), "f": rng.random(ROWS)})
    frame = frame.assign(b=frame["a"], g=frame["f"])
    loaded = round_trip(store, frame)
    loaded.loc[0, "a"] = -5
    loaded.loc[0, "f"] = -5.0
    assert loaded.loc[0, "b"] == 0
    assert loaded.loc[0, "g"] == frame.loc[0, "g"]


def test_the_widest_frame_stored_by_column_can_grow_without_a_warning(store):
    frame = pd.DataFrame(rng.random((MIN_ROWS, MAX_COLUMNS)))
    loaded = round_trip(store, frame)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded["one_more"] = 1


def test_saving_does_not_change_the_frame(store):
    frame = pd.DataFrame(COLUMNS)
    before = frame.copy(deep=True)
    store.save({"x": frame}, PACK)
    assert_same(frame, before)
    assert not frame["float"].to_numpy().flags.writeable


def test_frames_round_trip_without_pyarrow(tmp_path):
    script = textwrap.dedent(
        """
        import sys
        sys.modules["pyarrow"] = None
        import numpy as np, pandas as pd
        from metaflow.artifact_store.local import LocalArtifactStore
        n = 10_000
        frame = pd.DataFrame({"a": np.arange(n), "s": [f"t{i}" for i in range(n)],
                              "m": ["x", None] * (n // 2)})
        assert frame["s"].dtype.storage == "python", frame.dtypes
        store = LocalArtifactStore(sys.argv[1])
        refs, errors = store.save({"x": frame}, "packs/F/1")
        assert not errors, errors
        loaded = LocalArtifactStore(sys.argv[1]).load(refs["x"])
        pd.testing.assert_frame_equal(loaded, frame)
        loaded["a"] += 1
        again, _ = store.save({"x": loaded}, "packs/F/1", refs)
        new = set(again["x"].parts[1:]) - set(refs["x"].parts)
        assert [part.size for part in new] == [n * 8], new
        """
    )
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, env=environment)
