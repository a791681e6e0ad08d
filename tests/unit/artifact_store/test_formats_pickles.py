"""Pickles are written and read as the setting says, and only those of this user when asked."""

from __future__ import annotations

import os
import stat
from types import SimpleNamespace

import numpy as np
import pytest

from metaflow.artifact_store.local import LocalArtifactStore
from metaflow.errors.input import SettingInvalid
from metaflow.errors.storage import (
    ArtifactCorrupt,
    PickleDenied,
    PickleRefused,
    SealingKeyUnusable,
)
from metaflow.model.artifact import ArtifactRef

PACK = "packs/TestFlow/1"


@pytest.fixture
def open_store(tmp_path, monkeypatch):
    monkeypatch.setenv("METAFLOW_HOME", str(tmp_path / "home"))

    def make(mode):
        monkeypatch.setenv("METAFLOW_PICKLE", mode)
        return LocalArtifactStore(str(tmp_path / "store"))

    return make


def save_one(store, value):
    refs, errors = store.save({"x": value}, PACK)
    assert not errors
    return refs["x"]


def test_what_needs_a_pickle_is_an_error_when_they_are_denied(open_store):
    store = open_store("deny")
    refs, errors = store.save({"a": 1, "model": SimpleNamespace(), "b": [1]}, PACK)
    assert refs.keys() == {"a", "b"}
    error = errors["model"]
    assert isinstance(error, PickleDenied)
    assert (error.artifact, error.type) == ("model", "types.SimpleNamespace")
    assert "serializer" in error.hint


def test_no_pickle_is_read_when_they_are_denied(open_store):
    ref = save_one(open_store("allow"), SimpleNamespace(a=1))
    items = open_store("allow").save_items([SimpleNamespace(a=1)], PACK)
    store = open_store("deny")
    with pytest.raises(PickleRefused, match=r"types\.SimpleNamespace.*METAFLOW_PICKLE=deny"):
        store.load(ref)
    with pytest.raises(PickleRefused):
        store.load_item(items, 0)
    assert store.save_items([SimpleNamespace(a=1)], PACK) is None
    assert open_store("allow").load(ref) == SimpleNamespace(a=1)


def test_items_in_open_formats_are_read_when_pickles_are_denied(open_store):
    store = open_store("deny")
    items = [1, "a", None, (1, 2), {"a": [1]}, {3: 4}, 0.5, {"$tuple": 1}]
    ref = store.save_items(items, PACK)
    assert [store.load_item(ref, index) for index in range(len(items))] == items


def test_a_sealed_pickle_is_read_by_the_same_user_only(open_store, monkeypatch, tmp_path):
    value = {"model": SimpleNamespace(weights=np.arange(300_000))}
    ref = save_one(open_store("trusted"), value)
    assert ref.encoding == "pickle5"
    key = tmp_path / "home" / "sealing.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    loaded = open_store("trusted").load(ref)
    np.testing.assert_array_equal(loaded["model"].weights, value["model"].weights)
    through_json = ArtifactRef.from_json([*ref[:6], dict(ref.about)])
    assert open_store("trusted").load(through_json)["model"].weights[1] == 1
    monkeypatch.setenv("METAFLOW_HOME", str(tmp_path / "other"))
    with pytest.raises(PickleRefused, match="no seal"):
        open_store("trusted").load(ref)


def test_a_pickle_without_a_seal_or_with_another_is_not_trusted(open_store):
    plain = save_one(open_store("allow"), SimpleNamespace(a=1))
    store = open_store("trusted")
    with pytest.raises(PickleRefused):
        store.load(plain)
    sealed = save_one(store, SimpleNamespace(a=2))
    assert store.load(sealed) == SimpleNamespace(a=2)
    for forged in (
        plain._replace(about=sealed.about),
        sealed._replace(parts=plain.parts),
        sealed._replace(about={"seal": "0" * 64}),
        sealed._replace(about={"seal": 5}),
        sealed._replace(about=None),
    ):
        with pytest.raises(PickleRefused):
            store.load(forged)


def test_an_unsealed_artifact_is_sealed_when_it_is_stored_again(open_store):
    value = SimpleNamespace(a=1)
    plain = save_one(open_store("allow"), value)
    store = open_store("trusted")
    refs, _ = store.save({"x": value}, PACK, {"x": plain})
    assert store.load(refs["x"]) == value
    assert refs["x"].digest == plain.digest


def test_what_is_sealed_is_compared_with_its_digest(open_store, tmp_path):
    ref = save_one(open_store("trusted"), [np.arange(400_000)])
    blob = max(ref.parts, key=lambda part: part.size)
    path = tmp_path / "store" / "blobs" / blob.digest[:2] / blob.digest
    with path.open("r+b") as file:
        file.write(b"changed!")
    with pytest.raises(ArtifactCorrupt):
        open_store("trusted").load(ref)


def test_pickled_items_are_not_trusted_but_the_whole_artifact_is(open_store):
    store = open_store("trusted")
    items = [SimpleNamespace(a=1)]
    assert store.save_items(items, PACK) is None
    assert store.load(save_one(store, items)) == items


@pytest.mark.parametrize("fault", ["short", "open to others"])
def test_a_key_that_is_none_is_not_used(open_store, tmp_path, fault):
    store = open_store("trusted")
    save_one(store, SimpleNamespace())
    key = tmp_path / "home" / "sealing.key"
    if fault == "short":
        key.write_bytes(b"abc")
    else:
        os.chmod(key, 0o644)
    with pytest.raises(SealingKeyUnusable):
        open_store("trusted").save({"x": SimpleNamespace()}, PACK)


def test_another_word_is_refused(open_store):
    with pytest.raises(SettingInvalid, match="allow, trusted, deny"):
        open_store("sometimes")
