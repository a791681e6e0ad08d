"""Tasks and artifacts: values, attempts, facts, output, neighbours."""

from __future__ import annotations

import pickle
from datetime import datetime, timedelta

import pytest

from metaflow.client import DataArtifact, Run, Step, Task
from metaflow.errors.metadata import MetaflowNotFound
from metaflow.errors.task import MetaflowExceptionWrapper
from metaflow.model.task import Frame


def test_artifacts_as_attributes_items_and_tuple(world):
    world.small_run()
    task = Task("F/1/work/2")
    assert (task.data.x, task.data.model, task.data.alpha, task.data.name) == (2, [1, 2], 0.5, "F")
    assert "x" in task.data
    assert "alpha" in task.data
    assert "nothing" not in task.data
    with pytest.raises(AttributeError, match="F/1/work/2` has no artifact `nothing"):
        _ = task.data.nothing
    assert dir(task.data) == ["alpha", "model", "name", "x"]
    assert repr(task.data) == "<MetaflowData: alpha, model, name, x>"
    assert [artifact.id for artifact in task] == ["alpha", "name", "x", "model"]
    assert task.artifacts._fields == ("alpha", "name", "x", "model")
    assert task.artifacts.model.data == [1, 2]
    assert task["model"].data == [1, 2]
    assert task["model"].data is not task["model"].data
    assert "model" in task
    assert "nothing" not in task
    with pytest.raises(KeyError):
        task["nothing"]


def test_private_artifacts_are_hidden_but_there(world):
    world.small_run()
    task = Task("F/1/start/1")
    assert [artifact.id for artifact in task] == ["alpha", "name", "x"]
    assert task["_hidden"].data == "h"
    assert "_hidden" in task
    assert task["_task_ok"].data is True
    assert task["_success"].data is True
    assert task["_transition"].data == (["work"], None)
    assert task["_foreach_stack"].data == []
    assert task["_current_step"].data == "start"
    assert DataArtifact("F/1/start/1/_success").data is True
    assert task["_success"].size == len(pickle.dumps(True, 4))
    assert len(task["_success"].sha) == 40
    assert task["_success"].type_name == "builtins.bool"
    assert Task("F/1/end/3")["_transition"].data is None


def test_an_artifact_describes_itself(world):
    world.small_run()
    artifact = DataArtifact("F/1/work/2/model")
    task = Task("F/1/work/2")
    assert artifact.data == [1, 2]
    assert artifact.size > 0
    assert artifact.sha == DataArtifact("F/1/end/3/model").sha
    assert artifact.sha != DataArtifact("F/1/end/3/x").sha
    assert artifact.type_name == "builtins.list"
    assert artifact.created_at == artifact.finished_at == task.finished_at
    assert artifact.parent.pathspec == task.pathspec
    assert DataArtifact("F/1/work/2/x", attempt=0).data == 2


def test_readers_see_the_latest_done_attempt(world):
    recorder = world.run()
    recorder.create("1", "start")
    task = Task("F/1/start/1")
    assert (task.finished, task.finished_at, list(task)) == (False, None, [])
    assert task.current_attempt == 0
    assert "_task_ok" not in task
    recorder.start("1")
    wrapper = MetaflowExceptionWrapper(ValueError("no luck"))
    recorder.end("1", {"x": "first", "_exception": wrapper}, ok=False)
    assert (task.finished, task.successful) == (False, False)
    assert task.finished_at is not None
    assert task.data.x == "first"
    assert task["_task_ok"].data is False
    assert task.exception.type == "builtins.ValueError"
    assert task.exception.exception == "no luck"
    assert "no luck" in str(task.exception)
    first_end = task.finished_at

    recorder.start("1", 1)
    assert task.current_attempt == 1
    assert task.data.x == "first"
    assert repr(task) == "Task('F/1/start/1')"
    recorder.end("1", {"x": "second"}, 1)
    assert (task.finished, task.successful, task.exception) == (True, True, None)
    assert task.data.x == "second"
    assert task.finished_at > first_end

    earlier = Task("F/1/start/1", attempt=0)
    assert earlier.data.x == "first"
    assert repr(earlier) == "Task('F/1/start/1', attempt=0)"
    assert repr(earlier["x"]) == "DataArtifact('F/1/start/1/x', attempt=0)"
    assert (earlier.finished, earlier.finished_at, earlier.current_attempt) == (False, first_end, 0)
    assert earlier.exception is not None
    assert DataArtifact("F/1/start/1/x", attempt=0).data == "first"
    with pytest.raises(MetaflowNotFound) as caught:
        Task("F/1/start/1", attempt=3)
    assert "`0` and `1`" in caught.value.hint


