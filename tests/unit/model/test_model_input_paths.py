"""Input paths are read back as they were written, in all their forms."""

from __future__ import annotations

import base64
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaflow.model.input_paths import TaskPath, read_input_paths, write_input_paths

IDS = st.text("abcXYZ0189_-.", min_size=1, max_size=12)
PATHS = st.lists(st.builds(TaskPath, IDS, IDS, IDS), max_size=60)


@given(PATHS)
def test_what_is_written_is_read(paths):
    assert read_input_paths(write_input_paths(paths), "F") == paths


def test_each_form():
    wanted = [TaskPath("r", "s", "1"), TaskPath("r", "s", "2")]
    plain = "r/s/1,r/s/2"
    for text in (plain, "r/s/:1,2", "r/:s/1,s/2", "F/r/s/1, F/r/s/2", f" {plain}\n"):
        assert read_input_paths(text, "F") == wanted
        packed = "!" + base64.b64encode(zlib.compress(text.strip().encode())).decode()
        assert read_input_paths(packed, "F") == wanted
    assert read_input_paths("", "F") == []


def test_one_that_is_the_beginning_of_another():
    paths = [TaskPath("r", "s", "1"), TaskPath("r", "s", "11")]
    assert write_input_paths(paths) == "r/s/1:,1"
    assert read_input_paths("r/s/1:,1", "F") == paths


def test_many_paths_are_short():
    paths = [TaskPath("1700000000000000", "work", str(number)) for number in range(10_000)]
    text = write_input_paths(paths)
    assert text.startswith("!")
    assert len(text) < 32_000
    assert read_input_paths(text, "F") == paths


@pytest.mark.parametrize("text", ["a/b", "a/b/c/d", "a//c", "!nonsense", "!AAAA", "x:y"])
def test_what_makes_no_sense(text):
    with pytest.raises(ValueError, match=r"of the form|not zlib"):
        read_input_paths(text, "F")
