"""The store that fails as asked: each fault, and always the same ones for a seed."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from metaflow.errors.object_store import ObjectStoreUnreachable
from metaflow.object_store.local import LocalObjects
from metaflow.testing import FaultyObjectStore, Injected, Rates, object_store_conformance


@pytest.fixture
def inner(tmp_path):
    return LocalObjects(str(tmp_path / "root"))


LONG = ("large", "huge", "whole", "mixes", "copies", "source", "early", "page")
SHORT = [c for c in object_store_conformance if not any(word in c.__name__ for word in LONG)]


@pytest.mark.parametrize("check", SHORT, ids=lambda check: check.__name__)
def test_without_faults_it_is_like_any_store(check, inner):
    check(FaultyObjectStore(inner))


def test_errors_happen_before_anything_else(inner):
    store = FaultyObjectStore(inner, Rates(error=1))
    for use in (
        lambda: store.put("k", b"x"),
        lambda: store.put_pieces("k", [b"x"]),
        lambda: store.get("k"),
        lambda: next(store.get_pieces("k")),
        lambda: store.size("k"),
        lambda: list(store.list()),
        lambda: store.delete(["k"]),
    ):
        with pytest.raises(ObjectStoreUnreachable, match="injected fault"):
            use()
    assert inner.size("k") is None
    assert {fault for fault, _, _ in store.injected} == {"error"}
    assert len(store.injected) == store.operations == 7


def test_a_lost_acknowledgement(inner):
    store = FaultyObjectStore(inner, Rates(lost=1))
    with pytest.raises(ObjectStoreUnreachable):
        store.put("k", b"x", replace=False)
    assert inner.get("k") == b"x"
    assert store.get("k") == b"x"
    with pytest.raises(ObjectStoreUnreachable):
        store.delete(["k"])
    assert inner.size("k") is None


def test_torn_operations(inner):
    store = FaultyObjectStore(inner, Rates(torn=1))
    with pytest.raises(ObjectStoreUnreachable):
        store.put_pieces("k", [b"a", b"b"])
    assert inner.size("k") is None
    for key in "abcd":
        inner.put(key, b"")
    with pytest.raises(ObjectStoreUnreachable):
        list(store.list())
    with pytest.raises(ObjectStoreUnreachable):
        store.delete("abcd")
    assert [found.key for found in inner.list()] == ["c", "d"]


def test_damaged_bodies(inner):
    content = bytes(10_000)
    inner.put("k", content)
    short = FaultyObjectStore(inner, Rates(truncated=1))
    for body in (short.get("k"), b"".join(short.get_pieces("k"))):
        assert len(body) < len(content)
        assert content.startswith(body)
    flipped = FaultyObjectStore(inner, Rates(flipped=1))
    for body in (flipped.get("k"), b"".join(flipped.get_pieces("k"))):
        assert sum(byte.bit_count() for byte in body) == 1
        assert len(body) == len(content)


def test_delays(inner):
    waited = []
    store = FaultyObjectStore(inner, Rates(delay=1), delay_s=5, sleep=waited.append)
    store.put("k", b"x")
    assert store.get("k") == b"x"
    assert waited == [5, 5]


def test_what_is_broken_stays_so(inner):
    store = FaultyObjectStore(inner, broken=lambda operation, key: key.startswith("bad/"))
    store.put("good", b"x")
    for _ in range(3):
        with pytest.raises(ObjectStoreUnreachable):
            store.put("bad/k", b"x")
    assert store.injected == [Injected("broken", "put", "bad/k")] * 3


def outcomes(store: FaultyObjectStore, threads: int) -> dict[str, bool]:
    def write(number: int) -> bool:
        try:
            return store.put(f"k/{number}", b"x")
        except ObjectStoreUnreachable:
            return False

    with ThreadPoolExecutor(threads) as pool:
        return dict(zip(range(200), pool.map(write, range(200)), strict=True))


def test_a_seed_decides(inner):
    rates = Rates(error=0.3)
    one = outcomes(FaultyObjectStore(inner, rates, seed=1), threads=1)
    assert outcomes(FaultyObjectStore(inner, rates, seed=1), threads=8) == one
    assert outcomes(FaultyObjectStore(inner, rates, seed=2), threads=1) != one
    assert 30 < sum(not fine for fine in one.values()) < 90


def test_asking_again_may_help(inner):
    store = FaultyObjectStore(inner, Rates(error=0.5))
    tries = 0
    while True:
        tries += 1
        try:
            store.put("k", b"x")
            break
        except ObjectStoreUnreachable:
            continue
    assert inner.get("k") == b"x"
    assert tries == len(store.injected) + 1


def test_a_crash_is_a_crash(inner):
    program = f"""
from metaflow.object_store.local import LocalObjects
from metaflow.testing import FaultyObjectStore
store = FaultyObjectStore(LocalObjects({inner.url!r}), crash_after=2)
for number in range(5):
    store.put(f"k/{{number}}", b"x")
"""
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -signal.SIGKILL
    assert [found.key for found in inner.list()] == ["k/0", "k/1"]
