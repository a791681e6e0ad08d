"""What the engine writes is what it and the readers get back."""

from __future__ import annotations

import pytest

from metaflow.errors.metadata import MetadataStoreFailed, RunExists
from metaflow.metadata_store.sqlite import journal
from metaflow.metadata_store.sqlite.catalog import stored_id
from metaflow.metadata_store.sqlite.store import SqliteMetadataStore
from metaflow.model.artifact import ItemsRef, Part
from metaflow.model.records import (
    AttemptDone,
    AttemptStarted,
    LogWritten,
    RunDone,
    TaskCreated,
    TaskMetadata,
)
from metaflow.model.task import Frame, Transition


def created(task_id, step, parents=(), frames=(), **rest):
    return TaskCreated(task_id, step, 101.0, frames, parents, **rest)


def done(task_id, manifest=None, attempt=0, *, ok=True, handled=False, **rest):
    return AttemptDone(
        task_id,
        attempt,
        110.0 + attempt,
        ok,
        handled,
        manifest or {},
        rest.get("transition"),
        rest.get("error"),
    )


def test_a_run_keeps_its_facts_and_tags(store, new_run):
    key = store.begin_run(new_run("7", metadata={"runtime": "dev", "ds-type": "local"}))

    run = store.run("F", "7")
    assert run is not None
    assert (run.key, run.run_id, run.user, run.status) == (key, "7", "ann", "running")
    assert (run.end_step, run.end_task, run.end_ok) == ("end", None, 0)
    assert run.tags == '{"mine":0,"runtime:dev":1,"user:ann":1}'
    assert store.run_metadata(key) == {"runtime": "dev", "ds-type": "local"}


def test_a_run_id_is_taken_once_per_flow(store, new_run):
    store.begin_run(new_run("7"))
    with pytest.raises(RunExists) as caught:
        store.begin_run(new_run("7"))
    assert (caught.value.flow, caught.value.run_id) == ("F", "7")
    assert store.begin_run(new_run("7", flow="G")) > 0
    assert len(store.runs(store.flow("F").key)) == 1


def test_a_user_tag_that_is_also_a_system_tag_is_a_system_tag(store, new_run):
    store.begin_run(new_run(tags=("runtime:dev",), system_tags=("runtime:dev",)))
    assert store.run("F", "1").tags == '{"runtime:dev":1}'


def test_task_and_attempt_read_back(store, new_run, ref):
    key = store.begin_run(new_run())
    items = ItemsRef(9, Part("d", 1, 0, 1, "p", 3))
    frame = Frame("start", "1", "xs", 4, 9, items, "five")
    transition = Transition(("join",), "xs", 9, items)
    store.write(
        key,
        [
            created("1", "start"),
            created("2", "work", ("1",), (frame,)),
            AttemptStarted("2", 0, 105.0, 4711),
            done("2", {"x": ref("x"), "y": ref("y")}, transition=transition),
        ],
    )

    assert store.manifests(key, ["2", "1"]) == [{"x": ref("x"), "y": ref("y")}, {}]
    task = store.task(key, "2")
    assert (task.id, task.step, task.attempt, task.ok, task.ended_at) == (2, "work", 0, 1, 110.0)
    (attempt,) = store.attempts(key, "2")
    assert (attempt.number, attempt.started_at, attempt.pid) == (0, 105.0, 4711)
    assert store.task(key, "1").attempt is None
    (origin,) = store.origin_tasks("F", "1")
    assert origin.frames == (frame,)
    assert origin.parents == ("1",)
    assert origin.transition == transition
    assert (origin.task_id, origin.step, origin.ok, origin.handled) == ("2", "work", True, False)


