"""Many runs of one flow in one store at once: none disturbs another."""

from __future__ import annotations

import contextlib
import sqlite3

from faults_lab import Lab

RUNS = 20
FLOW = """
class CrowdFlow(FlowSpec):
    @step
    def start(self):
        self.me = current.run_id
        self.items = list(range(4))
        self.next(self.item, foreach="items")

    @step
    def item(self):
        # The first part is the same in all runs, and so it is stored once for all.
        self.kept = [self.input, current.run_id]
        self.same = bytes(range(256)) * 1000 + os.urandom(10)
        self.shared = __import__("random").Random(self.input).randbytes(100_000)
        print("item", self.input, "of", current.run_id)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.kept = [one.kept for one in inputs]
        self.shared = [one.shared for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def check(lab: Lab, run_id: str) -> None:
    run = lab.run_object(f"CrowdFlow/{run_id}")
    assert run.successful
    assert run.data.kept == [[index, run_id] for index in range(4)]
    assert [len(one) for one in run.data.shared] == [100_000] * 4
    assert len({task.id for step in run for task in step}) == 7
    for task in run["item"]:
        assert task.stdout == f"item {task.index} of {run_id}\n"


def database_is_sound(lab: Lab) -> None:
    with contextlib.closing(sqlite3.connect(lab.store / "metadata.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []


def test_two_runs_at_once(lab: Lab) -> None:
    lab.write(FLOW)
    launchers = [lab.start("run"), lab.start("run")]
    ids = [launcher.finish().run_id for launcher in launchers]
    assert len(set(ids)) == 2
    for run_id in ids:
        check(lab, run_id)
    database_is_sound(lab)


def test_twenty_runs_at_once_in_a_fresh_store(lab: Lab) -> None:
    lab.write(FLOW)
    assert not list(lab.store.iterdir())
    launchers = [lab.start("run", "--tag", f"crowd-{number}") for number in range(RUNS)]
    everything = [launcher.finish(100) for launcher in launchers]
    for done in everything:
        assert done.code == 0, done.all
    ids = [done.run_id for done in everything]
    assert len(set(ids)) == RUNS
    for number, run_id in enumerate(ids):
        check(lab, run_id)
        assert f"crowd-{number}" in lab.run_object(f"CrowdFlow/{run_id}").tags
    assert {run.id for run in lab.run_object(f"CrowdFlow/{ids[0]}").parent} == set(ids)
    assert (lab.store / "CrowdFlow" / "latest_run").read_text().strip() in ids
    database_is_sound(lab)
    assert not any(launcher.leftovers() for launcher in launchers)


def test_two_resumes_of_one_run_at_once(lab: Lab) -> None:
    lab.write(FLOW.replace("def end(self):\n        pass", "def end(self):\n        1 // self.bad"))
    failed = lab.run()
    assert failed.code == 1
    lab.write(FLOW)
    launchers = [lab.start("resume", "--origin-run-id", failed.run_id) for _ in range(4)]
    everything = [launcher.finish() for launcher in launchers]
    assert {done.code for done in everything} == {0}
    assert len({done.run_id for done in everything}) == 4
    for done in everything:
        run = lab.run_object(f"CrowdFlow/{done.run_id}")
        assert run.successful
        assert run.data.kept == [[index, failed.run_id] for index in range(4)]
        assert len(done.cloned) == 6
    database_is_sound(lab)
