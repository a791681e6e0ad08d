"""What was done is taken over or tried again: resume in all its forms, and spin, for each shape."""

from __future__ import annotations

import pytest
from flow_model import expected_tasks
from flow_workspace import tasks_by_key
from flow_writer import flow_source
from matrix_contexts import cell_of, look, main, options_of_run, prepare, spun_task
from matrix_shapes import ALL_SHAPES, FURTHER
from matrix_troubles import bytes_stored, members, taken_over
from test_flow_shapes import AS_GIVEN, GIVEN, check_resumed, reachable, steps_that_run

RESUMED = [shape for shape in FURTHER if shape.name != "deep_chain"]


def of_name(value):
    return value if isinstance(value, str) else value.name


@pytest.mark.parametrize(
    ("shape", "step"),
    [(shape, step) for shape in RESUMED for step in steps_that_run(shape)],
    ids=of_name,
)
def test_resume_after_a_failure_in_each_step(workspace, shape, step):
    workspace.write_files(flow_source(shape))
    workspace.fail("run", *GIVEN, FAIL_IN=step)
    origin = workspace.latest()
    done = {key: task for key, task in tasks_by_key(origin) if task.successful}
    workspace.succeed("resume")
    check_resumed(workspace.latest(), shape, origin, taken_over(shape, done))


@pytest.mark.parametrize("shape", ALL_SHAPES, ids=of_name)
def test_resume_of_a_resume(workspace, shape):
    """The first two fail, in steps that come one after the other; nothing is done twice."""
    workspace.write_files(flow_source(shape))
    ran = steps_that_run(shape)
    options = (*GIVEN, *shape.options)
    workspace.fail("run", *options, FAIL_IN=ran[len(ran) // 2])
    first = workspace.latest()
    workspace.fail("resume", *shape.options, FAIL_IN=ran[-1])
    second = workspace.latest()
    assert second.origin_pathspec == first.pathspec
    done = {key: task for key, task in tasks_by_key(second) if task.successful}
    done = taken_over(shape, done)
    stored = bytes_stored(str(workspace.folder))
    told = workspace.succeed("resume", "--origin-run-id", second.id, *shape.options)
    third = workspace.latest()
    assert third.origin_pathspec == second.pathspec
    assert third.successful
    found = dict(tasks_by_key(third))
    assert found.keys() == expected_tasks(shape, AS_GIVEN).keys()
    again = {key for key, task in found.items() if task.origin_pathspec is None}
    assert again == found.keys() - done.keys()
    assert len(told.said("Task is starting.")) == len(again)
    assert {task.data.level for task in found.values()} == {7}
    # A few small artifacts of what ran; those of the clones are there already.
    assert bytes_stored(str(workspace.folder)) - stored < 20_000 + 5_000 * len(again)


@pytest.mark.parametrize("shape", ALL_SHAPES, ids=of_name)
def test_resume_from_a_step(workspace, shape):
    workspace.write_files(flow_source(shape))
    options = (*GIVEN, *shape.options)
    origin = workspace.run(*options)
    done = dict(tasks_by_key(origin))
    ran = steps_that_run(shape)
    step = ran[len(ran) // 2]
    workspace.succeed("resume", step, "--origin-run-id", origin.id, *shape.options)
    again = reachable(shape, step)
    kept = {key: task for key, task in done.items() if key[0] not in again}
    check_resumed(workspace.latest(), shape, origin, kept)


@pytest.mark.parametrize("shape", ALL_SHAPES, ids=of_name)
def test_spin(workspace, shape):
    """One task of each step, by itself, gives what it gave in the run."""
    prepare(workspace, shape, "spin")
    workspace.succeed("run", *options_of_run(shape, "spin"))
    cell = cell_of(workspace, shape, "spin", workspace.latest())
    behaviours = main(shape, "spin")
    chosen = {}
    for key in cell.tasks:
        chosen.setdefault(key[0], key)
    for key in list(chosen.values())[:SPUN]:
        if key[0] in members(shape):
            place = "/".join(cell.tasks[key].path_components[1:])
            assert "can't be spun" in workspace.fail("spin", place).err
            continue
        spun = spun_task(cell, key)
        look(cell._replace(tasks={key: spun}), behaviours)


SPUN = 6
"""Steps of a shape that are spun; the deep chain has forty that are alike."""