def test_changes_may_come_in_any_order_and_twice(store, new_run, ref):
    key = store.begin_run(new_run())
    changes = [
        RunDone(120.0, ok=True),
        done("3", {"x": ref("x")}),
        AttemptStarted("3", 0, 105.0, 1),
        LogWritten("3", 0, "stdout", 106.0, 10, 20),
        TaskMetadata("3", 0, "note", "hello", 107.0),
        created("3", "end", ("1",)),
        created("1", "start"),
    ]
    store.write(key, changes)
    store.write(key, list(reversed(changes)))

    run = store.run_again(key)
    assert (run.status, run.end_task, run.end_ok, run.end_at) == ("done", 3, 1, 110.0)
    assert len(store.attempts(key, "3")) == 1
    assert [tuple(chunk) for chunk in store.log_chunks(key, "3", 0)] == [("stdout", 10, 20, 106.0)]
    assert [fact.value for fact in store.free_facts(key, "3")] == ["hello"]
    assert store.parents(key, "3") == [("start", "1")]
    assert store.children(key, "1") == [("end", "3")]


def test_the_latest_done_attempt_counts(store, new_run, ref):
    key = store.begin_run(new_run())
    store.write(key, [created("1", "end"), AttemptStarted("1", 0, 1.0, 1)])
    store.write(key, [done("1", {"x": ref("old")}, ok=False, error="ValueError: no")])
    assert store.run_again(key).end_ok == 0
    assert store.task(key, "1").error == "ValueError: no"

    store.write(key, [AttemptStarted("1", 1, 2.0, 1)])
    assert store.manifests(key, ["1"]) == [{"x": ref("old")}]

    store.write(key, [done("1", {"x": ref("new")}, 1)])
    assert store.manifests(key, ["1"]) == [{"x": ref("new")}]
    # A repeated word about the first attempt does not undo the second one.
    store.write(key, [done("1", {"x": ref("old")}, ok=False)])
    run = store.run_again(key)
    assert (run.end_ok, run.end_attempt) == (1, 1)


def test_the_end_step_may_have_another_name(store, new_run):
    key = store.begin_run(new_run(metadata={"start_step": "only", "end_step": "only"}))
    store.write(key, [created("1", "only"), created("2", "end")])
    store.write(key, [done("2")])
    assert store.run_again(key).end_ok == 0
    store.write(key, [done("1", handled=True)])
    run = store.run_again(key)
    assert (run.end_task, run.end_ok, run.end_handled) == (1, 1, 1)


def test_another_process_can_finish_a_run(store, new_run, path):
    key = store.begin_run(new_run())
    store.write(key, [created("1", "start"), created("2", "end", ("1",))])
    heir = SqliteMetadataStore(path)
    heir.write(key, [done("2"), created("3", "start")])
    assert heir.run_again(key).end_ok == 1
    assert [task.id for task in heir.tasks(heir.step(key, "start").key)] == [3, 1]
    heir.close()


def test_ids_sort_as_numbers_and_texts_stay(store, new_run, monkeypatch):
    key = store.begin_run(new_run())
    ids = ["2", "10", "3_node_1", "3", "007", "3-1"]
    store.write(key, [created(task_id, "a", ("1",)) for task_id in ids])
    store.write(key, [done(task_id) for task_id in ids])
    monkeypatch.setattr(journal, "ORIGIN_PAGE", 2)
    listed = [task.task_id for task in store.origin_tasks("F", "1")]
    assert listed == ["2", "3", "10", "007", "3-1", "3_node_1"]
    assert store.task(key, "007").id == "007"
    assert store.task(key, "7") is None


@pytest.mark.parametrize(
    ("public", "stored"),
    [("0", 0), ("42", 42), ("01", "01"), ("-1", "-1"), ("٣", "٣"), ("9" * 30, "9" * 30), ("", "")],
)
def test_only_plain_decimal_ids_become_numbers(public, stored):
    assert stored_id(public) == stored


