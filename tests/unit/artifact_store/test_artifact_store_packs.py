"""Many processes append to one pack, some die at it: what was acknowledged loads right."""

from __future__ import annotations

import json
import os
import random
import select
import signal

import pytest
from blake3 import blake3

from metaflow.artifact_store.compression import decompress
from metaflow.artifact_store.local import LocalArtifactStore
from metaflow.artifact_store.pack import END, MAGIC, append_record, parts_of
from metaflow.model.artifact import RAW, ArtifactRef

PACK = "packs/TestFlow/1"


def entry(data):
    return blake3(data).hexdigest(), len(data), RAW, data


def content(path, part):
    with open(path, "rb") as file:
        file.seek(part.offset)
        return decompress(file.read(part.stored), part.codec, part.size)


def check(path):
    """Verify every record of a pack; return the digests."""
    found = list(parts_of(path, PACK))
    for part in found:
        assert blake3(content(path, part)).hexdigest() == part.digest
    return {part.digest for part in found}


def test_records_describe_themselves(tmp_path):
    path = str(tmp_path / PACK)
    first = append_record(path, PACK, [entry(b"one"), entry(b"")])
    second = append_record(path, PACK, [entry(b"two" * 1000)])
    assert list(parts_of(path, PACK)) == [*first, *second]
    assert [content(path, part) for part in first] == [b"one", b""]


def test_torn_records_are_skipped(tmp_path):
    path = str(tmp_path / PACK)
    expected = []
    with open(tmp_path / "whole", "wb"):
        pass
    append_record(str(tmp_path / "whole"), PACK, [entry(MAGIC + b"text" * 50 + END)])
    whole = (tmp_path / "whole").read_bytes()
    for length in (1, len(MAGIC), 12, 20, 61, 100, len(whole) - 1):
        expected += append_record(path, PACK, [entry(b"%d" % length)])
        with open(path, "ab") as file:
            file.write(whole[:length])
    assert list(parts_of(path, PACK)) == expected


def test_an_empty_pack_has_no_parts(tmp_path):
    (tmp_path / "empty").touch()
    assert not list(parts_of(str(tmp_path / "empty"), PACK))


def test_many_packs_can_be_read_with_few_open_files(tmp_path):
    store = LocalArtifactStore(str(tmp_path))
    refs = [store.save({"x": f"run {i}"}, f"packs/TestFlow/{i}")[0]["x"] for i in range(200)]
    before = len(os.listdir("/dev/fd"))
    assert [store.load(ref) for ref in refs] == [f"run {i}" for i in range(200)]
    assert len(os.listdir("/dev/fd")) < before + 100
    store.close()
    assert len(os.listdir("/dev/fd")) == before
    assert store.load(refs[0]) == "run 0"


def write_for_ever(store, seed, pipe):
    """Save values and acknowledge each save with one line; never returns."""
    source = random.Random(seed)
    number = 0
    while True:
        values = {}
        for _ in range(source.randrange(1, 6)):
            size = source.choice([1, 10, 3_000, 40_000, 70_000])
            values[f"{seed}-{number}"] = source.randbytes(size)
            number += 1
        refs, errors = store.save(values, PACK)
        assert not errors
        digests = {name: blake3(value).hexdigest() for name, value in values.items()}
        # Lines of a pipe stay whole up to 4096 bytes.
        os.write(pipe, json.dumps([refs, digests]).encode() + b"\n")


def test_concurrent_writers_killed_at_random_lose_nothing(tmp_path):
    store = LocalArtifactStore(str(tmp_path))
    store.save({"first": 1}, PACK)
    source = random.Random(20240607)
    reader, writer = os.pipe()
    pids = set()
    received = bytearray()
    seed = 0
    try:
        while received.count(b"\n") < 400 or seed < 20:
            while len(pids) < 6:
                seed += 1
                pid = os.fork()
                if pid == 0:
                    try:
                        write_for_ever(store, seed, writer)
                    finally:
                        os._exit(1)
                pids.add(pid)
            select.select([reader], [], [], 60)
            received += os.read(reader, 1 << 16)
            if source.random() < 0.3:
                victim = source.choice(sorted(pids))
                os.kill(victim, signal.SIGKILL)
                assert os.waitstatus_to_exitcode(os.waitpid(victim, 0)[1]) == -signal.SIGKILL
                pids.remove(victim)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        os.close(writer)
    while piece := os.read(reader, 1 << 16):
        received += piece
    os.close(reader)

    on_record = check(str(tmp_path / PACK))
    acknowledged = [json.loads(line) for line in received.splitlines()]
    assert len(acknowledged) >= 400
    for refs, digests in acknowledged:
        for name, data in refs.items():
            ref = ArtifactRef.from_json(data)
            assert blake3(store.load(ref)).hexdigest() == digests[name]
            assert {part.digest for part in ref.parts if part.pack} <= on_record


def test_a_save_is_one_append(tmp_path, monkeypatch):
    store = LocalArtifactStore(str(tmp_path))
    writes = []
    original = os.write
    monkeypatch.setattr(
        os, "write", lambda fd, data: writes.append(len(data)) or original(fd, data)
    )
    store.save({"a": 1, "b": ["text"] * 400, "c": os.urandom(5000)}, PACK)
    assert len(writes) == 1


def test_a_short_write_is_not_continued_but_repeated(tmp_path, monkeypatch):
    store = LocalArtifactStore(str(tmp_path))
    original = os.write
    calls = []

    def short_once(fd, data):
        calls.append(len(data))
        if len(calls) == 1:
            return original(fd, data[: len(data) // 2])
        return original(fd, data)

    monkeypatch.setattr(os, "write", short_once)
    refs, _ = store.save({"a": os.urandom(5000)}, PACK)
    assert len(calls) == 2
    assert calls[0] == calls[1]
    assert len(store.load(refs["a"])) == 5000
    assert check(str(tmp_path / PACK)) == {part.digest for part in refs["a"].parts}


def test_more_than_a_record_holds_is_stored_in_several(tmp_path):
    store = LocalArtifactStore(str(tmp_path))
    values = {f"n{i}": os.urandom(60_000) for i in range(400)}
    refs, errors = store.save(values, PACK)
    assert not errors
    assert {name: store.load(ref) for name, ref in refs.items()} == values
    assert len(check(str(tmp_path / PACK))) == 400


@pytest.mark.parametrize("pack", ["packs/A/1", "deep/er/pack"])
def test_the_pack_is_where_it_was_asked_for(tmp_path, pack):
    refs, _ = LocalArtifactStore(str(tmp_path)).save({"x": 1}, pack)
    assert refs["x"].parts[0].pack == pack
    assert (tmp_path / pack).is_file()
