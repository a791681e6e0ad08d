"""A process that joins a run learns of it what it needs, and may be one of several."""

from __future__ import annotations

import json

from metaflow.metadata_store.sqlite.store import SqliteMetadataStore
from metaflow.model.records import AttemptDone, TaskCreated
from metaflow.model.task import Frame, Transition


def finish(store, key, task_id, step, manifest=None, *, attempt=0, ok=True, frames=(), to=None):
    store.write(
        key,
        [
            TaskCreated(task_id, step, 1.0, frames, ()),
            AttemptDone(task_id, attempt, 2.0, ok, False, manifest or {}, to),
        ],
    )


def test_a_run_is_found_by_its_id(store, new_run):
    key = store.begin_run(new_run("r"))
    joined = store.join_run("F", "r")
    assert joined == (key, "ann", ("mine",), "packs/F/r", None)
    assert store.join_run("F", "other") is None
    assert store.join_run("G", "r") is None


def test_tags_are_added_and_an_origin_is_taken_once(store, new_run):
    key = store.begin_run(new_run("r"))
    joined = store.join_run("F", "r", ("new", "mine", "runtime:dev"), "first")
    assert joined.tags == ("mine", "new")
    assert joined.origin_run_id == "first"
    again = store.join_run("F", "r", (), "second")
    assert again.origin_run_id == "first"
    run = store.run_again(key)
    assert run.origin_run_id == "first"
    assert json.loads(run.tags) == {"mine": 0, "new": 0, "runtime:dev": 1, "user:ann": 1}


def test_parameters_are_found_whatever_their_task(store, new_run, ref):
    key = store.begin_run(new_run("r"))
    assert store.parameters(key) is None
    store.write(key, [TaskCreated("p-1", "_parameters", 1.0, (), ())])
    assert store.parameters(key) is None
    finish(store, key, "p-1", "_parameters", {"alpha": ref("a")})
    finish(store, key, "0", "start", {"beta": ref("b")})
    assert list(json.loads(store.parameters(key))) == ["alpha"]


def test_tasks_come_in_the_order_asked(store, new_run, ref):
    key = store.begin_run(new_run("r"))
    frame = Frame("split", "1", "xs", 2, 3)
    finish(store, key, "10", "work", {"x": ref("x")}, frames=(frame,), to=Transition(("join",)))
    finish(store, key, "name", "work")
    finish(store, key, "2", "work", ok=False)
    finish(store, key, "2", "work", attempt=1)
    store.write(key, [TaskCreated("3", "work", 1.0, (), ())])
    found = store.named_tasks(key, ["name", "2", "3", "10", "none"])
    assert [task.task_id for task in found] == ["name", "2", "10"]
    assert [(task.attempt, task.ok) for task in found] == [(0, True), (1, True), (0, True)]
    assert found[2].frames == (frame,)
    assert found[2].transition == Transition(("join",))
    assert json.loads(found[2].manifest_json)["x"] == json.loads(json.dumps(ref("x")))
    assert store.named_tasks(key, []) == []


def test_two_writers_of_one_run(path, new_run):
    one, two = SqliteMetadataStore(path), SqliteMetadataStore(path)
    key = one.begin_run(new_run("r", metadata={"end_step": "last"}))
    joined = two.join_run("F", "r")
    for number in range(20):
        writer = (one, two)[number % 2]
        finish(writer, joined.key, str(number), "work")
    finish(two, joined.key, "end", "last")
    assert len(one.tasks(one.step(key, "work").key)) == 20
    run = one.run("F", "r")
    assert (run.end_task, run.end_ok) == ("end", 1)
    one.close()
    two.close()
