"""Each shape with each behaviour that needs a run of its own, or one with few others."""

from __future__ import annotations

import pytest
from matrix_shapes import ALL_SHAPES
from matrix_troubles import TROUBLES, perform_together

ALONE = [one for one in TROUBLES if not one.sociable]
SOCIABLE = [one for one in TROUBLES if one.sociable]
CASES = [(shape, one) for shape in ALL_SHAPES for one in ALONE if one.applies(shape)]


@pytest.mark.parametrize(("shape", "trouble"), CASES, ids=lambda value: value.name)
def test_trouble(workspace, shape, trouble):
    trouble.perform(workspace, shape)


@pytest.mark.parametrize("shape", ALL_SHAPES, ids=lambda shape: shape.name)
def test_what_does_not_disturb(workspace, shape):
    perform_together(workspace, shape, [one for one in SOCIABLE if one.applies(shape)])
