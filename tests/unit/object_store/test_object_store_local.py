"""What a folder does beyond what every store does: files, disks, processes."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from metaflow.errors.object_store import ObjectKeyInvalid
from metaflow.errors.storage import ObjectIncomplete, StorageFull, StorageUnavailable
from metaflow.object_store.local import PIECE, UNFINISHED, LocalObjects


@pytest.fixture
def store(tmp_path):
    return LocalObjects(str(tmp_path / "root"))


def test_an_object_is_a_file(store):
    store.put("a/b", b"x")
    with open(f"{store.url}/a/b", "rb") as file:
        assert file.read() == b"x"
    assert os.listdir(f"{store.url}/{UNFINISHED}") == []


def test_nothing_is_made_by_looking(store, tmp_path):
    assert list(store.list()) == []
    assert store.size("a") is None
    store.delete(["a/b"])
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_unfinished_files_is_nobodys(store):
    with pytest.raises(ObjectKeyInvalid, match="is for unfinished files"):
        store.put(f"{UNFINISHED}/x", b"")
    store.put(f"a/{UNFINISHED}/x", b"")
    assert [found.key for found in store.list()] == [f"a/{UNFINISHED}/x"]


def test_an_object_is_no_folder(store):
    store.put("a", b"x")
    store.put("c/d", b"x")
    for replace in (True, False):
        with pytest.raises((ObjectKeyInvalid, StorageUnavailable)):
            store.put("a/b", b"y", replace=replace)
    with pytest.raises(ObjectKeyInvalid, match="name of a folder"):
        store.put("c", b"y")
    assert store.get("a") == b"x"
    assert store.size("a/b") is None


def test_a_file_that_shrinks_while_it_is_read(store):
    store.put("k", bytes(3 * PIECE))
    pieces = store.get_pieces("k")
    next(pieces)
    os.truncate(f"{store.url}/k", PIECE)
    with pytest.raises(ObjectIncomplete, match="has become shorter"):
        list(pieces)


def test_a_full_disk(store):
    """A limit on the size of files is to a program what a full disk is."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(StorageFull) as caught:
            store.put("a/k", bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert caught.value.path == f"{store.url}/a/k"
    assert store.size("a/k") is None
    assert os.listdir(f"{store.url}/{UNFINISHED}") == []


def test_a_root_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageUnavailable):
        LocalObjects(str(tmp_path / "file" / "root")).put("k", b"")


def create(url: str, number: int) -> bool:
    return LocalObjects(url).put("race", b"%d" % number, replace=False)


def test_one_of_many_processes_wins(store):
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as processes:
        won = list(processes.map(create, [store.url] * 40, range(40)))
    assert sum(won) == 1
    assert store.get("race") == b"%d" % won.index(True)


def test_a_crash_leaves_no_object(store):
    program = f"""
import os, signal
from metaflow.object_store.local import LocalObjects
def pieces():
    yield b"some"
    os.kill(os.getpid(), signal.SIGKILL)
LocalObjects({store.url!r}).put_pieces("a/k", pieces())
"""
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -signal.SIGKILL
    assert store.size("a/k") is None
    assert list(store.list()) == []
    assert len(os.listdir(f"{store.url}/{UNFINISHED}")) == 1
