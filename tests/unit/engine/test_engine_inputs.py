"""What tasks that follow are told of those before them, and for how long that is kept."""

from __future__ import annotations

import json

import pytest

from metaflow.engine.inputs import InputTexts, dumps
from metaflow.engine.plan_messages import Launch
from metaflow.model.task import Assignment, Frame, GangPlace, Transition

REF = ["d", "builtins.int", 1, "pickle", 1, [["d", 1, 0, 1, "", 0]]]


def launch(*input_ids: str, is_join: bool = False, gang: GangPlace | None = None) -> Launch:
    frames = (Frame("start", "1", "xs", 0, 2),)
    return Launch("9", "work", 0, frames, input_ids, is_join, True, False, gang)


def finish(texts: InputTexts, task_id: str, transition: Transition | None) -> None:
    texts.put(task_id, "before", "[]", dumps({"x": REF}), transition)


def assigned(texts: InputTexts, launch: Launch) -> Assignment:
    return Assignment.from_body(b"".join(texts.assignment(launch, dumps(launch.frames))))


def test_a_plain_step_is_told_of_its_predecessor():
    texts = InputTexts()
    finish(texts, "1", Transition(("work",)))
    assignment = assigned(texts, launch("1"))
    assert assignment.frames == launch().frames
    assert [one.task_id for one in assignment.inputs] == ["1"]
    assert assignment.inputs[0].manifest == {"x": REF}
    assert assignment.gang is None


def test_a_member_is_told_its_place():
    place = GangPlace("9", 1, 2, 4711)
    assert assigned(InputTexts(), launch(gang=place)).gang == place
    # As the array that a value of this type becomes by itself.
    assert Assignment.from_json(json.loads(dumps(Assignment("a", "1", 0, (), ())))).gang is None


def test_a_join_reads_its_inputs_when_it_looks_at_them():
    texts = InputTexts()
    for number in range(3):
        finish(texts, str(number), Transition(("join",)))
    inputs = assigned(texts, launch("2", "0", "1", is_join=True)).inputs
    assert len(inputs) == 3
    assert [one.task_id for one in inputs] == ["2", "0", "1"]
    assert [one.task_id for one in inputs[1:]] == ["0", "1"]
    assert inputs[-1].step == "before"
    with pytest.raises(IndexError):
        inputs[3]


@pytest.mark.parametrize(
    ("transition", "readers"),
    [
        (Transition(("a",)), 1),
        (Transition(("a", "b")), 2),
        (Transition(("a",), "xs", 3), 3),
        (Transition(("a",), condition="c"), 1),
    ],
)
def test_a_task_is_kept_until_all_that_follow_have_finished(transition, readers):
    texts = InputTexts()
    finish(texts, "1", transition)
    for left in reversed(range(readers)):
        assert len(texts) == 1
        texts.used(["1"])
        assert len(texts) == int(left > 0)
    texts.used(["1"])


def test_what_a_gang_reads_is_kept_for_its_next_attempt():
    texts = InputTexts()
    finish(texts, "1", Transition(("a",), count=2))
    for _ in range(4):
        texts.used(["1"])
    assert len(texts) == 1


def test_the_end_is_not_kept():
    texts = InputTexts()
    finish(texts, "1", None)
    finish(texts, "2", Transition(()))
    assert len(texts) == 0
