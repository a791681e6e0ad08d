"""An artifact store in an object store: all values, from other machines, and never wrong ones."""

from __future__ import annotations

import json
import os
import shutil
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from metaflow.artifact_store.opening import open_artifact_store
from metaflow.artifact_store.origins import add_origin
from metaflow.artifact_store.remote_place import open_blob_at
from metaflow.errors.object_store import ObjectStoreUnreachable
from metaflow.errors.storage import ArtifactCorrupt, ArtifactMissing, DataException
from metaflow.model.artifact import LZ4, RAW, ZSTD, ArtifactRef
from metaflow.testing.faulty_objects import FaultyObjectStore, Rates

PACK = "packs/TestFlow/1"
RANDOM = np.random.default_rng(0)


class Counted:
    """Objects that count how often what is asked of them, and fail on demand."""

    def __init__(self, objects):
        self.objects = objects
        self.asked = []
        self.fails = False

    def __getattr__(self, name):
        method = getattr(self.objects, name)

        def asked(*arguments, **options):
            self.asked.append(name)
            if self.fails:
                raise ObjectStoreUnreachable("file://x", name, "it is gone")
            return method(*arguments, **options)

        return asked

    def count(self, *names):
        return sum(self.asked.count(name) for name in names)


class Site:
    """A bucket, and machines with a cache each."""

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        self.bucket = folder / "bucket"
        self.monkeypatch = monkeypatch
        self.machine("here")

    def machine(self, name):
        self.cache = self.folder / name
        self.monkeypatch.setenv("METAFLOW_CLIENT_CACHE_PATH", str(self.cache))

    def open(self):
        store = open_artifact_store(f"file://{self.bucket}")
        store.place._objects = Counted(store.place.objects)
        return store

    def objects(self, folder):
        return sorted(path for path in (self.bucket / folder).rglob("*") if path.is_file())


@pytest.fixture
def site(tmp_path, monkeypatch):
    return Site(tmp_path, monkeypatch)


def asked(store):
    return store.place.objects


def save_one(store, value, known=None):
    refs, errors = store.save({"x": value}, PACK, known or {})
    assert not errors
    # As it travels to other processes.
    return ArtifactRef.from_json(json.loads(json.dumps(refs["x"])))


VALUES = {
    "number": 1,
    "text": "text",
    "long text": "ab" * 100_000,
    "bytes": RANDOM.bytes(300_000),
    "many bytes": RANDOM.bytes(17 << 20),
    "list": list(range(10_000)),
    "small array": np.arange(100),
    "array": RANDOM.random(50_000),
    "large array": RANDOM.random(1 << 20),
    "zeros": np.zeros(3 << 20),
    "more zeros": np.zeros(5 << 19),
    "nearly zeros": np.concatenate([np.zeros(40_000), [1.0]]),
    "frame": pd.DataFrame({"a": range(5000), "b": ["x", "y"] * 2500, "c": RANDOM.random(5000)}),
}


def same(left, right):
    if isinstance(left, pd.DataFrame):
        return left.equals(right)
    return np.array_equal(left, right)


@pytest.mark.parametrize("limit", ["10000", "0"])
@pytest.mark.parametrize("name", VALUES)
def test_a_value_comes_back_on_this_machine_and_on_another_one(site, monkeypatch, name, limit):
    monkeypatch.setenv("METAFLOW_CLIENT_CACHE_MAX_SIZE", limit)
    ref = save_one(site.open(), VALUES[name])
    for machine in ("here", "there", "there"):
        site.machine(machine)
        assert same(site.open().load(ref), VALUES[name])


def test_a_neighbour_finds_what_was_stored_without_asking(site):
    refs, _ = site.open().save(VALUES, PACK)
    store = site.open()
    for name, value in VALUES.items():
        assert same(store.load(refs[name]), value)
    assert asked(store).asked == []


def test_what_was_fetched_once_is_not_fetched_again(site):
    refs, _ = site.open().save(VALUES, PACK)
    site.machine("there")
    first = site.open()
    for ref in refs.values():
        first.load(ref)
    assert asked(first).count("get", "get_pieces") > 0
    second = site.open()
    for ref in refs.values():
        second.load(ref)
    assert asked(second).asked == []


def test_small_artifacts_of_a_task_are_one_object(site):
    store = site.open()
    refs, _ = store.save({f"x{number}": number for number in range(100)}, PACK)
    assert len(site.objects("packs")) == 1
    assert asked(store).asked == ["put"]
    site.machine("there")
    reader = site.open()
    assert [reader.load(ref) for ref in refs.values()] == list(range(100))
    assert asked(reader).asked == ["get"]


