"""Each shape with each behaviour that needs a run of its own."""

from __future__ import annotations

import pytest
from matrix_shapes import ALL_SHAPES
from matrix_troubles import TROUBLES

CASES = [(shape, one) for shape in ALL_SHAPES for one in TROUBLES if one.applies(shape)]


@pytest.mark.parametrize(("shape", "trouble"), CASES, ids=lambda value: value.name)
def test_trouble(workspace, shape, trouble):
    trouble.perform(workspace, shape)
