"""Several processes at one store: races, deaths, forks."""

from __future__ import annotations

import os
import random
import signal
import struct
import time

import pytest

from metaflow.metadata_store.sqlite.store import SqliteMetadataStore
from metaflow.model.records import AttemptDone, AttemptStarted, RunDone, TaskCreated


def fork(work):
    """Run `work` in a child process, whose exit code says whether it raised."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        work()
        code = 0
    finally:
        os._exit(code)


def wait(pids):
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]


def test_twenty_launchers_begin_at_once_in_an_empty_root(path, new_run):
    ready, go = os.pipe()

    def launch(number):
        store = SqliteMetadataStore(path)
        os.close(go)
        os.read(ready, 1)  # returns when the parent closes the last write end
        key = store.begin_run(new_run(f"own-{number}"))
        for task in range(20):
            store.write(
                key,
                [TaskCreated(str(task), "a", 1.0, (), ()), AttemptStarted(str(task), 0, 2.0, 1)],
            )
            store.write(key, [AttemptDone(str(task), 0, 3.0, True, False, {}, None)])
        store.write(key, [RunDone(4.0, ok=True)])
        store.close()

    pids = [fork(lambda number=number: launch(number)) for number in range(20)]
    os.close(go)
    os.close(ready)
    assert wait(pids) == [0] * 20

    store = SqliteMetadataStore(path, create=False)
    runs = store.runs(store.flow("F").key)
    assert {run.run_id for run in runs} == {f"own-{number}" for number in range(20)}
    assert {run.status for run in runs} == {"done"}
    for run in runs:
        tasks = store.origin_tasks("F", run.run_id)
        assert [task.task_id for task in tasks] == [str(task) for task in range(20)]
    store.close()


def test_one_of_many_gets_a_disputed_run_id(path, new_run):
    pids = [fork(lambda: SqliteMetadataStore(path).begin_run(new_run("same"))) for _ in range(8)]
    # The losers' `RunExists` ends them with code 1.
    assert sorted(wait(pids)) == [0] + [1] * 7


@pytest.mark.parametrize("seed", range(12))
def test_what_was_acknowledged_survives_a_kill(path, new_run, ref, seed):
    chance = random.Random(seed)
    manifest = {f"a{number}": ref(f"a{number}") for number in range(4)}
    acknowledged, report = os.pipe()

    def write():
        store = SqliteMetadataStore(path)
        key = store.begin_run(new_run())
        os.write(report, struct.pack("<q", 0))
        for number in range(1, 10**6):
            changes = [TaskCreated(str(number), "a", 1.0, (), (str(number - 1),))]
            changes.append(AttemptDone(str(number), 0, 3.0, True, False, manifest, None))
            store.write(key, changes)
            os.write(report, struct.pack("<q", number))

    pid = fork(write)
    os.close(report)
    wanted = chance.randrange(1, 120)
    last = -1
    while last < wanted:
        last = struct.unpack("<q", os.read(acknowledged, 8))[0]
    deadline = time.perf_counter() + chance.random() / 500
    while time.perf_counter() < deadline:
        pass  # the kill may come at any place of the next transactions
    os.kill(pid, signal.SIGKILL)
    assert wait([pid]) == [-signal.SIGKILL]
    while piece := os.read(acknowledged, 8):
        last = struct.unpack("<q", piece)[0]
    os.close(acknowledged)

    store = SqliteMetadataStore(path, create=False)
    tasks = list(store.origin_tasks("F", "1"))
    # At most the transaction whose end was not reported any more is there beyond.
    assert len(tasks) in {last, last + 1}
    assert [task.task_id for task in tasks] == [str(number + 1) for number in range(len(tasks))]
    key = store.run("F", "1").key
    assert store.manifests(key, [str(last)]) == [manifest]
    assert store.connection.row("PRAGMA integrity_check") == ("ok",)
    store.write(key, [RunDone(9.0, ok=False)])
    assert store.run("F", "1").status == "failed"
    store.close()


def test_no_connection_crosses_a_fork(store, path, new_run):
    key = store.begin_run(new_run())

    def in_child():
        assert store.connection._database is None
        store.write(key, [TaskCreated("2", "child", 1.0, (), ())])
        store.close()

    pid = fork(in_child)
    store.write(key, [TaskCreated("1", "parent", 1.0, (), ())])
    assert wait([pid]) == [0]
    assert {step.name for step in store.steps(key)} == {"parent", "child"}
    assert store.connection.row("PRAGMA integrity_check") == ("ok",)


def test_forks_of_children_that_write_while_the_parent_writes(store, new_run):
    key = store.begin_run(new_run())
    pids = []
    for number in range(15):
        change = TaskCreated(f"c{number}", "child", 1.0, (), ())
        pids.append(fork(lambda change=change: store.write(key, [change])))
        store.write(key, [TaskCreated(f"p{number}", "parent", 1.0, (), ())])
    assert wait(pids) == [0] * 15
    assert len(store.tasks(store.step(key, "child").key)) == 15
    assert len(store.tasks(store.step(key, "parent").key)) == 15
