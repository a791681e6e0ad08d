"""A single task's place follows from the tasks before it, or is refused."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from metaflow.engine.place import find_place
from metaflow.errors.run import InputPathsWrong
from metaflow.model.records import OriginTask
from metaflow.model.task import Frame, Transition


class Graph(dict):
    start_step = "start"


def node(kind):
    return SimpleNamespace(type=kind, parallel_foreach=False)


GRAPH = Graph(
    start=node("start"),
    each=node("foreach"),
    fork=node("split"),
    choose=node("split-switch"),
    work=node("linear"),
    other=node("linear"),
    join=node("join"),
)
OUTER = Frame("outer", "1", "xs", 1, 4)


def task(step, task_id, *targets, frames=(), ok=True, handled=False, **how):
    transition = Transition(targets, **how) if targets else None
    return OriginTask(task_id, step, frames, (), 0, ok, handled, "{}", transition)


def branch(step, task_id, index, count=2, splitter="7"):
    frames = (OUTER, Frame("fork", splitter, None, index, count))
    return task(step, task_id, "join", frames=frames)


PARAMETERS = task("_parameters", "p")


def test_the_first_step_has_nobody_before_it():
    for inputs in ([], [PARAMETERS]):
        assert find_place(GRAPH, "start", inputs, None) == ((), ())
        with pytest.raises(InputPathsWrong, match="only the first step"):
            find_place(GRAPH, "work", inputs, None)


def test_a_plain_step_stands_where_the_one_before_stands():
    before = task("other", "5", "work", frames=(OUTER,))
    assert find_place(GRAPH, "work", [before], None) == ((OUTER,), (before,))


def test_a_handled_failure_leads_on():
    before = task("other", "5", "work", ok=False, handled=True)
    assert find_place(GRAPH, "work", [before], None).inputs == (before,)


def test_a_switch_opens_nothing():
    before = task("choose", "5", "work", condition="x")
    assert find_place(GRAPH, "work", [before], None).frames == ()


def test_a_split_opens_a_branch_for_each_step():
    before = task("fork", "5", "other", "work", frames=(OUTER,))
    assert find_place(GRAPH, "work", [before], None).frames == (
        OUTER,
        Frame("fork", "5", None, 1, 2),
    )


def test_a_foreach_opens_a_branch_for_each_item():
    before = task("each", "5", "work", var="xs", count=3)
    assert find_place(GRAPH, "work", [before], 2).frames == (Frame("each", "5", "xs", 2, 3),)
    for index, words in ((None, "--split-index"), (3, "positions go from 0 to 2")):
        with pytest.raises(InputPathsWrong) as caught:
            find_place(GRAPH, "work", [before], index)
        assert words in str(caught.value)


def test_a_join_closes_the_innermost_split_and_sorts_its_inputs():
    first, second = branch("work", "20", 0), branch("other", "10", 1)
    place = find_place(GRAPH, "join", [second, first], None)
    assert place == ((OUTER,), (first, second))


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ([branch("work", "1", 0)], "of the 2 branches of `fork/7`, 1 lack"),
        ([branch("work", "1", 0), branch("work", "2", 0)], "two of them are branch 0"),
        ([branch("work", "1", 0), branch("work", "2", 1, splitter="8")], "different splits"),
        ([task("work", "1", "join")], "no split is open"),
        ([task("work", "1", "other")], "has gone on to `other`"),
        ([task("work", "1")], "has gone on to nowhere"),
        ([task("work", "1", "join", ok=False)], "has failed"),
    ],
)
def test_a_join_that_can_not_be(inputs, words):
    with pytest.raises(InputPathsWrong, match=words):
        find_place(GRAPH, "join", inputs, None)


def test_what_only_foreachs_and_joins_have_is_refused_elsewhere():
    one = task("other", "5", "work")
    with pytest.raises(InputPathsWrong, match="no join"):
        find_place(GRAPH, "work", [one, task("other", "6", "work")], None)
    for step, inputs in (
        ("work", [one]),
        ("start", []),
        ("join", [branch("work", "1", 0), branch("work", "2", 1)]),
    ):
        with pytest.raises(InputPathsWrong, match="no foreach leads here"):
            find_place(GRAPH, step, inputs, 0)
