"""The matrix is as large as it says, and each of its checks can fail."""

from __future__ import annotations

import matrix_contexts as contexts
import matrix_table
import pytest
from flow_workspace import Done
from matrix_behaviour import CONTEXTS, Behaviour, sources
from matrix_shapes import ALL_SHAPES

LEAST_SHAPES = 50
LEAST_BEHAVIOURS = 100
LEAST_CELLS = 20_000


def test_the_matrix_does_not_shrink():
    print(matrix_table.table())
    cells = matrix_table.cells()
    assert len({shape for shape, _, _ in cells}) >= LEAST_SHAPES
    names = matrix_table.behaviours()
    assert len(set(names)) == len(names) >= LEAST_BEHAVIOURS
    assert len(cells) >= LEAST_CELLS


def test_each_behaviour_is_run_with_each_shape_that_it_applies_to():
    cells = matrix_table.cells()
    pairs = {(shape, name) for shape, name, _ in cells}
    for one in Behaviour.all:
        for shape in ALL_SHAPES:
            assert ((shape.name, one.name) in pairs) == one.applies(shape), (shape.name, one.name)


def test_each_shape_comes_in_each_context():
    cells = matrix_table.cells()
    for context in set(CONTEXTS) - {"spawn", "step"}:
        assert {shape for shape, _, at in cells if at == context} == {s.name for s in ALL_SHAPES}
    for context in ("spawn", "step"):
        assert len({shape for shape, _, at in cells if at == context}) >= 5


def test_names_of_shapes_are_unique():
    names = [shape.name for shape in ALL_SHAPES]
    assert len(set(names)) == len(names)


def test_each_check_can_fail(workspace):
    """A check notices when a flow has not what its behaviour adds, or is not what it should be."""
    shape, other = (shape_of(name) for name in ("each_in_each", "custom_ends"))
    workspace.env["METAFLOW_USER"] = "bob"
    workspace.write_files(sources(shape, []))
    done = workspace.succeed("run")
    run = workspace.latest()
    honest = contexts.cell_of(workspace, shape, "run", run, done)
    (workspace.folder / "flow.py").write_text("print('another text')\n")
    swapped = dict(zip(honest.tasks, reversed(honest.tasks.values()), strict=True))
    model = dict(zip(honest.tasks, contexts.expected_tasks(other).values(), strict=False))
    wrong = honest._replace(
        shape=other, model=model, tasks=swapped, done=Done(1, "", ""), origin=run
    )
    blind = [
        one.name
        for one in Behaviour.all
        if one.name not in ALWAYS and not notices(wrong if one.intrinsic else honest, one)
        if one.intrinsic or one.applies(shape)
    ]
    assert not blind


def shape_of(name):
    return next(shape for shape in ALL_SHAPES if shape.name == name)


ALWAYS = {
    "kept_by_reference",
    "log_times",
    "pickled_objects",
    "process_of_its_own",
    "success",
    "task_ids",
}
"""These hold for every run that has succeeded; the troubles show when they do not."""


def notices(cell, behaviour):
    try:
        for key, task in cell.tasks.items():
            behaviour.check_task(cell, key, task)
        behaviour.check(cell)
    except (Exception, pytest.fail.Exception):  # what was to be raised was not: also a finding
        return True
    return False
