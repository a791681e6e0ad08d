"""Stores of clouds in several processes, and in little memory."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest
from cloud_stores import fresh_url, open_url

pytestmark = pytest.mark.timeout(900)  # the first test may have to install the server

LARGE = bytes(range(256)) * (160 << 10)


def in_child(work) -> int:
    """Fork, do some work in the child, and return its exit code."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.fixture(params=["s3", "azure"])
def url(request, service):
    return fresh_url(request.param, service)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_store_works_on_both_sides_of_a_fork(url):
    store = open_url(url)
    store.put("large", LARGE)
    assert store.get("large") == LARGE  # now there are threads and connections

    def grandchild() -> None:
        assert store.get("child") == b"from the child"
        store.put("grandchild", b"x")

    def child() -> None:
        store.put("child", b"from the child")
        assert store.get("large") == LARGE
        assert store.put_pieces("copy", store.get_pieces("large")) == len(LARGE)
        assert {"child", "copy", "large"} <= {found.key for found in store.list()}
        assert open_url(url).size("large") == len(LARGE)
        assert in_child(grandchild) == 0
        store.delete(["copy"])

    stop = threading.Event()
    reads = []

    def read_on() -> None:
        while not stop.is_set():
            reads.append(store.get("large") == LARGE)

    reading = threading.Thread(target=read_on)
    reading.start()
    try:
        assert [in_child(child) for _ in range(3)] == [0, 0, 0]
    finally:
        stop.set()
        reading.join()
    assert reads
    assert all(reads)
    assert [found.key for found in store.list()] == ["child", "grandchild", "large"]
    store.delete(["child", "grandchild", "large"])
    store.close()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_one_of_many_processes_wins(url):
    store = open_url(url)
    store.put("other", b"")

    def write(number: int) -> None:
        won = store.put("race", b"%d" % number, replace=False)
        store.put(f"won/{number}", b"%d" % won)

    pids = []
    for number in range(8):
        pid = os.fork()
        if pid == 0:
            try:
                write(number)
            finally:
                os._exit(0)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)
    won = [int(store.get(f"won/{number}")) for number in range(8)]
    assert sum(won) == 1
    assert store.get("race") == b"%d" % won.index(1)


def run_python(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_child_that_exits_as_programs_do(url):
    """Neither the child's end nor its parent's waits for anything."""
    run_python(f"""
import os, sys
from metaflow.object_store.opening import open_object_store
from metaflow.settings import load_settings
store = open_object_store({url!r}, load_settings())
store.put("k", b"x")
if os.fork() == 0:
    store.put("k", b"y")
    sys.exit(0)
assert os.wait()[1] == 0
assert store.get("k") == b"y"
""")


def test_programs_may_use_the_library_as_well(url):
    """It is loaded once, whoever is first, and what a fork adds does not show."""
    run_python(f"""
import os, sys
from metaflow.object_store.opening import open_object_store
from metaflow.settings import load_settings
store = open_object_store({url!r}, load_settings())
assert "obstore" not in sys.modules
import obstore
from obstore.store import MemoryStore
obstore.put(MemoryStore(), "a", b"x")
store.put("k", b"x")
if os.fork() == 0:
    store.put("k", b"y")
    from obstore.exceptions import BaseError
    assert issubclass(obstore.exceptions.GenericError, BaseError)
    os._exit(0)
assert os.wait()[1] == 0
obstore.put(MemoryStore(), "a", b"x")
assert store.get("k") == b"y"
""")


def test_a_program_that_has_used_the_library_before_a_fork(url):
    """What others have loaded is left alone."""
    run_python(f"""
import os
import obstore
from obstore.store import MemoryStore
from metaflow.object_store.opening import load_ahead, open_object_store
from metaflow.settings import load_settings
memory = MemoryStore()
obstore.put(memory, "a", b"x")
load_ahead({url!r})
if os.fork() == 0:
    open_object_store({url!r}, load_settings()).put("k", b"y")
    os._exit(0)
assert os.wait()[1] == 0
assert open_object_store({url!r}, load_settings()).get("k") == b"y"
assert bytes(obstore.get(memory, "a").bytes()) == b"x"
""")


def test_what_is_loaded_ahead_serves_all_children(url):
    run_python(f"""
import os, sys
from metaflow.object_store.opening import load_ahead, open_object_store
from metaflow.object_store.library import library
from metaflow.settings import load_settings
load_ahead({url!r})
for number in range(3):
    if os.fork() == 0:
        store = open_object_store({url!r}, load_settings())
        store.put(f"k/{{number}}", b"y")
        assert library.use({url!r}, "s3") is sys.modules["obstore._obstore"]  # and no copy of it
        os._exit(0)
    assert os.wait()[1] == 0
store = open_object_store({url!r}, load_settings())
assert [found.key for found in store.list()] == ["k/0", "k/1", "k/2"]
""")


def test_a_gigabyte_takes_little_memory(service):
    url = fresh_url("s3", service)
    said = run_python(f"""
import resource
from metaflow.object_store.opening import open_object_store
from metaflow.settings import load_settings
store = open_object_store({url!r}, load_settings())
store.put("k", b"x")
peak_kb = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak_kb()
assert store.put_pieces("k", (bytes(1_000_000) for _ in range(1000))) == 10**9
written = peak_kb()
assert sum(map(len, store.get_pieces("k"))) == 10**9
print(written - before, peak_kb() - before)
store.delete(["k"])
""")
    assert all(int(extra_kb) < 400_000 for extra_kb in said.split()), said
