"""Transfers run side by side, in bounded memory, and their failures are heard of."""

from __future__ import annotations

import threading

import pytest

from metaflow.artifact_store.transfers import AT_ONCE, HELD_BYTES, Transfers, in_order


def test_a_small_transfer_alone_needs_no_thread():
    transfers, seen = Transfers(), []
    transfers.start(lambda: seen.append(threading.current_thread()), 10)
    transfers.wait()
    assert seen == [threading.current_thread()]


def test_all_are_done_when_they_were_awaited():
    transfers, seen = Transfers(), []
    for number in range(100):
        transfers.start(lambda number=number: seen.append(number), 10)
    transfers.wait()
    assert sorted(seen) == list(range(100))


def test_two_run_at_the_same_time():
    transfers, together = Transfers(), threading.Barrier(2, timeout=30)
    for _ in range(2):
        transfers.start(together.wait, 10)
    transfers.wait()


def test_only_so_many_bytes_are_held():
    transfers, lock, held, most = Transfers(), threading.Lock(), [0], [0]
    size = HELD_BYTES // 3

    def call():
        with lock:
            held[0] += size
            most[0] = max(most[0], held[0])
        with lock:
            held[0] -= size

    for _ in range(50):
        transfers.start(call, size)
    transfers.wait()
    assert 0 < most[0] <= HELD_BYTES


def test_one_that_is_larger_than_all_goes_alone():
    transfers, seen = Transfers(), []
    transfers.start(lambda: seen.append("small"), 10)
    transfers.start(lambda: seen.append("large"), 2 * HELD_BYTES)
    transfers.start(lambda: seen.append("last"), 10)
    transfers.wait()
    assert seen == ["small", "large", "last"]


@pytest.mark.parametrize("count", [1, 2, 3 * AT_ONCE])
def test_a_failure_is_raised_when_they_are_awaited(count):
    transfers = Transfers()

    def fail():
        raise OSError("no")

    def work():
        for _ in range(count):
            transfers.start(fail, 10)
        transfers.wait()

    with pytest.raises(OSError, match="no"):
        work()


def test_results_come_in_order_and_few_are_ahead():
    started, lock = [], threading.Lock()

    def double(number):
        with lock:
            started.append(number)
        return number * 2

    results = in_order(double, range(20), 3)
    assert next(results) == 0
    assert len(started) <= 4
    assert list(results) == [number * 2 for number in range(1, 20)]


def test_a_failure_is_raised_in_its_turn():
    def check(number):
        if number == 3:
            raise ValueError(number)
        return number

    results = in_order(check, range(10), 4)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="3"):
        next(results)


def test_nothing_goes_on_when_nobody_wants_the_rest():
    seen = []
    results = in_order(seen.append, range(100), 4)
    next(results)
    results.close()
    count = len(seen)
    assert count <= 6
    assert threading.active_count() == 1 or len(seen) == count
