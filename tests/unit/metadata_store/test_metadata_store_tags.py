"""Which strings may be tags, and how a run's tags change."""

from __future__ import annotations

import json

import pytest

from metaflow.errors.metadata import (
    MetaflowTaggingError,
    NoTagsGiven,
    SystemTagRemoved,
    TagInvalid,
    TooManyTags,
)
from metaflow.metadata_store.tags import check_tags, plan_change


@pytest.mark.parametrize("tag", ["", "x" * 501, "\ud800", 7, None, b"bytes"])
def test_what_cannot_be_a_tag(tag):
    with pytest.raises(TagInvalid) as caught:
        check_tags(["fine", tag])
    assert caught.value.tag == tag
    assert caught.value.headline == "Tagging error"


def test_what_can_be_a_tag():
    tags = ["a b", "ü" * 500, "user:ann", "日本", "a;b"]
    assert check_tags([*tags, "a b"]) == tuple(tags)


def test_fifty_tags_and_no_more():
    tags = [str(number) for number in range(51)]
    assert len(check_tags(tags[:50])) == 50
    with pytest.raises(TooManyTags):
        check_tags(tags)
    present = dict.fromkeys(tags[:50], False) | {"sys": True}
    with pytest.raises(TooManyTags) as caught:
        plan_change(present, [], ["one more"])
    assert (caught.value.count, caught.value.allowed) == (51, 50)
    assert plan_change(present, ["0"], ["one more"]) == (("0",), ("one more",))
    assert plan_change(present, [], ["1", "sys"]) == ((), ())


def test_a_change_is_all_or_nothing(store, new_run):
    key = store.begin_run(new_run(tags=("a", "b")))

    def tags():
        return {tag for tag, system in json.loads(store.run_again(key).tags).items() if not system}

    store.change_tags(key, remove=["a", "absent"], add=["c", "runtime:dev"])
    assert tags() == {"b", "c"}
    store.change_tags(key, remove=["b"], add=["b"])
    assert tags() == {"b", "c"}
    with pytest.raises(SystemTagRemoved):
        store.change_tags(key, remove=["b", "runtime:dev"], add=["d"])
    with pytest.raises(TagInvalid):
        store.change_tags(key, remove=["b"], add=["d", ""])
    with pytest.raises(NoTagsGiven) as caught:
        store.change_tags(key)
    assert isinstance(caught.value, MetaflowTaggingError)
    assert "names no tag" in str(caught.value)
    assert tags() == {"b", "c"}
    assert [run.run_id for run in store.runs(store.flow("F").key, ("c",))] == ["1"]
    assert store.runs(store.flow("F").key, ("a",)) == []
