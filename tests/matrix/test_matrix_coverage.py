"""The matrix is as large as it says, and each of its checks can fail."""

from __future__ import annotations

import matrix_contexts as contexts
import matrix_table
import pytest
from flow_shapes import SHAPES
from matrix_behaviour import CONTEXTS, Behaviour
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
    """What a check finds in a flow that has its behaviour it does not find in one that has not."""
    (shape,) = (shape for shape in SHAPES if shape.name == "each_in_each")
    (other,) = (shape for shape in SHAPES if shape.name == "loop_in_split")
    workspace.env["METAFLOW_USER"] = "bob"
    workspace.write_files(contexts.sources(shape, []))
    done = workspace.succeed("run")
    run = workspace.latest()
    honest = contexts.cell_of(workspace, shape, "run", run, done)
    model = contexts.expected_tasks(other)
    wrong = honest._replace(shape=other, model=dict(zip(honest.tasks, model.values(), strict=False)))
    blind = [
        one.name
        for one in Behaviour.all
        if one.applies(shape) and one.name not in ALWAYS and not notices(honest if not one.intrinsic else wrong, one)
    ]
    assert not blind


ALWAYS = {
    "process_of_its_own",
    "success",
    "task_ids",
    "log_times",
    "pickled_objects",
}
"""These hold for every run of any flow; other tests see them fail."""


def notices(cell, behaviour):
    try:
        for key, task in cell.tasks.items():
            behaviour.check_task(cell, key, task)
        behaviour.check(cell)
    except (AssertionError, LookupError, AttributeError, ValueError, TypeError, OSError):
        return True
    except pytest.fail.Exception:
        return True
    return False
