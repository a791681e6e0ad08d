"""Changing the tags of runs through the client."""

from __future__ import annotations

import os

import pytest

from metaflow.client import Flow, Run
from metaflow.errors.metadata import MetaflowTaggingError


@pytest.fixture
def run(world):
    world.small_run(tags=("a", "b"))
    return Run("F/1")


def test_each_operation_refreshes_the_object(run):
    run.add_tag("c")
    assert run.user_tags == {"a", "b", "c"}
    run.add_tags(["d", "d"])
    run.remove_tag("a")
    run.remove_tags({"b", "absent"})
    assert run.user_tags == {"c", "d"}
    run.replace_tag("c", "e")
    run.replace_tags(["d", "e"], ["e", "f g"])
    assert run.user_tags == {"e", "f g"}
    assert run["end"].task.user_tags == {"e", "f g"}
    assert Run("F/1").tags == {"e", "f g", "user:ann", "runtime:dev"}
    assert [found.id for found in Flow("F").runs("f g")] == ["1"]


def test_singular_forms_take_several(run):
    run.add_tag(["c", "d"])
    run.remove_tag(("a", "b"))
    run.replace_tag(["c"], iter(["x", "y"]))
    assert run.user_tags == {"d", "x", "y"}


def test_system_tags_stay(run):
    run.add_tag("user:ann")
    assert "user:ann" not in run.user_tags
    with pytest.raises(MetaflowTaggingError, match="`user:ann` cannot be removed"):
        run.replace_tags(["a", "user:ann"], ["z"])
    assert run.user_tags == {"a", "b"}


@pytest.mark.parametrize(
    "change",
    [
        lambda run: run.add_tags([]),
        lambda run: run.remove_tags([]),
        lambda run: run.replace_tags([], []),
        lambda run: run.add_tag(""),
        lambda run: run.add_tag("x" * 501),
        lambda run: run.add_tag(5),
        lambda run: run.add_tag(b"bytes"),
        lambda run: run.add_tags(["ok", "\ud800"]),
        lambda run: run.remove_tag([None]),
        lambda run: run.add_tags(str(number) for number in range(49)),
    ],
)
def test_what_is_refused_changes_nothing(run, change):
    with pytest.raises(MetaflowTaggingError) as caught:
        change(run)
    assert caught.value.headline == "Tagging error"
    assert Run("F/1").user_tags == {"a", "b"}


def test_many_processes_tag_one_run(run):
    pids = []
    for number in range(12):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                Run("F/1").replace_tag("a", f"from-{number}")
                code = 0
            finally:
                os._exit(code)
        pids.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * 12
    assert Run("F/1").user_tags == {"b", *(f"from-{number}" for number in range(12))}
