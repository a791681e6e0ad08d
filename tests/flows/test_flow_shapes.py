"""Every shape of graph, in every way to run it, leaves behind exactly what the model says."""

from __future__ import annotations

import os

import pytest
from flow_model import Circumstances, expected_tasks
from flow_shapes import BASIC_GRAPHS, GRAPHS, SHAPES, SPAWNED_GRAPHS
from flow_workspace import tasks_by_key
from flow_writer import flow_source

from metaflow import Task

OF_EVERY_TASK = {"name", "level", "options", "palette", "LIMIT", "process"}
"""Artifacts beyond those of the model: what the run fixes, and what no model can know."""
GIVEN = ("--level", "7", "--options", '{"deep": [2]}', "--tag", "two words", "--tag", "t")
AS_GIVEN = Circumstances(level=7, options={"deep": [2]}, tags=("two words", "t"))


def of_name(shape):
    return shape.name


def check(run, shape, given=AS_GIVEN, *, ignore=()):
    """Compare all that a run has left behind with the model; return its tasks by place."""
    expected = expected_tasks(shape, given)
    found = dict(tasks_by_key(run))
    assert found.keys() == expected.keys()
    places = {task.pathspec: key for key, task in found.items()}
    for key, task in found.items():
        wanted = expected[key]
        names = {artifact.id for artifact in task}
        assert names - set(ignore) == wanted.values.keys() | OF_EVERY_TASK, key
        assert {name: task[name].data for name in wanted.values} == wanted.values, key
        assert [places[parent] for parent in task.parent_task_pathspecs] == list(wanted.parents)
        assert task.index == (wanted.stack[-1][0] if wanted.stack else None)
        assert task.data.name == shape.flow
        process = task.data.process
        assert process["pathspec"] == f"{shape.flow}/{process['run']}/{key[0]}/{process['task']}"
        assert process["namespace"] == "user:ann"
    pids = [task.data.process["pid"] for task in found.values()]
    assert len(set(pids)) == len(pids), "every task has a process of its own"
    assert os.getpid() not in pids
    return found


def check_all_ran_here(run, found):
    """Nothing of the run comes from another one, and everything went well."""
    assert run.successful
    assert run.finished
    assert run.end_task.pathspec == found[next(reversed_by_id(found))].pathspec
    for task in found.values():
        assert task.successful
        assert task.exception is None
        assert task.data.process["pathspec"] == task.pathspec
        assert task.data.process["origin"] is None
        assert task.stdout == f"out {task.data.told}\n"
        assert task.stderr == f"err {task.data.told}\n"


def reversed_by_id(found):
    return iter(sorted(found, key=lambda key: -int(found[key].id)))