def test_the_codecs_are_those_of_local_stores(site):
    store = site.open()
    assert save_one(store, np.zeros(5 << 19)).parts[-1].codec == ZSTD
    assert save_one(store, VALUES["nearly zeros"]).parts[-1].codec == LZ4
    assert save_one(store, VALUES["large array"]).parts[-1].codec == RAW


def test_what_is_unchanged_is_not_sent_again(site):
    store = site.open()
    refs, _ = store.save(VALUES, PACK)
    again = site.open()
    repeated, _ = again.save(VALUES, PACK, refs)
    assert repeated == refs
    assert asked(again).asked == []


def test_a_blob_that_another_run_has_sent_is_not_sent_again(site):
    value = VALUES["large array"]
    first = save_one(site.open(), value)
    sent = {path: path.stat().st_mtime_ns for path in site.objects("blobs")}
    store = site.open()
    refs, _ = store.save({"x": value}, "packs/TestFlow/2")
    assert refs["x"].parts[-1] == first.parts[-1]
    assert {path: path.stat().st_mtime_ns for path in site.objects("blobs")} == sent
    # And in one process it is not even asked for.
    before = asked(store).count("size")
    store.save({"y": value.copy()}, "packs/TestFlow/2")
    assert asked(store).count("size") == before


def test_a_large_array_is_mapped_and_known_when_it_is_unchanged(site):
    ref = save_one(site.open(), VALUES["large array"])
    site.machine("there")
    store = site.open()
    loaded = store.load(ref)
    asked(store).asked.clear()
    assert save_one(store, loaded, {"x": ref}) == ref
    assert asked(store).asked == []
    loaded[0] = 7  # a page of one's own; what is stored stays
    assert store.load(ref)[0] != 7
    assert save_one(store, loaded, {"x": ref}).digest != ref.digest


def test_a_file_comes_back_as_text_and_as_bytes(site, tmp_path):
    data = ("line of a file ä\n" * 800_000).encode()
    (tmp_path / "data").write_bytes(data)
    store = site.open()
    text = store.save_file(str(tmp_path / "data"), PACK, "utf-8")
    raw = store.save_file(str(tmp_path / "data"), PACK)
    site.machine("there")
    assert site.open().load(text) == data.decode()
    assert site.open().load(raw) == data


def test_items_are_read_one_by_one(site):
    store = site.open()
    few = store.save_items(["a", "b", "c"], PACK)
    many = store.save_items([f"{number:05}" for number in range(50_000)], PACK)
    site.machine("there")
    reader = site.open()
    assert reader.load_item(few, 1) == "b"
    assert [reader.load_item(many, place) for place in (0, 49_999)] == ["00000", "49999"]
    with pytest.raises(IndexError):
        reader.load_item(few, 3)


def test_a_blob_of_its_own_is_found_again(site):
    store = site.open()
    assert not store.has_blob("0" * 64, 3)
    part = store.save_blob(b"abc")
    assert store.has_blob(part.digest, 3)
    address = f"file://{site.bucket}/blobs/{part.digest[:2]}/{part.digest}"
    for machine in ("here", "there"):
        site.machine(machine)
        with open(open_blob_at(address), "rb") as file:
            assert file.read() == b"abc"
    with pytest.raises(ArtifactMissing, match="0000"):
        open_blob_at(f"file://{site.bucket}/blobs/00/{'0' * 64}")


def test_a_store_refers_to_the_bytes_of_an_object_store(site, tmp_path):
    refs, _ = site.open().save(VALUES, PACK)
    root = tmp_path / "spun"
    root.mkdir()
    add_origin(str(root), f"file://{site.bucket}")
    add_origin(str(root), f"file://{site.bucket}")
    assert (root / "origins").read_text() == f"file://{site.bucket}\n"
    for machine in ("here", "there"):
        site.machine(machine)
        local = open_artifact_store(str(root))
        for name, value in VALUES.items():
            assert same(local.load(refs[name]), value)
    site.bucket.rename(tmp_path / "gone")
    site.machine("elsewhere")
    with pytest.raises(ArtifactMissing):
        open_artifact_store(str(root)).load(refs["number"])


# ── what is damaged or gone ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("limit", ["10000", "0"])
@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "longer", "gone"])
@pytest.mark.parametrize("name", ["number", "text", "long text", "many bytes", "array",
                                  "large array", "zeros", "nearly zeros"])  # fmt: skip