def test_a_caught_failure_is_finished_and_no_exception(world):
    recorder = world.run()
    recorder.task(
        "1", "start", values={"_exception": MetaflowExceptionWrapper(ValueError())}, handled=True
    )
    task = Task("F/1/start/1")
    assert (task.finished, task.successful, task.exception) == (True, False, None)
    assert task["_success"].data is False
    assert task["_task_ok"].data is True


class Unpicklable(Exception):
    def __init__(self):
        self.handle = lambda: None

    def __str__(self):
        raise RuntimeError("broken")


def test_any_exception_can_be_wrapped_and_pickled():
    try:
        try:
            raise Unpicklable
        except Unpicklable as cause:
            raise KeyError("outer") from cause
    except KeyError as error:
        restored = pickle.loads(pickle.dumps(MetaflowExceptionWrapper(error)))
    assert restored.type == "builtins.KeyError"
    assert restored.exception == "'outer'"
    assert "Unpicklable" in str(restored)
    assert repr(restored) == """builtins.KeyError("'outer'")"""
    assert MetaflowExceptionWrapper(Unpicklable()).exception == "<Unpicklable that cannot be shown>"


def test_facts_are_told_by_name(world):
    recorder = world.run(
        metadata={
            "runtime": "dev",
            "ds-type": "local",
            "ds-root": world.root,
            "start_step": "start",
        }
    )
    recorder.task("0", "_parameters")
    recorder.task("1", "start", ("0",), ok=False)
    recorder.note("1", "custom", "first try")
    recorder.start("1", 1)
    recorder.end("1", {}, 1)
    recorder.note("1", "custom", "second try", attempt=1)
    task = Task("F/1/start/1")
    assert task.metadata_dict == {
        "attempt": "1",
        "attempt-done": "1",
        "attempt_ok": "True",
        "custom": "second try",
        "ds-root": world.root,
        "ds-type": "local",
        "origin-run-id": "None",
        "runtime": "dev",
        "user": "ann",
    }
    told = [(fact.name, fact.value) for fact in task.metadata if fact.name.startswith("attempt")]
    assert told == [
        ("attempt", "0"),
        ("attempt_ok", "False"),
        ("attempt-done", "0"),
        ("attempt", "1"),
        ("attempt_ok", "True"),
        ("attempt-done", "1"),
    ]
    fact = task.metadata[0]
    assert (fact.type, fact.task) == ("user", task)
    assert isinstance(fact.created_at, datetime)
    first = Task("F/1/start/1", attempt=0)
    assert first.metadata_dict["attempt"] == "0"
    assert first.metadata_dict["custom"] == "first try"
    assert Run("F/1")["_parameters"].task.metadata_dict["start_step"] == "start"
    assert task.runtime_name == "dev"
    assert task.code is None
    assert task.environment_info is None


