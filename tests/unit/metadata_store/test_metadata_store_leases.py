"""Who counts as alive: on the holder's machine, from elsewhere, and when clocks are set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from metaflow.metadata_store import holding
from metaflow.metadata_store.facts import LeaseFacts
from metaflow.metadata_store.holding import LEASE_S, RENEW_S, Holding, carried_by_scheduler
from metaflow.metadata_store.judging import Judge, holder_of
from metaflow.model.records import LeaseEnded, LeaseHeld, RunDone, TaskCreated


class Clocks:
    """The two clocks of this process, which a test may set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.tick = time.time(), time.monotonic()
        monkeypatch.setattr(time, "time", lambda: self.wall)
        monkeypatch.setattr(time, "monotonic", lambda: self.tick)

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.tick += seconds


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


def lease_of(held: LeaseHeld, **changed: object) -> LeaseFacts:
    names = ("machine", "boot", "processes", "pid", "start")
    holder = dict(zip(names, json.loads(held.holder), strict=True)) | changed
    return LeaseFacts(json.dumps(list(holder.values())), held.at, held.tick)


def test_the_holder_itself_is_alive_whatever_the_clocks_say(clocks: Clocks) -> None:
    lease = lease_of(Holding().sign())
    for step in (10_000.0, -50_000.0):
        clocks.wall += step
        assert Judge().is_alive(lease)
    clocks.pass_(10_000.0)
    assert Judge().is_alive(lease), "a launcher that was asleep is not dead"


def test_a_process_that_has_ended_is_known_as_dead_at_once() -> None:
    program = (
        "import sys, json\n"
        "from metaflow.metadata_store.holding import Holding\n"
        "print(Holding().sign().holder)\n"
    )
    holder = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert not Judge().is_alive(LeaseFacts(holder, time.time(), time.monotonic()))


def test_a_process_that_was_not_reaped_is_dead() -> None:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writer, Holding().sign().holder.encode())
        os._exit(0)
    holder = os.read(reader, 4096).decode()
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    try:
        assert not Judge().is_alive(LeaseFacts(holder, time.time(), time.monotonic()))
    finally:
        os.waitpid(pid, 0)
        os.close(reader)
        os.close(writer)


def test_a_process_id_that_is_used_again_is_not_the_holder() -> None:
    assert not Judge().is_alive(lease_of(Holding().sign(), start="1"))


def test_a_machine_that_was_started_anew_has_no_holders(clocks: Clocks) -> None:
    lease = lease_of(Holding().sign(), boot="another")
    clocks.wall -= 1000.0
    assert not Judge().is_alive(lease)


def test_another_container_of_the_machine_is_judged_by_the_clock_that_nobody_sets(
    clocks: Clocks,
) -> None:
    lease = lease_of(Holding().sign(), processes="pid:[1]")
    clocks.wall += 10_000.0
    assert Judge().is_alive(lease)
    clocks.wall -= 20_000.0
    clocks.tick += LEASE_S + 1
    assert not Judge().is_alive(lease)


def elsewhere(held: LeaseHeld) -> LeaseFacts:
    return lease_of(held, machine="m/other", boot="b", processes="p")


def test_another_machine_is_dead_when_its_lease_has_run_out(clocks: Clocks) -> None:
    lease, judge = elsewhere(Holding().sign()), Judge()
    clocks.pass_(LEASE_S - 1)
    assert judge.is_alive(lease)
    clocks.pass_(2)
    assert not judge.is_alive(lease)
    assert LEASE_S + RENEW_S < 60, "a dead run is known as dead within a minute"


@pytest.mark.parametrize("ahead", [-5000.0, 5000.0])
def test_one_who_keeps_looking_is_not_misled_by_the_clock_of_another_machine(
    clocks: Clocks, ahead: float
) -> None:
    other, judge = Holding(), Judge()

    def signed() -> LeaseFacts:
        held = other.sign()
        return elsewhere(held._replace(at=held.at + ahead))

    lease = signed()
    judge.is_alive(lease)
    for _ in range(20):
        clocks.pass_(RENEW_S)
        lease = signed()
        assert judge.is_alive(lease)
    clocks.pass_(LEASE_S + 1)
    assert not judge.is_alive(lease), "it has not signed again"
    clocks.wall += 3 * ahead
    assert not judge.is_alive(lease)
    clocks.pass_(RENEW_S)
    assert judge.is_alive(signed()), "it was only asleep"


def test_a_clock_ahead_hides_a_dead_run_for_less_than_a_minute_of_looking(clocks: Clocks) -> None:
    held, judge = Holding().sign(), Judge()
    lease = elsewhere(held._replace(at=held.at + 10**6))
    assert judge.is_alive(lease)
    clocks.pass_(LEASE_S + 1)
    assert not judge.is_alive(lease)


def test_where_the_system_tells_nothing_the_lease_decides(
    clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "_read", lambda _path: "")
    monkeypatch.setattr("metaflow.metadata_store.judging.process_start", lambda _pid: None)
    lease = lease_of(Holding().sign())
    judge = Judge()
    assert judge.is_alive(lease)
    clocks.pass_(LEASE_S + 1)
    assert not judge.is_alive(lease)
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert not Judge().is_alive(lease_of(Holding().sign(), pid=gone.pid))


def test_a_run_without_a_lease_was_begun_by_one_who_is_gone() -> None:
    assert not Judge().is_alive(None)


def test_a_scheduler_signs_nothing() -> None:
    lease = LeaseFacts(*carried_by_scheduler()[1:])
    assert Judge().is_alive(lease)
    assert holder_of(lease) is None


def test_a_lease_lives_as_long_as_what_it_is_on(store, new_run) -> None:
    mine, of_task = Holding(), Holding("1")
    key = store.begin_run(new_run(lease=mine.sign()))
    first = store.lease(key)
    assert holder_of(first) == (os.uname().nodename, os.getpid())
    store.write(key, [TaskCreated("1", "start", 1.0, (), ()), of_task.sign(), mine.sign()])
    assert store.lease(key).renewed_tick > first.renewed_tick
    assert [step for step, *_ in store.task_leases(key)] == ["start"]
    assert store.lease(key, "2") is None
    store.write(key, [LeaseEnded("1")])
    assert store.task_leases(key) == []
    store.write(key, [RunDone(2.0, ok=False, killed=True, error="Ctrl-C \udcff")])
    assert store.lease(key) is None
    facts = store.run_again(key)
    assert (facts.status, facts.error) == ("killed", "Ctrl-C \\udcff")


def test_a_lease_is_due_in_time() -> None:
    mine = Holding()
    held = mine.sign()
    assert mine.due == held.tick + RENEW_S