@pytest.mark.parametrize("shape", SHAPES, ids=of_name)
def test_a_run_and_what_commands_tell_of_it(workspace, shape):
    workspace.write_files(flow_source(shape))
    done = workspace.succeed("run", *GIVEN, *shape.options)
    run = workspace.latest()
    found = check(run, shape)
    check_all_ran_here(run, found)

    texts = sorted(task.data.told for task in found.values())
    for stream in ("out", "err"):
        assert sorted(line.removeprefix(f"{stream} ") for line in done.said(f"{stream} <flow")) == (
            texts
        ), "all output reaches the console once"
    assert len(done.said("Task is starting.")) == len(done.said("Task finished succ")) == len(found)
    ids = sorted(int(task.id) for task in found.values())
    assert ids == list(range(1, len(found) + 1))

    step = shape.steps[len(shape.steps) // 2]
    tasks = sorted((task for key, task in found.items() if key[0] == step), key=lambda t: int(t.id))
    if not tasks:
        return
    dumped = workspace.dump(run, step)
    assert dumped == {
        f"{run.id}/{step}/{task.id}": {artifact.id: artifact.data for artifact in task}
        for task in tasks
    }
    logged = workspace.succeed("--quiet", "logs", f"{run.id}/{step}", "--stdout")
    assert logged.out == "".join(f"out {task.data.told}\n" for task in tasks)


@pytest.mark.parametrize("shape", SPAWNED_GRAPHS, ids=of_name)
def test_fresh_interpreters_give_the_same_results(workspace, shape):
    workspace.write_files(flow_source(shape))
    run = workspace.run(*GIVEN, METAFLOW_TASK_START="spawn")
    check_all_ran_here(run, check(run, shape))


@pytest.mark.parametrize("shape", GRAPHS, ids=of_name)
def test_a_second_attempt_begins_where_the_first_began(workspace, shape):
    workspace.write_files(flow_source(shape))
    done = workspace.succeed("run", *GIVEN, "--with", "retry:times=1", FAIL_FIRST="1")
    run = workspace.latest()
    found = check(run, shape, AS_GIVEN._replace(retry=1))
    check_all_ran_here(run, found)
    assert len(done.said("Task is starting (retry).")) == len(found)
    for task in found.values():
        first = Task(task.pathspec, attempt=0)
        assert not first.successful
        assert first.exception.exception == "failing attempt 0"
        assert first.data.facts["retry"] == 0
        assert first.data.process["pid"] != task.data.process["pid"]


@pytest.mark.parametrize("shape", GRAPHS, ids=of_name)
def test_decorators_that_only_watch_change_nothing(workspace, shape):
    workspace.write_files(flow_source(shape))
    decorators = ("timeout:minutes=1", "resources:cpu=2", "retry", 'environment:vars={"HUE":"red"}')
    specs = [word for spec in decorators for word in ("--with", spec)]
    run = workspace.run(*GIVEN, *specs)
    check_all_ran_here(run, check(run, shape))


@pytest.mark.parametrize("shape", GRAPHS, ids=of_name)
def test_caught_failures_leave_the_way_and_what_was_set(workspace, shape):
    caught = [step for step in shape.steps if step not in shape.steps_that_choose]
    decorator = "@catch(var='oops', print_exception=False)"
    workspace.write_files(flow_source(shape, dict.fromkeys(caught, decorator)))
    run = workspace.run(*GIVEN, FAIL_IN=",".join(caught))
    given = AS_GIVEN._replace(fails=caught.__contains__)
    found = check(run, shape, given, ignore=("oops",))
    for (step, *_), task in found.items():
        assert task.finished
        assert task.successful == (step not in caught)
        assert task.exception is None
        if step in caught:
            assert task.data.oops.type == "builtins.ValueError"
            assert task.data.oops.exception == f"failing in {step}"
            assert "_fail_if_asked" in task.data.oops.stacktrace


def steps_that_run(shape):
    return list(dict.fromkeys(key[0] for key in expected_tasks(shape)))


@pytest.mark.parametrize(
    ("shape", "step"),
    [(shape, step) for shape in BASIC_GRAPHS for step in steps_that_run(shape)],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_resume_after_a_failure(workspace, shape, step):
    workspace.write_files(flow_source(shape))
    failed = workspace.fail("run", *GIVEN, FAIL_IN=step)
    assert f"Step {step} (task-id " in failed.err
    origin = workspace.latest()
    assert not origin.successful
    done = {key: task for key, task in tasks_by_key(origin) if task.successful}
    assert all(key[0] != step for key in done)

    workspace.succeed("resume")
    run = workspace.latest()
    check_resumed(run, shape, origin, done)


def one_of_many(shape):
    """A task that has siblings or earlier turns, somewhere in the middle of them."""
    places = [key for key in expected_tasks(shape) if key[1] or key[2]]
    return places[len(places) // 2] if places else None


@pytest.mark.parametrize(
    "shape", [shape for shape in GRAPHS if one_of_many(shape) is not None], ids=of_name
)
def test_resume_after_one_task_of_many_has_failed(workspace, shape):
    workspace.write_files(flow_source(shape))
    key = one_of_many(shape)
    told = expected_tasks(shape)[key].values["told"]
    workspace.fail("run", *GIVEN, "--max-workers", "1", FAIL_AT=f"{told} {key[2] + 1}")
    origin = workspace.latest()
    tasks = dict(tasks_by_key(origin))
    done = {place: task for place, task in tasks.items() if task.successful}
    assert tasks.keys() - done.keys() == {key}
    # All that comes before it in its foreach or its loop was done and is not done again.
    assert {(key[0], key[1], turn) for turn in range(key[2])} <= done.keys()

    workspace.succeed("resume")
    check_resumed(workspace.latest(), shape, origin, done)


@pytest.mark.parametrize("shape", BASIC_GRAPHS, ids=of_name)
def test_resume_of_a_successful_run(workspace, shape):
    workspace.write_files(flow_source(shape))
    origin = workspace.run(*GIVEN)
    done = dict(tasks_by_key(origin))
    told = workspace.succeed("resume")
    assert "Task is starting" not in told.out
    assert told.out.count(f"Cloning previously run task {origin.id}/") == len(done)
    assert "Done!" in told.out
    check_resumed(workspace.latest(), shape, origin, done)

    for step in steps_that_run(shape):
        workspace.succeed("resume", step, "--origin-run-id", origin.id)
        again = reachable(shape, step)
        kept = {key: task for key, task in done.items() if key[0] not in again}
        check_resumed(workspace.latest(), shape, origin, kept)


def check_resumed(run, shape, origin, cloned):
    """A resumed run is as a plain one, but what was done already was not done again."""
    assert run.id != origin.id
    assert run.origin_pathspec == origin.pathspec
    assert run.successful
    # The tags of the origin are not those of the resumed run; clones tell what they saw.
    found = dict(tasks_by_key(run))
    expected = expected_tasks(shape, AS_GIVEN)
    assert found.keys() == expected.keys()
    for key, task in found.items():
        facts = AS_GIVEN.tags if key in cloned else ()
        wanted = expected[key].values
        wanted["facts"]["tags"] = sorted(facts)
        assert {name: task[name].data for name in wanted} == wanted, key
        process = task.data.process
        if key in cloned:
            assert task.origin_pathspec == cloned[key].pathspec
            assert process == cloned[key].data.process
            assert task.stdout == cloned[key].stdout
        else:
            assert task.origin_pathspec is None
            assert process["pathspec"] == task.pathspec
            assert process["origin"] == origin.id
        # The first member of a gang has what all of them have said.
        texts = [f"out {each.data.told}" for each in found.values() if task.id in gang_of(each)]
        assert sorted(task.stdout.splitlines()) == sorted(texts)


def gang_of(task):
    """Ids of the tasks that show the output of a task: its own, and that of its gang's first."""
    return {task.id, task.id.partition("_node_")[0]}


def reachable(shape, step):
    """Steps that come after a step, and the step itself, by the parents that tasks have."""
    expected = expected_tasks(shape)
    after = {step}
    for (name, *_), task in expected.items():  # tasks come in an order in which they can run
        if any(parent[0] in after for parent in task.parents):
            after.add(name)
    return after