def test_a_foreach_around_a_task(world):
    recorder = world.run()
    items = world.artifacts.save_items(["a", "b", "c"], recorder.pack)
    outer = Frame("start", "1", "xs", 2, 3, items, "c")
    static = Frame("fork", "2", None, 1, 2)
    inner = Frame("spread", "3", "ys", 0, 4, None, "why")
    recorder.task("5", "work", frames=(outer, static))
    recorder.task("6", "deep", frames=(outer, static, inner))
    work, deep = Task("F/1/work/5"), Task("F/1/deep/6")
    assert (work.index, deep.index) == (2, 0)
    assert deep.metadata_dict["foreach-stack"] == ["xs=c", "ys=why"]
    assert deep.metadata_dict["foreach-execution-path"] == "start:2,spread:0"
    assert deep["_foreach_stack"].data == [
        ("start", "xs", 3, 2, "c"),
        ("spread", "ys", 4, 0, "why"),
    ]
    assert work["_foreach_stack"].data[0].value == "c"


def test_output_by_stream_and_line(world):
    recorder = world.run()
    recorder.create("1", "start")
    task = Task("F/1/start/1")
    assert (task.stdout, task.stderr, task.stdout_size) == ("", "", 0)
    recorder.start("1")
    recorder.print("1", "stdout", b"one\ntw", b"o\nth\xc3", b"\xbcree\n\nlast")
    recorder.print("1", "stderr", b"oh \xff\n")
    assert task.stdout == "one\ntwo\nthüree\n\nlast"
    assert task.stderr == "oh \ufffd\n"
    assert (task.stdout_size, task.stderr_size) == (len("one\ntwo\nthüree\n\nlast".encode()), 5)
    lines = list(task.loglines("stdout"))
    assert [line for _, line in lines] == ["one", "two", "thüree", "", "last"]
    times = [at for at, _ in lines]
    # A line has the time at which it began.
    assert [(at - times[0]) / timedelta(seconds=1) for at in times] == [0, 0, 1, 2, 2]
    assert times[0].tzinfo is None
    assert [line for _, line in task.loglines("stderr", as_unicode=False)] == [b"oh \xff"]
    with pytest.raises(ValueError, match="stdin"):
        next(task.loglines("stdin"))

    recorder.end("1", ok=False)
    recorder.start("1", 1)
    recorder.print("1", "stdout", b"again\n", attempt=1)
    assert task.stdout == "again\n"
    assert Task("F/1/start/1", attempt=0).stdout.startswith("one")


def test_a_clone_shows_what_its_original_printed_and_noted(world):
    first = world.run(run_id="1")
    first.task("4", "work")
    first.print("4", "stdout", b"from the first\n")
    first.note("4", "custom", "kept")
    for run_id, origin_task in (("2", "4"), ("3", "5")):
        recorder = world.run(run_id=run_id, origin_run_id=str(int(run_id) - 1))
        recorder.create("5", "work", (), origin_task_id=origin_task)
        recorder.end("5", {"x": 1})
    clone = Task("F/3/work/5")
    assert clone.stdout == "from the first\n"
    facts = clone.metadata_dict
    assert (facts["origin-run-id"], facts["origin-task-id"]) == ("2", "5")
    assert facts["custom"] == "kept"


def test_neighbours_follow_the_real_edges(world):
    recorder = world.run()
    recorder.task("0", "_parameters")
    recorder.task("1", "start", ("0",))
    for number in (2, 3, 4):
        recorder.task(
            str(number), "work", ("1",), frames=(Frame("start", "1", "xs", number - 2, 3),)
        )
    for number in (5, 6):
        recorder.task(str(number), "more", (str(number - 3),))
    recorder.task("7", "join", ("6", "5"))
    assert list(Task("F/1/start/1").parent_tasks) == []
    assert list(Task("F/1/start/1").child_task_pathspecs) == [
        "F/1/work/2",
        "F/1/work/3",
        "F/1/work/4",
    ]
    assert [task.id for task in Task("F/1/work/3").child_tasks] == ["6"]
    assert [task.id for task in Task("F/1/work/4").child_tasks] == []
    join = Task("F/1/join/7")
    assert list(join.parent_task_pathspecs) == ["F/1/more/6", "F/1/more/5"]
    assert next(join.parent_tasks).data is not None
    assert [step.id for step in Step("F/1/more").parent_steps] == ["work"]
