"""Serializers of plug-ins: states, order, errors, warnings."""

# ruff: noqa: A002, A006 - the keyword of the contract

from __future__ import annotations

import sys
import types

import pytest

from metaflow.artifact_store import store as store_module
from metaflow.artifact_store.local import LocalArtifactStore
from metaflow.datastore.artifacts import (
    ArtifactSerializer,
    SerializationFormat,
    SerializationMetadata,
    SerializedBlob,
    SerializerStore,
    list_serializer_status,
)
from metaflow.datastore.exceptions import DataException
from metaflow.errors.base import MetaflowException
from metaflow.errors.serializer import SerializerMissing
from metaflow.exception import MetaflowException as PublicException


class Thing:
    def __init__(self, word):
        self.word = word

    def __eq__(self, other):
        return isinstance(other, Thing) and self.word == other.word

    __hash__ = None


def make(type_="thing", priority=100, **methods):
    """Make a serializer of things that calls itself in what it stores."""

    def serialize(cls, obj, format):
        assert format is SerializationFormat.STORAGE
        data = f"{type_}:{obj.word}".encode()
        return [SerializedBlob(data)], SerializationMetadata("Thing", len(data), type_, {})

    found = {
        "can_serialize": lambda cls, obj: isinstance(obj, Thing),
        "can_deserialize": lambda cls, metadata: metadata.encoding == type_,
        "serialize": serialize,
        "deserialize": lambda cls, data, metadata, format: Thing(data[0].decode()),
    } | methods
    body = {name: classmethod(method) for name, method in found.items()}
    return type("Made", (ArtifactSerializer,), {"TYPE": type_, "PRIORITY": priority, **body})


@pytest.fixture
def plug(monkeypatch):
    """Let these be the serializers of this process."""

    def plugged(**makers):
        store = SerializerStore(makers)
        monkeypatch.setattr(SerializerStore, "_found", [store])
        return store

    monkeypatch.setattr(store_module, "_CHECKED", [False])
    return plugged


@pytest.fixture
def store(tmp_path):
    made = LocalArtifactStore(str(tmp_path))
    yield made
    made.close()


def save(store, **values):
    return store.save(values, "pack")


def state(name):
    return {told["name"]: told["state"] for told in list_serializer_status()}[name]


def test_what_one_takes_comes_back_through_it(plug, store):
    plug(thing=make)
    refs, errors = save(store, thing=Thing("a"), number=3, many=[1, 2])
    assert errors == {}
    assert store.load(refs["thing"]) == Thing("thing:a")
    assert (refs["thing"].type, refs["thing"].size) == ("Thing", 7)
    assert [store.load(refs[name]) for name in ("number", "many")] == [3, [1, 2]]


def test_what_is_unchanged_is_not_stored_again(plug, store):
    plug(thing=make)
    refs, _ = save(store, thing=Thing("a"))
    again, _ = store.save({"thing": Thing("a")}, "other", refs)
    assert again["thing"] is refs["thing"]


def test_large_values_are_stored_in_parts(plug, store):
    plug(thing=make)
    refs, _ = save(store, thing=Thing("x" * (40 << 20)))
    assert len(refs["thing"].parts) == 3
    assert len(store.load(refs["thing"]).word) == (40 << 20) + 6


def test_lower_priorities_are_asked_first_and_the_last_among_equals(plug, store):
    plug(
        late=lambda: make("late", 200),
        first=lambda: make("first"),
        second=lambda: make("second"),
        after_pickle=lambda: make("after", 9999),
    )
    refs, _ = save(store, thing=Thing("a"))
    assert store.load(refs["thing"]).word == "second:a"


def test_after_pickle_nobody_is_asked(plug, store):
    plug(after=lambda: make("after", 9999))
    refs, _ = save(store, thing=Thing("a"))
    assert refs["thing"].encoding == "pickle5"


def test_an_inherited_type_cannot_be_declared_again():
    parent = make()
    with pytest.raises(TypeError, match="'thing' that it inherits"):
        type("Child", (parent,), {"TYPE": "thing"})
    assert type("Child", (parent,), {}).TYPE == "thing"


