"""What cannot be stored or read says so, harms nothing else, and leaves nothing behind."""

from __future__ import annotations

import os
import pickle
import resource
import subprocess
import threading

import numpy as np
import pytest

from metaflow.artifact_store.local import LocalArtifactStore
from metaflow.artifact_store.logs import RunLogWriter, read_log
from metaflow.errors.storage import (
    ArtifactCorrupt,
    ArtifactMissing,
    DataException,
    StorageFull,
    StorageUnavailable,
    UnknownEncoding,
    UnpicklableArtifactException,
)

PACK = "packs/TestFlow/1"


@pytest.fixture
def store(tmp_path):
    return LocalArtifactStore(str(tmp_path))


class Model:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Stubborn:
    def __reduce__(self):
        raise ValueError("I stay here")


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (threading.Lock(), None),
        ({"a": 1, "b": [2, threading.Lock()]}, "self.bad['b'][1]"),
        (Model(name="m", cache={"lock": threading.Lock()}), "self.bad.cache['lock']"),
        (Model(inner=Model(fine=1, call=lambda: 0)), "self.bad.inner.call"),
        ((1, np.array([threading.Lock()])), "self.bad[1]"),
    ],
    ids=["itself", "dict", "attribute", "lambda", "array"],
)
def test_an_unpicklable_value_is_named(store, value, where):
    refs, errors = store.save({"good": 1, "bad": value, "better": [2]}, PACK)
    assert {name: store.load(ref) for name, ref in refs.items()} == {"good": 1, "better": [2]}
    error = errors["bad"]
    assert isinstance(error, UnpicklableArtifactException)
    assert error.headline == "Cannot pickle artifact"
    assert error.where == where
    assert "`bad`" in str(error)
    assert type(value).__qualname__ in str(error)
    assert str(error.__cause__) in str(error)


def test_a_value_that_raises_when_pickled_is_reported(store):
    refs, errors = store.save({"bad": {"deep": Stubborn()}}, PACK)
    assert not refs
    assert "ValueError: I stay here" in str(errors["bad"])
    assert errors["bad"].where == "self.bad['deep']"
    assert not os.path.exists(os.path.join(store._root, PACK))


def test_a_value_nested_without_end_is_reported(store):
    value = []
    for _ in range(100_000):
        value = [value]
    refs, errors = store.save({"deep": value, "fine": 1}, PACK)
    assert list(refs) == ["fine"]
    assert "RecursionError" in str(errors["deep"])


def test_errors_survive_pickling():
    for error in (
        UnpicklableArtifactException("x", "a.B", "TypeError: no", "self.x.y"),
        StorageFull("/p", "No space left on device"),
        StorageUnavailable("/p", "Permission denied"),
        ArtifactMissing("/p", "ab" * 32),
        ArtifactCorrupt("/p", "ab" * 32, "too short"),
        UnknownEncoding("new", "a.B", ("pickle5",)),
    ):
        again = pickle.loads(pickle.dumps(error))
        assert (str(again), vars(again)) == (str(error), vars(error))
        assert isinstance(again, DataException)


def test_an_unknown_encoding_is_named(store):
    refs, _ = store.save({"x": 1}, PACK)
    with pytest.raises(UnknownEncoding, match="`pickle9`"):
        store.load(refs["x"]._replace(encoding="pickle9"))


def test_missing_files_are_named(store):
    array = np.random.default_rng(0).random(300_000)
    refs, _ = store.save({"small": 1, "large": array, "bytes": os.urandom(100_000)}, PACK)
    fresh = LocalArtifactStore(store._root)
    os.unlink(os.path.join(store._root, PACK))
    for name in ("large", "bytes"):
        part = next(part for part in refs[name].parts if not part.pack)
        os.unlink(store._blobs.path(part.digest, part.codec))
    for ref in refs.values():
        with pytest.raises(ArtifactMissing, match=store._root):
            fresh.load(ref)


