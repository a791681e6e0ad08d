"""The shapes of the matrix: those that flows are tested with, and more."""

from __future__ import annotations

from flow_grammar import Foreach, Gang, Loop, Shape, Split, Step, Switch, all_blocks, steps
from flow_shapes import A_FOREACH, A_SPLIT, A_SWITCH, END, SHAPES, between, nested_foreach

A_GANG = Gang("rally", 3, "march", "muster")
A_LOOP = Loop("again", 3)
FURTHER = (
    Shape("deep_chain", between(*steps(" ".join(f"link{i}" for i in range(40))))),
    Shape(
        "diamond",
        between(A_SPLIT, Step("late")),
        inherited=("start", "a", "b1", "meet", "late"),
        diamond=True,
    ),
    Shape(
        "overridden", between(A_SPLIT), inherited=("start", "a", "meet"), overridden=("b1", "end")
    ),
    Shape(
        "elsewhere",
        between(A_FOREACH),
        inherited=("start", "spread", "work", "collect", "end"),
    ),
    Shape(
        "two_keys_one_step",
        between(
            Switch(
                "choose",
                "'da'",
                (("yes", steps("accept")), ("da", steps("accept")), ("no", steps("refuse"))),
            ),
            Step("after"),
        ),
    ),
    Shape(
        "switch_in_switch",
        between(
            Switch(
                "choose",
                "1",
                (
                    (
                        1,
                        (
                            Switch("inner", "'b'", (("a", steps("ia")), ("b", steps("ib")))),
                            Step("m"),
                        ),
                    ),
                    (2, steps("two")),
                ),
            ),
            Step("after"),
        ),
    ),
    Shape(
        "split_in_switch",
        between(
            Switch("choose", "True", ((True, (A_SPLIT,)), (False, steps("alone")))), Step("after")
        ),
    ),
    Shape("loop_after_loop", between(A_LOOP, Loop("and_again", 2), Step("after"))),
    Shape(
        "loop_in_switch",
        between(
            Switch("choose", "'turn'", (("turn", (A_LOOP,)), ("go", steps("go")))), Step("after")
        ),
    ),
    Shape("switch_after_loop", between(A_LOOP, A_SWITCH, Step("after"))),
    Shape("each_after_loop", between(A_LOOP, A_FOREACH)),
    Shape("loop_in_each_in_each", between(nested_foreach(Loop("again", 2), Step("w")))),
    Shape("split_after_split", between(A_SPLIT, Split("f2", (steps("x"), steps("y")), "m2"))),
    Shape(
        "each_in_split_in_each",
        between(
            Foreach(
                "rows",
                "['r', 's']",
                (Split("fork", ((A_FOREACH,), steps("b")), "meet"),),
                "all_rows",
            )
        ),
    ),
    Shape(
        "switch_in_split_in_each",
        between(
            Foreach(
                "rows",
                "range(2)",
                (Split("fork", ((A_SWITCH, Step("after")), steps("b")), "meet"),),
                "all_rows",
            )
        ),
    ),
    Shape("gang", between(A_GANG)),
    Shape("gang_in_split", between(Split("fork", ((A_GANG,), steps("b")), "meet"))),
    Shape("gang_in_each", between(Foreach("spread", "'xy'", (A_GANG,), "collect"))),
    Shape("gang_after_switch", between(A_SWITCH, Step("after"), A_GANG)),
    Shape("each_at_start", (Foreach("start", "[1, 2]", steps("work"), "collect"), END)),
)
ALL_SHAPES = (*SHAPES, *FURTHER)

SPAWNED_NAMES = {
    "single",
    "each",
    "diamond",
    "split_in_switch",
    "switch_in_split_in_each",
    "loop_after_loop",
    "gang_in_split",
}
SPAWNED = tuple(shape for shape in ALL_SHAPES if shape.name in SPAWNED_NAMES)
"""Run by fresh interpreters, which take their time: one for each kind of block."""
STEPPED_NAMES = {"linear", "overridden", "each_value", "loop_in_split", "switch_in_each"}
STEPPED = tuple(shape for shape in ALL_SHAPES if shape.name in STEPPED_NAMES)
"""Run by a scheduler, each task by a command of its own."""


def has(shape: Shape, kind: type) -> bool:
    """Tell whether a shape has a block of this kind anywhere."""
    return any(isinstance(block, kind) for block in all_blocks(shape.blocks))


def loops(shape: Shape, step: str) -> bool:
    """Tell whether a step comes more than once in one place."""
    return any(isinstance(b, Loop) and b.name == step for b in all_blocks(shape.blocks))


def joins(shape: Shape) -> set[str]:
    """Names of the steps that are joins."""
    blocks = all_blocks(shape.blocks)
    return {block.join for block in blocks if isinstance(block, Split | Foreach | Gang)}
