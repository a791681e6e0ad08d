"""With DURABILITY=power, all that a reference needs is on the disk when it is handed out."""

from __future__ import annotations

import os

import pytest

from metaflow.artifact_store.local import LocalArtifactStore
from metaflow.artifact_store.logs import RunLogWriter
from metaflow.metadata_store.sqlite.store import SqliteMetadataStore
from metaflow.settings import durability

PACK = "packs/F/1"


class Disk:
    """What the machine would lose: written files and changed folders that nobody has forced."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.volatile: set[str] = set()
        self.syncs = 0
        self._real = {name: getattr(os, name) for name in ("write", "fsync", "rename", "mkdir")}
        for name in ("write", "fsync", "rename", "mkdir"):
            monkeypatch.setattr(os, name, getattr(self, name))

    @staticmethod
    def _path(descriptor: int) -> str:
        return os.readlink(f"/proc/self/fd/{descriptor}")

    def write(self, descriptor: int, data: bytes) -> int:
        path = self._path(descriptor)
        if os.fstat(descriptor).st_size == 0:
            self.volatile.add(os.path.dirname(path))
        self.volatile.add(path)
        return self._real["write"](descriptor, data)

    def fsync(self, descriptor: int) -> None:
        self.syncs += 1
        self.volatile.discard(self._path(descriptor))

    def rename(self, old: str, new: str) -> None:
        self._real["rename"](old, new)
        if old in self.volatile:
            self.volatile.remove(old)
            self.volatile.add(new)
        self.volatile |= {os.path.dirname(old), os.path.dirname(new)}

    def mkdir(self, path: str, mode: int = 0o777) -> None:
        self._real["mkdir"](path, mode)
        self.volatile |= {path, os.path.dirname(path)}


@pytest.fixture
def power(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durability, "survives_power_loss", lambda: True)
    monkeypatch.setattr("metaflow.artifact_store.blobs.survives_power_loss", lambda: True)
    monkeypatch.setattr("metaflow.artifact_store.logs.survives_power_loss", lambda: True)
    monkeypatch.setattr(
        "metaflow.metadata_store.sqlite.connection.survives_power_loss", lambda: True
    )


def lost(disk: Disk, root: str) -> set[str]:
    """What would be lost, but for folders whose new names nobody was told of."""
    return {path for path in disk.volatile if not os.path.isdir(path) or _matters(path, root)}


def _matters(path: str, root: str) -> bool:
    return path != f"{root}/blobs"  # names of temporary files come and go in it


def test_nothing_is_forced_unless_asked_for(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch)
    store = LocalArtifactStore(str(tmp_path))
    store.save({"small": [1] * 100, "large": os.urandom(1 << 17)}, PACK)
    assert disk.syncs == 0
    assert disk.volatile


@pytest.mark.usefixtures("power")
def test_small_and_large_parts_and_their_names(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = str(tmp_path / "a" / "b")
    disk = Disk(monkeypatch)
    store = LocalArtifactStore(root)
    refs, problems = store.save({"small": [1] * 100, "large": os.urandom(1 << 17)}, PACK)
    assert not problems
    assert lost(disk, root) == set()
    assert any(not part.pack for ref in refs.values() for part in ref.parts)


@pytest.mark.usefixtures("power")
def test_what_another_has_written_is_forced_before_it_is_referred_to(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, data = str(tmp_path), os.urandom(1 << 17)
    with monkeypatch.context() as careless:
        careless.setattr(durability, "survives_power_loss", lambda: False)
        disk = Disk(monkeypatch)
        LocalArtifactStore(root).save({"large": data}, "packs/F/0")
    assert lost(disk, root)
    LocalArtifactStore(root).save({"large": data}, PACK)
    assert {path for path in lost(disk, root) if "/blobs/" in path} == set()


@pytest.mark.usefixtures("power")
def test_a_log(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch)
    log = RunLogWriter(str(tmp_path / "logs" / "F" / "1"))
    log.append(b"some")
    assert lost(disk, str(tmp_path))
    log.settle()
    log.close()
    assert lost(disk, str(tmp_path)) == set()


@pytest.mark.usefixtures("power")
def test_facts_are_committed_with_care(path_of_facts: str) -> None:
    store = SqliteMetadataStore(path_of_facts)
    assert store.connection.row("PRAGMA synchronous") == (2,)
    store.close()


def test_facts_are_committed_at_ease(path_of_facts: str) -> None:
    store = SqliteMetadataStore(path_of_facts)
    assert store.connection.row("PRAGMA synchronous") == (1,)
    store.close()


@pytest.fixture
def path_of_facts(tmp_path) -> str:
    return str(tmp_path / "metadata.db")
