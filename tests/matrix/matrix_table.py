"""Counts what the matrix covers: shapes, behaviours and contexts, and which pairs have no cell.

`python tests/matrix/matrix_table.py` prints it.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from flow_grammar import Shape

if __name__ == "__main__":
    sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "flows"))

import matrix_contexts
import matrix_troubles
from matrix_behaviour import CONTEXTS, Behaviour
from matrix_shapes import ALL_SHAPES, SPAWNED, STEPPED


class Row(NamedTuple):
    """One context: how many shapes come in it, with how many behaviours, in how many cells."""

    context: str
    shapes: int
    behaviours: int
    cells: int


def shapes_in(context: str) -> tuple[Shape, ...]:
    """Shapes that come in a context: where processes are slow to start, not all."""
    return {"spawn": SPAWNED, "step": STEPPED}.get(context, ALL_SHAPES)


def cells() -> set[tuple[str, str, str]]:
    """All cells: shape, behaviour, context."""
    found = {
        (shape.name, one.name, context)
        for context in CONTEXTS
        for shape in shapes_in(context)
        for one in matrix_contexts.main(shape, context)
    }
    found |= {
        (shape.name, one.name, "run")
        for one in matrix_troubles.TROUBLES
        for shape in ALL_SHAPES
        if one.applies(shape)
    }
    return found


def behaviours() -> list[str]:
    return [one.name for one in [*Behaviour.all, *matrix_troubles.TROUBLES]]


def rows() -> list[Row]:
    found = cells()
    return [
        Row(
            context,
            len({shape for shape, _, at in found if at == context}),
            len({name for _, name, at in found if at == context}),
            sum(at == context for _, _, at in found),
        )
        for context in CONTEXTS
    ]


def table() -> str:
    """Return the table as text."""
    lines = ["context   shapes  behaviours   cells"]
    lines += [f"{r.context:8}  {r.shapes:6}  {r.behaviours:10}  {r.cells:6}" for r in rows()]
    total = cells()
    shapes = {shape for shape, _, _ in total}
    lines.append(f"{'all':8}  {len(shapes):6}  {len(behaviours()):10}  {len(total):6}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
