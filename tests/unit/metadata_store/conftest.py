"""A store in a temporary directory, and runs to put into it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import pytest

from metaflow.metadata_store.sqlite.store import SqliteMetadataStore
from metaflow.model.artifact import ArtifactRef, Part
from metaflow.model.records import NewRun

NewRunMaker = Callable[..., NewRun]
RefMaker = Callable[[str], ArtifactRef]


@pytest.fixture
def path(tmp_path) -> str:
    return str(tmp_path / "metadata.db")


@pytest.fixture
def store(path) -> Iterator[SqliteMetadataStore]:
    store = SqliteMetadataStore(path)
    yield store
    store.close()


@pytest.fixture
def new_run() -> NewRunMaker:
    def make(run_id: str = "1", flow: str = "F", **given) -> NewRun:
        values = {
            "created_at": 100.0,
            "user": "ann",
            "tags": ("mine",),
            "system_tags": ("user:ann", "runtime:dev"),
            "metadata": {"runtime": "dev"},
            "origin_run_id": None,
            "pack": f"packs/{flow}/{run_id}",
        }
        return NewRun(flow, run_id, **{**values, **given})

    return make


@pytest.fixture
def ref() -> RefMaker:
    def make(name: str) -> ArtifactRef:
        digest = hashlib.sha256(name.encode()).hexdigest()
        return ArtifactRef(digest, "builtins.int", 5, "p5", 1, (Part(digest, 5, 0, 5, "pack", 7),))

    return make
