"""Flows, runs and steps: finding them, going through them, what they say of themselves."""

from __future__ import annotations

import itertools
from datetime import datetime

import pytest

from metaflow.client import DataArtifact, Flow, Metaflow, Run, Step, Task
from metaflow.errors.metadata import MetaflowInvalidPathspec, MetaflowNotFound

CLASSES = [Flow, Run, Step, Task, DataArtifact]
PATHSPECS = ["F", "F/1", "F/1/work", "F/1/work/2", "F/1/work/2/model"]


@pytest.mark.parametrize("depth", range(5))
def test_every_object_knows_its_place(world, depth):
    world.small_run(tags=("mine",))
    found = CLASSES[depth](PATHSPECS[depth])
    assert repr(found) == f"{CLASSES[depth].__name__}('{PATHSPECS[depth]}')"
    assert found.pathspec == PATHSPECS[depth]
    assert found.path_components == PATHSPECS[depth].split("/")
    assert found.id == PATHSPECS[depth].split("/")[-1]
    assert isinstance(found.created_at, datetime)
    assert found.created_at.tzinfo is None
    assert found.origin_pathspec is None
    assert found.is_in_namespace()
    assert found != CLASSES[depth](PATHSPECS[depth])
    if depth:
        assert type(found.parent) is CLASSES[depth - 1]
        assert found.parent.pathspec == PATHSPECS[depth - 1]
        assert found.user_tags == {"mine"}
        assert found.system_tags == {"user:ann", "runtime:dev"}
        assert found.tags == {"mine", "user:ann", "runtime:dev"}
    else:
        assert found.parent is None
        assert found.tags == frozenset()


@pytest.mark.parametrize("depth", range(5))
def test_pathspecs_of_the_wrong_shape(world, depth):
    wrong = [*(p for p in PATHSPECS if p != PATHSPECS[depth]), "", "/", None, 7]
    wrong.append("/".join(["F", *[""] * depth]) if depth else "/")
    for pathspec in wrong:
        with pytest.raises(MetaflowInvalidPathspec) as caught:
            CLASSES[depth](pathspec)
        assert caught.value.headline == "Invalid pathspec"


@pytest.mark.parametrize(
    ("cls", "pathspec", "sentence", "hint"),
    [
        (Flow, "Tran", "There is no flow `Tran`", "`Train`"),
        (Run, "Tran/1", "There is no flow `Tran`", "`Train`"),
        (Run, "Train/2", "`Train` has no run `2`", "`1`"),
        (Step, "Train/1/wrok", "`Train/1` has no step `wrok`", "did you mean `work`?"),
        (Task, "Train/1/wrok/2", "`Train/1` has no step `wrok`", "did you mean `work`?"),
        (Task, "Train/1/work/3", "`Train/1/work` has no task `3`", "`2`"),
        (
            DataArtifact,
            "Train/1/work/2/modle",
            "`Train/1/work/2` has no artifact `modle`",
            "`model`",
        ),
    ],
)
def test_what_is_not_there_and_what_was_meant(world, cls, pathspec, sentence, hint):
    world.small_run("Train")
    with pytest.raises(MetaflowNotFound) as caught:
        cls(pathspec)
    assert sentence in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("attempt", [-1, 6, "0", 1.0, True])
def test_attempts_that_cannot_be(world, attempt):
    world.small_run()
    for cls in (Task, DataArtifact):
        with pytest.raises(MetaflowNotFound):
            cls(PATHSPECS[CLASSES.index(cls)], attempt=attempt)


@pytest.mark.parametrize("depth", range(3))
def test_only_tasks_and_artifacts_have_attempts(world, depth):
    world.small_run()
    with pytest.raises(MetaflowNotFound, match="only tasks and artifacts"):
        CLASSES[depth](PATHSPECS[depth], attempt=0)


def test_going_down_from_the_top(world):
    world.small_run("A")
    world.small_run("B")
    top = Metaflow()
    assert [flow.id for flow in top] == ["B", "A"]
    assert [flow.id for flow in top.flows] == ["B", "A"]
    assert repr(top["A"]) == "Flow('A')"
    assert "A" in top
    assert "C" not in top
    assert repr(top) == "Metaflow()"
    step = top["A"]["1"]["work"]
    assert repr(step["2"]["x"]) == "DataArtifact('A/1/work/2/x')"
    for container, key in [
        (top, "C"),
        (top["A"], "9"),
        (top["A"]["1"], "x"),
        (step, "3"),
        (step, "x"),
    ]:
        assert key not in container
        with pytest.raises(KeyError):
            container[key]


def test_many_runs_newest_first_and_by_tag(world):
    for number in range(300):
        world.run("F", str(number), tags=(f"mod{number % 3}", f"half{number % 2}"))
    flow = Flow("F")
    assert [int(run.id) for run in flow] == list(reversed(range(300)))
    assert [int(run.id) for run in itertools.islice(flow.runs(), 2)] == [299, 298]
    expected = [number for number in reversed(range(300)) if number % 6 == 4]
    assert [int(run.id) for run in flow.runs("mod1", "half0")] == expected
    assert list(flow.runs("mod1", "mod2")) == []
    assert list(flow.runs("absent")) == []
    assert flow.latest_successful_run is None
    assert "299" in flow
    assert flow.latest_run.created_at > flow.created_at