def test_an_object_that_is_damaged_never_yields_a_value(site, monkeypatch, name, damage, limit):
    monkeypatch.setenv("METAFLOW_CLIENT_CACHE_MAX_SIZE", limit)
    ref = save_one(site.open(), VALUES[name])
    site.machine("there")
    objects = site.objects("packs") + site.objects("blobs")
    for path in objects:
        data = bytearray(path.read_bytes())
        if damage == "flip":
            data[len(data) // 2] ^= 1
        elif damage == "cut":
            del data[-1]
        elif damage == "empty":
            data.clear()
        elif damage == "longer":
            data += b"x"
        path.write_bytes(data)
        if damage == "gone":
            path.unlink()
    found, error = outcome(site.open(), ref)
    if damage == "longer" or (damage == "flip" and error is None):
        # What stands behind a part is not looked at, nor all of what a record says of itself.
        assert same(found, VALUES[name])
        return
    assert type(error) is (ArtifactMissing if damage == "gone" else ArtifactCorrupt)
    assert str(site.bucket) in error.message


def outcome(store, ref):
    try:
        return store.load(ref), None
    except DataException as error:
        return None, error


@pytest.mark.parametrize("name", VALUES)
def test_a_copy_that_is_damaged_is_fetched_anew(site, name):
    ref = save_one(site.open(), VALUES[name])
    copies = [path for path in site.cache.glob("*/*/*") if path.is_file()]
    assert copies
    for path in copies:
        found = path.stat()
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        if len(data) < 1 << 20 and not path.name.endswith(".record"):
            # As if the disk had done it.
            os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert same(site.open().load(ref), VALUES[name])


@pytest.mark.parametrize("name", ["text", "many bytes", "large array", "zeros"])
def test_a_check_looks_at_the_store_itself(site, name):
    ref = save_one(site.open(), VALUES[name])
    store = site.open()
    for part in ref.parts:
        store.verify(part)
    path = max(site.objects("packs") + site.objects("blobs"), key=lambda path: path.stat().st_size)
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    later = site.open()
    assert same(later.load(ref), VALUES[name])  # from the cache
    with pytest.raises(ArtifactCorrupt):
        list(map(later.verify, ref.parts))


def test_a_cache_that_is_gone_is_no_error(site):
    refs, _ = site.open().save(VALUES, PACK)
    store = site.open()
    assert store.load(refs["number"]) == 1
    shutil.rmtree(site.cache)
    for name, value in VALUES.items():
        assert same(store.load(refs[name]), value)


@pytest.mark.parametrize("name", ["number", "bytes", "large array", "zeros"])
def test_a_store_that_cannot_be_reached_fails_the_call(site, name):
    store = site.open()
    asked(store).fails = True
    with pytest.raises(ObjectStoreUnreachable):
        store.save({"x": VALUES[name]}, PACK)
    asked(store).fails = False
    ref = save_one(store, VALUES[name])
    site.machine("there")
    store = site.open()
    asked(store).fails = True
    with pytest.raises(ObjectStoreUnreachable):
        store.load(ref)
    asked(store).fails = False
    assert same(store.load(ref), VALUES[name])


RATES = Rates(error=0.15, lost=0.1, torn=0.15, truncated=0.15, flipped=0.15)
FEW = {name: VALUES[name] for name in ("number", "text", "array", "large array", "nearly zeros")}


@pytest.mark.parametrize("seed", range(12))
def test_whatever_a_store_does_a_value_is_right_or_not_there(site, seed):
    writer = site.open()
    writer.place._objects = FaultyObjectStore(asked(writer).objects, RATES, seed=seed)
    refs = {}
    for name, value in FEW.items():
        try:
            refs[name] = save_one(writer, value)
        except DataException:
            refs[name] = save_one(site.open(), value)
    site.machine("there")
    reader = site.open()
    faulty = FaultyObjectStore(asked(reader).objects, RATES, seed=seed)
    reader.place._objects = faulty
    for _ in range(6):
        for name, ref in refs.items():
            found, error = outcome(reader, ref)
            assert error is not None or same(found, VALUES[name])
        if seed % 2:
            shutil.rmtree(site.cache, ignore_errors=True)
    assert faulty.injected or writer.place._objects.injected
    healthy = site.open()
    for name, ref in refs.items():
        assert same(healthy.load(ref), VALUES[name])


def test_access_is_checked_by_writing(site):
    store = site.open()
    store.check_access()
    assert json.loads((site.bucket / "millrace.json").read_text()) == {"layout": 1}
    store.check_access()
    asked(store).fails = True
    with pytest.raises(ObjectStoreUnreachable):
        store.check_access()


def test_saving_a_long_text_takes_little_memory(site):
    value = RANDOM.bytes(120 << 20)
    store = site.open()
    save_one(store, 1)
    tracemalloc.start()
    try:
        ref = save_one(store, value)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 80 << 20
    site.machine("there")
    store = site.open()
    tracemalloc.start()
    try:
        assert store.load(ref) == value
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most - len(value) < 160 << 20
