"""How often the client asks the store: seldom about what is over, anew about what is not."""

from __future__ import annotations

from metaflow.client import Run, Task


def questions_to(run):
    asked = []
    connection = run._view.catalog.connection
    connection.rows("SELECT 1")
    connection._database.set_trace_callback(asked.append)
    return asked


def test_one_question_leads_from_an_ended_run_to_a_stored_name(world):
    recorder = world.run()
    recorder.task("1", "work", values={"x": 1})
    recorder.task("2", "work", values={"x": 2})
    recorder.done()
    run = Run("F/1")
    asked = questions_to(run)
    task = run["work"].task
    assert task["x"].data == 2
    assert (task.id, task.finished, task.successful) == ("2", True, True)
    assert task.finished_at is not None
    assert len(asked) == 1
    there = Task("F/1/work/2")
    assert task.finished_at == there.finished_at
    assert task.created_at == there.created_at
    assert task["x"].sha == there["x"].sha


def test_the_newest_task_of_an_ended_run_may_have_stored_nothing(world):
    recorder = world.run()
    recorder.task("1", "work", values={"x": 1})
    recorder.create("2", "work")
    recorder.start("2")
    recorder.done(ok=False)
    task = Run("F/1")["work"].task
    assert (task.id, task.finished, task.finished_at, list(task)) == ("2", False, None, [])


def test_the_newest_task_of_a_running_run_is_looked_up_each_time(world):
    recorder = world.run()
    recorder.create("1", "work")
    recorder.start("1")
    step = Run("F/1")["work"]
    task = step.task
    assert list(task) == []
    recorder.end("1", {"x": 1})
    assert task["x"].data == 1
    recorder.task("2", "work", values={"x": 2})
    assert step.task["x"].data == 2


def test_the_latest_done_attempt_of_an_ended_run_counts(world):
    recorder = world.run()
    recorder.create("1", "work")
    recorder.start("1")
    recorder.end("1", {"x": 1}, ok=False)
    recorder.start("1", 1)
    recorder.end("1", {"x": 2}, 1)
    recorder.start("1", 2)
    recorder.done(ok=False)
    task = Run("F/1")["work"].task
    assert task["x"].data == 2
    assert task.current_attempt == 2


def test_all_inputs_of_a_join_are_read_with_few_questions(world):
    recorder = world.run()
    ids = [str(number) for number in range(1, 41)]
    for task_id in ids:
        recorder.task(task_id, "work", values={"x": int(task_id)})
    recorder.task("41", "join", parents=ids)
    recorder.done()
    join = Task("F/1/join/41")
    asked = questions_to(Run("F/1"))
    assert [task.data.x for task in join.parent_tasks] == list(range(1, 41))
    # Who they are, their facts, and what they have stored.
    assert len(asked) == 3
    del asked[:]
    assert list(join.parent_task_pathspecs) == [f"F/1/work/{task_id}" for task_id in ids]
    assert len(asked) == 1


def test_neighbours_that_lie_far_apart_are_read_together_too(world):
    recorder = world.run()
    for task_id in map(str, range(1, 41)):
        recorder.task(task_id, "work", values={"x": int(task_id)})
    recorder.task("41", "join", parents=("1", "40"))
    recorder.done()
    join = Task("F/1/join/41")
    asked = questions_to(Run("F/1"))
    assert [task.data.x for task in join.parent_tasks] == [1, 40]
    assert len([question for question in asked if "manifest" in question]) == 1
