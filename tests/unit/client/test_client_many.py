"""However many objects are asked, the store is asked once for each page of them."""

from __future__ import annotations

import json
import tracemalloc
from itertools import islice

import pytest
from test_client_questions import questions_to

from metaflow.client import Flow, Run, Step, Task, namespace
from metaflow.client.siblings import FEW, TOGETHER, Siblings

RUNS = 130
"""Runs of three steps, of which one in ten has failed and one in thirteen goes on."""

SPARE = 8
"""Queries that are there for one object, too."""


@pytest.fixture(scope="module")
def history(tmp_path_factory, request):
    """A store of many runs, the same for all questions."""
    conftest = request.config.pluginmanager.getplugin(str(request.path.parent / "conftest.py"))
    directory = tmp_path_factory.mktemp("history")
    world = conftest.World(directory)
    for number in range(RUNS):
        run = world.run(run_id=str(number), tags=("third",) if number % 3 == 0 else ())
        run.task("0", "_parameters", values={"alpha": number})
        run.task("1", "start", ("0",), {"x": 1}, to=("work",))
        if number % 13 == 0:
            run.create("2", "work", ("1",))
            run.start("2")
            continue
        ok = number % 10 != 0
        run.task("2", "work", ("1",), {"x": 2, "model": [number]}, to=("end",), ok=ok)
        if ok:
            run.task("3", "end", ("2",), {"x": 3})
        run.done(ok=ok)
    wide = world.run("Wide", "1")
    wide.task("0", "_parameters", values={"alpha": 0})
    wide.task("1", "start", ("0",), {"x": 1})
    for number in range(2, 602):
        # Every other task has failed, so that the facts of half of them may yet change.
        wide.task(str(number), "work", ("1",), {"n": number}, ok=number % 2 == 0)
    yield directory
    world.close()


@pytest.fixture
def here(history, monkeypatch):
    monkeypatch.chdir(history)
    namespace(None)


def settled(runs):
    return [run for run in runs if run._view.settled]


def with_end(runs):
    return [run for run in settled(runs) if run.finished]


OF_RUNS = {
    "finished": lambda runs: [run.finished for run in runs],
    "successful": lambda runs: [run.successful for run in runs],
    "finished_at": lambda runs: [run.finished_at for run in runs],
    "tags": lambda runs: [(run.tags, run.user_tags, run.is_in_namespace()) for run in runs],
    "origin": lambda runs: [run.origin_pathspec for run in runs],
    "steps": lambda runs: [[step.id for step in run] for run in settled(runs)],
    "a step": lambda runs: [run["start"].id for run in settled(runs)],
    "a step's task": lambda runs: [run["start"].task.id for run in settled(runs)],
    "an artifact": lambda runs: [run["start"].task["x"].data for run in settled(runs)],
    "end tasks": lambda runs: [run.end_task.finished for run in with_end(runs)],
    "artifacts of end tasks": lambda runs: [run.end_task["x"].data for run in with_end(runs)],
    "data": lambda runs: [run.data.x for run in with_end(runs)],
    "parameters": lambda runs: [run.data.alpha for run in with_end(runs)],
    "code": lambda runs: [run.code for run in settled(runs)],
    "trigger": lambda runs: [run.trigger for run in settled(runs)],
    "parent tasks": lambda runs: [run.parent_task for run in settled(runs)],
    "tasks": lambda runs: [[t.id for step in run for t in step] for run in settled(runs)],
    "newest tasks": lambda runs: [step.task.id for run in settled(runs) for step in run],
    "finished tasks": lambda runs: [
        (task.finished, task.successful) for run in settled(runs) for step in run for task in step
    ],
    "all artifacts": lambda runs: [
        [artifact.id for artifact in task] for run in settled(runs) for step in run for task in step
    ],
}


@pytest.mark.parametrize("question", OF_RUNS)
def test_runs_are_not_asked_one_by_one(here, question):
    asked = questions_to(Run("F/1"))
    found = OF_RUNS[question](list(Flow("F")))
    assert len(found) > RUNS // 2
    # Pages of the listing, and for each page one or a few queries for so many runs. All steps
    # are three times as many, and what they store comes in smaller portions.
    portions, objects = RUNS // TOGETHER + 1, RUNS
    if question == "all artifacts":
        portions, objects = 3 * RUNS // FEW + 3 * portions, 3 * RUNS
    elif "tasks" in question and "end" not in question and "parent" not in question:
        portions *= 4
    assert len(asked) <= SPARE + 3 * portions
    assert len(asked) < objects // 2


@pytest.mark.parametrize("question", OF_RUNS)
def test_what_is_asked_together_is_what_each_says_by_itself(here, question):
    runs = list(Flow("F"))
    apart = [OF_RUNS[question]([Run(run.pathspec)]) for run in runs]
    together = OF_RUNS[question](runs)
    assert together == [answer for answers in apart for answer in answers]