def test_a_run_follows_its_end_task(world):
    recorder = world.run()
    run = Run("F/1")
    assert (run.finished, run.successful, run.finished_at) == (False, False, None)
    assert (run.data, run.end_task) == (None, None)
    assert run.origin_pathspec is None
    recorder.task("0", "_parameters", values={"alpha": 1})
    recorder.task("1", "start", ("0",), to=("end",))
    recorder.create("2", "end", ("1",))
    recorder.start("2")
    assert run.end_task.pathspec == "F/1/end/2"
    assert not run.finished
    assert not hasattr(run.data, "x")
    task = run.end_task
    assert task.finished_at is None
    recorder.end("2", {"x": 5})
    # The same objects see what has happened since.
    assert task.finished
    assert run.finished
    assert run.successful
    assert run.data.x == 5
    assert run.data.alpha == 1
    assert run.finished_at == run.end_task.finished_at
    assert [step.id for step in run] == ["end", "start"]
    assert run._graph_endpoints == ("start", "end")


def test_a_run_whose_end_failed_and_then_did_not(world):
    recorder = world.run(metadata={"end_step": "only", "start_step": "only"})
    recorder.task("1", "only", values={"x": 1}, ok=False, error="ValueError: no")
    run = Run("F/1")
    assert not run.finished
    assert run.finished_at is not None
    assert run.data.x == 1
    recorder.start("1", 1)
    recorder.end("1", {"x": 2}, 1, handled=True)
    assert run.finished
    assert not run.successful
    assert run.data.x == 2
    assert run._graph_endpoints == ("only", "only")


def test_asking_finished_runs_again_costs_nothing(world):
    for number in range(100):
        world.small_run(run_id=str(number))
    runs = list(Flow("F"))
    world.store.close()
    asked = []
    catalog = runs[0]._view.catalog
    catalog.connection.rows("SELECT 1")
    catalog.connection._database.set_trace_callback(asked.append)
    assert all(run.finished and run.successful and run.finished_at and run.tags for run in runs)
    assert asked == []
    steps = [step for run in runs[:10] for step in run]
    assert len(asked) == 2
    tasks = [task for step in steps for task in step]
    assert len(tasks) == len(steps) == 30
    del asked[:]
    assert all(task.finished and task.created_at and task.index is None for task in tasks)
    assert asked == []


def test_steps(world):
    recorder = world.small_run(tags=("a",))
    run = Run("F/1")
    assert [step.id for step in run.steps("a", "user:ann")] == ["end", "work", "start"]
    assert list(run.steps("b")) == []
    assert "_parameters" in run
    assert run["_parameters"].task.data.alpha == 0.5
    work = run["work"]
    assert work.task.id == "2"
    assert [task.id for task in work.tasks("a")] == ["2"]
    assert list(work.tasks("b")) == []
    assert [step.id for step in work.parent_steps] == ["start"]
    assert [step.id for step in work.child_steps] == ["end"]
    assert list(run["start"].parent_steps) == []
    assert list(run["end"].child_steps) == []
    assert work.finished_at == work.task.finished_at
    assert work.control_task is None
    assert work.environment_info is None
    recorder.create("4", "work", ("1",))
    recorder.create("4_node_1", "work", ("1",))
    recorder.note("4", "internal_task_type", "control_task")
    assert work.finished_at is None
    assert work.control_task.id == "4"
    assert [task.id for task in work.control_tasks("a")] == ["4"]
    assert list(work.control_tasks("b")) == []
    assert [task.id for task in work] == ["4_node_1", "4", "2"]


def test_a_step_of_many_tasks_is_read_in_pages(world):
    recorder = world.run()
    for number in range(1, 701):
        recorder.task(str(number), "work", values={"n": number % 7})
    step = Step("F/1/work")
    assert [int(task.id) for task in step] == list(reversed(range(1, 701)))
    asked = []
    step._view.catalog.connection._database.set_trace_callback(asked.append)
    assert [task.data.n for task in step] == [number % 7 for number in reversed(range(1, 701))]
    # Four pages of 32, 128, 512 and the rest, each listed once and read once; and the
    # parameters, which this run does not have.
    assert len([query for query in asked if "manifest" in query]) <= 5
    # Each page begins with a look at whether anything has changed since.
    assert len(asked) <= 13


def test_resumed_runs_and_tasks_name_their_origin(world):
    world.small_run(run_id="1")
    recorder = world.run(run_id="2", origin_run_id="1")
    recorder.create("7", "work", (), origin_task_id="2")
    recorder.create("8", "end", ("7",))
    assert Run("F/2").origin_pathspec == "F/1"
    assert Task("F/2/work/7").origin_pathspec == "F/1/work/2"
    assert Task("F/2/end/8").origin_pathspec is None
    orphan = world.run(run_id="3", origin_run_id="gone")
    orphan.create("1", "work", (), origin_task_id="2")
    assert Run("F/3").origin_pathspec == "F/gone"
    assert Task("F/3/work/1").origin_pathspec is None