def test_one_that_raises_when_asked_is_skipped(plug, store):
    def can_serialize(cls, obj):
        raise LookupError("where?")

    plug(thing=make, rude=lambda: make("rude", 1, can_serialize=can_serialize))
    with pytest.warns(RuntimeWarning, match="`can_serialize` of the serializer `rude` raised"):
        refs, _ = save(store, thing=Thing("a"))
    assert store.load(refs["thing"]).word == "thing:a"


def test_errors_name_the_serializer_and_the_artifact(plug, store):
    def serialize(cls, obj, format):
        raise LookupError("lost")

    plug(thing=lambda: make(serialize=serialize))
    _, errors = save(store, mine=Thing("a"))
    assert isinstance(errors["mine"], DataException)
    assert "`thing` failed on artifact `mine`: LookupError: lost" in str(errors["mine"])


def test_errors_of_the_framework_pass_through(plug, store):
    def serialize(cls, obj, format):
        raise PublicException("say this")

    plug(thing=lambda: make(serialize=serialize))
    _, errors = save(store, mine=Thing("a"))
    assert type(errors["mine"]) is MetaflowException
    assert str(errors["mine"]) == "say this"


@pytest.mark.parametrize(
    ("blobs", "problem"),
    [
        ([], "it made 0 blobs"),
        ([b"a", b"b"], "it made 2 blobs"),
        (["text"], "its blob is of type str"),
    ],
)
def test_exactly_one_blob_is_needed(plug, store, blobs, problem):
    def serialize(cls, obj, format):
        return blobs, SerializationMetadata("Thing", 0, "thing", {})

    plug(thing=lambda: make(serialize=serialize))
    _, errors = save(store, mine=Thing("a"))
    assert problem in str(errors["mine"])


def test_states(plug, monkeypatch):
    def waiting(cls):
        cls.lazy_import("some_library", "library")

    def broken():
        raise RuntimeError("no")

    plug(
        active=make,
        waiting=lambda: make("waiting", setup_imports=waiting),
        broken=broken,
        wrong=lambda: Thing,
        off=None,
    )
    with pytest.warns(RuntimeWarning, match="is left out") as warned:
        told = {entry["name"]: entry for entry in list_serializer_status()}
    assert len(warned) == 2
    assert {name: entry["state"] for name, entry in told.items()} == {
        "active": "active",
        "waiting": "pending_on_imports",
        "broken": "broken",
        "wrong": "broken",
        "off": "disabled",
    }
    assert told["waiting"]["waits_for"] == "some_library"
    assert told["broken"]["problem"] == "RuntimeError: no"
    monkeypatch.setitem(sys.modules, "some_library", types.ModuleType("some_library"))
    assert state("waiting") == "active"


def test_states_on_the_way(plug):
    seen = []

    def setup_imports(cls, context):
        seen.append(serializers._plugins["thing"].state.value)
        context.lazy_import("sys", "system")

    def load():
        seen.append(serializers._plugins["thing"].state.value)
        return make(setup_imports=setup_imports)

    serializers = plug(thing=load)
    assert serializers._plugins["thing"].state.value == "known"
    assert serializers["thing"].system is sys
    assert seen == ["importing", "importing_deps"]


def test_a_name_that_is_not_there(plug):
    serializers = plug(thing=make)
    assert serializers["thing"].TYPE == "thing"
    with pytest.raises(KeyError, match="nothing"):
        serializers["nothing"]


def test_nobody_can_read_it(plug, store):
    plug(thing=make)
    refs, _ = save(store, thing=Thing("a"))
    plug()
    with pytest.raises(SerializerMissing, match="of the package `"):
        store.load(refs["thing"])


def test_another_one_may_read_it(plug, store):
    plug(thing=make)
    refs, _ = save(store, thing=Thing("a"))
    plug(heir=lambda: make("heir", can_deserialize=lambda cls, metadata: True))
    assert store.load(refs["thing"]) == Thing("thing:a")


def test_a_serializer_can_be_registered_by_a_program(plug, store):
    plug().register(make("mine"))
    refs, _ = save(store, thing=Thing("a"))
    assert store.load(refs["thing"]).word == "mine:a"