OF_TASKS = {
    "finished": lambda tasks: [task.finished for task in tasks],
    "successful": lambda tasks: [task.successful for task in tasks],
    "finished_at": lambda tasks: [task.finished_at for task in tasks],
    "index": lambda tasks: [task.index for task in tasks],
    "artifacts": lambda tasks: [[artifact.id for artifact in task] for task in tasks],
    "data": lambda tasks: [task.data.n for task in tasks],
    "tags": lambda tasks: [task.tags for task in tasks],
}


@pytest.mark.parametrize("question", OF_TASKS)
def test_tasks_of_a_run_that_goes_on_are_not_asked_one_by_one(here, question):
    asked = questions_to(Run("Wide/1"))
    found = OF_TASKS[question](Step("Wide/1/work"))
    assert len(found) == 600
    written = [query for query in asked if not query.startswith("PRAGMA data_version")]
    assert len(written) <= SPARE + 3 * 2


def test_a_run_that_goes_on_is_seen_to_end(world):
    recorders = [world.run(run_id=str(number)) for number in range(20)]
    runs = list(Flow("F"))
    assert not any(run.finished for run in runs)
    recorders[3].task("1", "end", values={"x": 1})
    recorders[3].done()
    assert [run.id for run in runs if run.finished] == ["3"]
    asked = questions_to(runs[0])
    recorders[5].task("1", "end", values={"x": 1})
    recorders[5].done()
    assert [run.id for run in runs if run.successful] == ["5", "3"]
    # All that may have changed are read together, once.
    assert len([query for query in asked if "end_ok" in query]) == 1
    runs[0].add_tag("new")
    assert runs[0].tags >= {"new"}
    assert [run.id for run in runs if "new" in run.tags] == ["19"]


def test_a_task_that_goes_on_is_seen_to_end(world):
    recorder = world.run()
    for number in range(1, 41):
        recorder.create(str(number), "work")
        recorder.start(str(number))
    tasks = list(Step("F/1/work"))
    assert not any(task.finished for task in tasks)
    recorder.end("7", {"x": 7})
    asked = questions_to(Run("F/1"))
    assert [task.id for task in tasks if task.finished] == ["7"]
    assert len([query for query in asked if "PRAGMA" not in query]) <= 2
    assert [task.data.x for task in tasks if task.finished] == [7]


def test_runs_by_several_tags_come_newest_first(here):
    flow = Flow("F")
    assert [run.id for run in islice(flow.runs("third", "user:ann"), 3)] == ["129", "126", "123"]
    assert flow.latest_successful_run.id == "129"
    namespace("third")
    assert flow.latest_run.id == "129"
    assert len(list(flow.runs("user:ann"))) == len(range(0, RUNS, 3))


def test_going_through_tasks_does_not_keep_them(world):
    recorder = world.run()
    for first in range(1, 3001, 500):
        recorder.write(*[change for n in range(first, first + 500) for change in finished(n)])
    recorder.done()
    step = Step("F/1/work")
    list(islice(step, 10))
    tracemalloc.start()
    try:
        assert sum(task["n"].size for task in step) == 5 * 3000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Two pages at a time, each task with its facts and 2 kB of references.
    assert peak < 2 * 512 * 5000


def finished(number):
    from metaflow.model.records import AttemptDone, TaskCreated

    manifest = json.dumps(
        {"n": ["0" * 64, "builtins.int", 5, "pickle5", 1, []], "long": "x" * 2000}
    )
    return (
        TaskCreated(str(number), "work", 1.0, (), ("0",)),
        AttemptDone(str(number), 0, 2.0, True, False, manifest, None),
    )


def test_the_first_is_asked_alone_and_those_that_follow_together():
    siblings = Siblings(range(100))
    asked = []

    def answer(key):
        def one():
            asked.append([key])
            return -key

        def many(keys):
            asked.append(list(keys))
            return {each: -each for each in keys if each != 50}

        return siblings.ask("negative", key, one, many, 10)

    assert [answer(key) for key in range(25)] == [-key for key in range(25)]
    assert asked == [[0], list(range(1, 11)), list(range(11, 21)), list(range(21, 31))]
    assert answer(50) is None
    assert answer(1000) == -1000
    assert siblings.ask("other", 3, lambda: "alone", dict) == "alone"


def test_an_attempt_that_was_chosen_is_not_mixed_up_with_the_latest(world):
    recorder = world.run()
    recorder.create("1", "work")
    recorder.start("1")
    recorder.end("1", {"x": 1}, ok=False)
    recorder.start("1", 1)
    recorder.end("1", {"x": 2}, 1)
    recorder.done()
    assert Task("F/1/work/1", attempt=0).data.x == 1
    assert [task.data.x for run in Flow("F") for step in run for task in step] == [2]
