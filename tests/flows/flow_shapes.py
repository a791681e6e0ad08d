"""The graphs that are tested: every kind of transition, alone and inside of every other."""

from __future__ import annotations

from flow_grammar import Foreach, Loop, Seq, Shape, Split, Step, Switch, steps

START, END = Step("start"), Step("end")
A_SPLIT = Split("fork", (steps("a"), steps("b1 b2")), "meet")
A_FOREACH = Foreach("spread", "['x', 'y', 'z']", steps("work"), "collect")
A_SWITCH = Switch("choose", "'yes'", (("yes", steps("accept")), ("no", steps("refuse"))))
ITEMS_OF_ITEM = "[f'{outer}{i}' for i in range(1 + index)]"


def between(*blocks) -> Seq:
    return (START, *blocks, END)


def nested_foreach(*body) -> Foreach:
    """A foreach whose bodies have one item, two items and so on."""
    inner = Foreach("spread", ITEMS_OF_ITEM, body, "collect")
    return Foreach("outer", "('p', 'q', 'r')", (inner,), "gather_outer")


SHAPES = (
    Shape("single", steps("only")),
    Shape("linear", steps("start middle end")),
    Shape("custom_ends", steps("load middle save")),
    Shape("inherited", between(A_SPLIT), inherited=("start", "a", "meet")),
    Shape("splits", between(A_SPLIT)),
    Shape("split_at_start", (Split("start", (steps("a"), steps("b"), steps("c")), "meet"), END)),
    Shape("wide_split", between(Split("fork", tuple(steps(f"s{i}") for i in range(12)), "meet"))),
    Shape("nested_splits", between(Split("top", (steps("c"), (A_SPLIT,)), "join_top"))),
    Shape("each", between(A_FOREACH)),
    Shape("each_of_one", between(A_FOREACH._replace(items="('single',)"))),
    Shape("each_char", between(A_FOREACH._replace(items="'abc'", body=steps("work more")))),
    Shape("each_number", between(A_FOREACH._replace(items="range(7, 1, -2)"))),
    Shape("each_member", between(A_FOREACH._replace(items="{3, 1, 2}"))),
    Shape(
        "each_value",
        between(A_FOREACH._replace(items="[None, {'k': [1]}, (), 'long text ' * 5, 2.5]")),
    ),
    Shape("each_in_each", between(nested_foreach(Step("work")))),
    Shape(
        "each_in_each_in_each",
        between(
            Foreach("outermost", "[0, 1]", (Step("enter"), nested_foreach(Step("work"))), "top")
        ),
    ),
    Shape("split_in_each", between(Foreach("spread", "[4, 5]", (A_SPLIT,), "collect"))),
    Shape("each_in_split", between(Split("fork", ((A_FOREACH,), steps("b")), "meet"))),
    Shape("split_in_each_in_each", between(nested_foreach(A_SPLIT))),
    Shape(
        "each_beside_each",
        between(
            Split(
                "fork",
                ((A_FOREACH,), (Foreach("spread2", "range(2)", steps("work2"), "collect2"),)),
                "meet",
            )
        ),
    ),
    Shape("each_after_each", between(A_FOREACH, Foreach("again", "'uv'", steps("w2"), "c2"))),
    Shape("switch", between(A_SWITCH, Step("after"))),
    Shape("switch_to_other_case", between(A_SWITCH._replace(choice="'no'"), Step("after"))),
    Shape(
        "switch_on_numbers_and_truths",
        between(
            Switch("count", "2", ((1, steps("one")), (2, steps("two")), (3, steps("three")))),
            Switch("decide", "False", ((True, steps("on")), (False, steps("off off2")))),
        ),
    ),
    Shape(
        "switch_in_split", between(Split("fork", ((A_SWITCH, Step("after")), steps("b")), "meet"))
    ),
    Shape(
        "switch_in_each",
        between(
            Foreach(
                "spread",
                "[10, 20, 30]",
                (A_SWITCH._replace(choice="'no' if index == 1 else 'yes'"), Step("after")),
                "collect",
            )
        ),
    ),
    Shape(
        "each_in_switch",
        between(
            Switch("choose", "'many'", (("many", (A_FOREACH,)), ("one", steps("lone")))),
            Step("after"),
        ),
    ),
    Shape("loop", between(Loop("again", 4))),
    Shape("loop_of_one_turn", between(Loop("again", 1))),
    Shape("loop_in_each", between(Foreach("spread", "'mn'", (Loop("again", 3), Step("w")), "c"))),
    Shape(
        "loop_in_split", between(Split("fork", ((Loop("again", 2), Step("x")), steps("b")), "j"))
    ),
    Shape(
        "wide_each",
        between(Foreach("spread", "range(200)", steps("work"), "collect")),
        options=("--max-num-splits", "200"),
    ),
)
VARIANTS = {
    "wide_each",
    "each_of_one",
    "each_char",
    "each_number",
    "each_member",
    "custom_ends",
    "wide_split",
    "split_at_start",
    "switch_to_other_case",
    "loop_of_one_turn",
}
GRAPHS = tuple(shape for shape in SHAPES if shape.name not in VARIANTS)
"""Shapes with a graph of their own: no other one differs from them by data or names alone."""
COMPOUNDS = {
    "inherited",
    "each_value",
    "each_beside_each",
    "each_after_each",
    "switch_on_numbers_and_truths",
}
BASIC_GRAPHS = tuple(shape for shape in GRAPHS if shape.name not in COMPOUNDS)
"""Graphs that are resumed from every step: the others have pieces of these side by side."""
SPAWNED = {
    "single",
    "inherited",
    "each_value",
    "each_in_each",
    "split_in_each",
    "each_in_split",
    "switch_in_each",
    "loop_in_each",
}
SPAWNED_GRAPHS = tuple(shape for shape in GRAPHS if shape.name in SPAWNED)
"""Graphs that are run by fresh interpreters, which take their time: one for each kind of place."""