def test_pages_of_tasks_join_up(store, new_run):
    key = store.begin_run(new_run())
    ids = [str(number) for number in range(20)] + [f"x{number:02}" for number in range(20)]
    store.write(key, [created(task_id, "a") for task_id in ids])
    step = store.step(key, "a").key
    paged = store.tasks(step, count=7)
    while page := store.tasks(step, before=paged[-1].id, count=7):
        paged += page
    assert paged == store.tasks(step)
    assert [str(task.id) for task in reversed(paged)] == ids


def test_text_that_utf8_cannot_hold_is_kept_readable(store, new_run):
    key = store.begin_run(new_run())
    store.write(key, [created("1", "a"), done("1", ok=False, error="bad \udcff ü")])
    assert store.task(key, "1").error == "bad \\udcff ü"


def test_a_join_of_many_keeps_the_order_of_its_inputs(store, new_run):
    key = store.begin_run(new_run())
    parents = tuple(str(number) for number in reversed(range(1, 2001)))
    store.write(key, [created(parent, "work") for parent in parents])
    store.write(key, [created("5000", "join", parents)])
    assert [task_id for _, task_id in store.parents(key, "5000")] == list(parents)
    assert [step.name for step in store.parent_steps(store.step(key, "join").key)] == ["work"]
    assert [step.name for step in store.child_steps(store.step(key, "work").key)] == ["join"]


def test_resumed_runs_are_not_the_latest_started_one(store, new_run):
    assert store.latest_run_id("F") is None
    store.begin_run(new_run("1"))
    store.begin_run(new_run("2"))
    store.begin_run(new_run("3", origin_run_id="1"))
    assert store.latest_run_id("F") == "2"
    assert list(store.origin_tasks("F", "2")) == []
    assert store.origin_tasks("F", "9") is None


def test_runs_by_tags_newest_first(store, new_run):
    for number in range(30):
        tags = tuple(f"by{n}" for n in (2, 3, 5) if number % n == 0)
        store.begin_run(new_run(str(number), tags=tags, created_at=1000.0 - number))
    flow = store.flow("F").key

    def ids(*tags, **rest):
        return [int(run.run_id) for run in store.runs(flow, tags, **rest)]

    assert ids() == list(reversed(range(30)))
    assert ids("by2", "by3") == [24, 18, 12, 6, 0]
    assert ids("by3", "by2", "user:ann", count=2) == [24, 18]
    assert ids("by2", "nobody") == []
    assert ids("user:ann", count=1) == [29]
    last = store.runs(flow, ("by5",), count=2)[-1]
    assert ids("by5", before=last.key) == [15, 10, 5, 0]


def test_the_latest_successful_run(store, new_run):
    outcomes = {"1": (True, False), "2": (True, False), "3": (True, True), "4": (False, False)}
    for run_id, (ok, handled) in outcomes.items():
        key = store.begin_run(new_run(run_id, tags=(f"t{run_id}",)))
        store.write(key, [created("1", "end"), done("1", ok=ok, handled=handled)])
    flow = store.flow("F").key
    assert store.latest_successful_run(flow).run_id == "2"
    assert store.latest_successful_run(flow, ("t1", "user:ann")).run_id == "1"
    assert store.latest_successful_run(flow, ("t4",)) is None


def test_when_a_step_ended(store, new_run):
    key = store.begin_run(new_run())
    store.write(key, [created("1", "a"), created("2", "a"), done("1")])
    step = store.step(key, "a").key
    assert store.step_ended_at(step) is None
    store.write(key, [done("2", attempt=1, ok=False)])
    assert store.step_ended_at(step) == 111.0


def test_nothing_of_a_failed_batch_stays(store, new_run):
    key = store.begin_run(new_run())
    broken = LogWritten("1", 0, "stdout", 1.0, 0, None)
    with pytest.raises(MetadataStoreFailed, match="NOT NULL"):
        store.write(key, [created("1", "fresh"), broken])
    assert store.steps(key) == []
    store.write(key, [created("1", "fresh")])
    assert [step.name for step in store.steps(key)] == ["fresh"]