@pytest.mark.parametrize("damage", ["cut", "overwrite"])
def test_damaged_files_are_told_from_good_ones(store, damage):
    text = [f"text {i} {i * i * 7919 % 1_000_003}" for i in range(100_000)]
    values = {
        "small": 17,
        "packed": ["compressed text"] * 500,
        "buffer": np.random.default_rng(0).random(5_000),
        "read": np.random.default_rng(0).random(50_000),
        "zstd": text,
        "zstd_buffer": np.zeros(8 << 20),
    }
    refs, errors = store.save(values, PACK)
    assert not errors
    items = store.save_items(list(range(100)), PACK)
    for folder, _, names in os.walk(store._root):
        for name in names:
            path = os.path.join(folder, name)
            size = os.path.getsize(path)
            if damage == "cut":
                os.truncate(path, 10)
            else:
                with open(path, "r+b") as file:
                    file.write(b"\x01" * size)
    fresh = LocalArtifactStore(store._root)
    for ref in refs.values():
        with pytest.raises(ArtifactCorrupt):
            fresh.load(ref)
    with pytest.raises(ArtifactCorrupt):
        fresh.load_item(items, 50)


def test_a_cut_mapped_file_is_told(store):
    array = np.random.default_rng(0).random(1 << 18)
    refs, _ = store.save({"x": array}, PACK)
    os.truncate(store._blobs.path(refs["x"].parts[-1].digest, 0), 4096)
    with pytest.raises(ArtifactCorrupt):
        store.load(refs["x"])


def test_a_root_that_cannot_be_written_to_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    store = LocalArtifactStore(str(blocked))
    with pytest.raises(StorageUnavailable, match="Not a directory"):
        store.save({"x": 1}, PACK)
    with pytest.raises(StorageUnavailable, match="Not a directory"):
        store.save({"x": np.random.default_rng(0).random(50_000)}, PACK)


@pytest.fixture
def tiny_disk(tmp_path):
    """Folder on a disk of 1 MiB, where mounting one is allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting needs privileges; a limit on file sizes stands in, see below")
    yield str(folder)
    subprocess.run(["umount", str(folder)], check=True)


def leftovers(root):
    return [name for name in os.listdir(f"{root}/blobs") if name.startswith("tmp-")]


def test_a_full_disk_is_reported_and_cleaned_up(tiny_disk):
    store = LocalArtifactStore(tiny_disk)
    noise = np.random.default_rng(0)
    refs, _ = store.save({"first": noise.random(50_000)}, PACK)
    with pytest.raises(StorageFull, match="No space left on device") as caught:
        store.save({"large": noise.random(100_000)}, PACK)
    assert tiny_disk in str(caught.value)
    assert caught.value.hint
    assert not leftovers(tiny_disk)
    # The failed blob gave its room back: what fits can be stored.
    more, _ = store.save({"small": os.urandom(60_000)}, PACK)
    assert len(store.load(more["small"])) == 60_000
    assert len(store.load(refs["first"])) == 50_000
    # Now the pack itself runs out of room.
    acknowledged = dict(more)

    def fill():
        while True:
            name = f"s{len(acknowledged)}"
            acknowledged.update(store.save({name: os.urandom(60_000)}, PACK)[0])

    with pytest.raises(StorageFull, match="packs/TestFlow/1"):
        fill()
    assert len(acknowledged) > 2
    for ref in acknowledged.values():
        assert len(store.load(ref)) == 60_000
    log = RunLogWriter(f"{tiny_disk}/logs/TestFlow/1")
    with pytest.raises(StorageFull, match="logs/TestFlow/1"):
        log.append(os.urandom(1 << 20))
    log.close()
    store.close()


def in_child(action):
    """Run something in a forked child; it must return True."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = 0 if action() else 1
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_limit_on_file_sizes_is_a_full_disk_too(tmp_path):
    root = str(tmp_path)

    def fill():
        store = LocalArtifactStore(root)
        refs, _ = store.save({"first": os.urandom(60_000)}, PACK)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        full = []
        for value in (os.urandom(60_000), os.urandom(200_000)):
            try:
                store.save({"next": value}, PACK)
            except StorageFull as error:
                full.append(error.path)
        small, errors = store.save({"other": 1}, "packs/TestFlow/2")
        good = not errors and store.load(small["other"]) == 1
        return good and len(full) == 2 and len(store.load(refs["first"])) == 60_000

    assert in_child(fill)
    assert not leftovers(root)


def test_a_log_on_a_full_disk_goes_on_where_it_really_ends(tmp_path):
    path = str(tmp_path / "logs" / "TestFlow" / "1")

    def fill():
        log = RunLogWriter(path)
        log.append(b"a" * 60)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 1000))
        try:
            log.append(b"b" * 60)
        except StorageFull:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
            return read_log(path, log.append(b"c" * 10), 10) == b"c" * 10
        return False

    assert in_child(fill)
