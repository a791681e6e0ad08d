"""Each shape with all behaviours that fit into one flow, run in every way there is."""

from __future__ import annotations

import matrix_contexts as contexts
import pytest
from matrix_contexts import look, main
from matrix_shapes import ALL_SHAPES, SPAWNED, STEPPED


def of_name(shape):
    return shape.name


@pytest.mark.parametrize("shape", ALL_SHAPES, ids=of_name)
def test_run(workspace, shape):
    look(contexts.run_by_command(workspace, shape), main(shape, "run"))


@pytest.mark.parametrize("shape", ALL_SHAPES, ids=of_name)
def test_resume(workspace, shape):
    look(contexts.run_resumed(workspace, shape), main(shape, "resume"))


@pytest.mark.parametrize("shape", ALL_SHAPES, ids=of_name)
def test_runner(workspace, shape):
    look(contexts.run_by_runner(workspace, shape), main(shape, "runner"))


@pytest.mark.parametrize("shape", ALL_SHAPES, ids=of_name)
def test_runner_without_waiting(workspace, shape):
    look(contexts.run_by_runner_async(workspace, shape), main(shape, "async"))


@pytest.mark.parametrize("shape", SPAWNED, ids=of_name)
def test_fresh_interpreters(workspace, shape):
    look(contexts.run_by_fresh_interpreters(workspace, shape), main(shape, "spawn"))


@pytest.mark.parametrize("shape", STEPPED, ids=of_name)
def test_single_tasks(workspace, shape):
    look(contexts.run_by_steps(workspace, shape), main(shape, "step"))
