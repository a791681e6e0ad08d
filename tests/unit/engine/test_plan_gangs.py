"""Each rule about gangs by one plain example."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plan_simulation import graph_of

from metaflow.engine.plan import Plan
from metaflow.engine.plan_failures import TooManySplits, UnexpectedTransition
from metaflow.engine.plan_messages import (
    AttemptFailed,
    AttemptSucceeded,
    Clone,
    EndGang,
    Launch,
    RunFailed,
    RunStarted,
    StepFailed,
    StopRequested,
    StopRunning,
)
from metaflow.engine.plan_origin import OriginRun
from metaflow.model.artifact import ItemsRef, Part
from metaflow.model.records import OriginTask
from metaflow.model.spec import StepSpec
from metaflow.model.task import GANG_VAR, Frame, GangPlace, Transition

if TYPE_CHECKING:
    from metaflow.engine.plan_messages import Command

STEPS = (
    ("start", "parallel", "work"),
    ("work", "linear", "join"),
    ("join", "join", "end"),
    ("end", "end"),
)
TO_JOIN = Transition(("join",))


def begin(size: int, max_workers: int = 16, **spec: int) -> tuple[Plan, list[Command]]:
    """Come to the launch of a gang of this size."""
    graph = graph_of(*STEPS, specs=[StepSpec("work", **spec)])
    plan = Plan(graph, max_workers=max_workers, max_num_splits=100)
    plan.feed(RunStarted())
    return plan, plan.feed(AttemptSucceeded("1", 0, Transition(("work",), count=size)))


def ok(task_id: str, attempt: int = 0, *, handled: bool = False) -> AttemptSucceeded:
    return AttemptSucceeded(task_id, attempt, TO_JOIN, handled)


def ended(task_id: str, attempt: int = 0) -> AttemptFailed:
    """The loop has killed it, as the plan wanted."""
    return AttemptFailed(task_id, attempt, crashed=True, killed=True)


def frame(node: int) -> Frame:
    return Frame("start", "1", GANG_VAR, node, None)


def test_all_members_start_at_once_in_one_slot() -> None:
    plan, launches = begin(3, max_workers=1)
    assert [launch.task_id for launch in launches] == ["2", "2_node_1", "2_node_2"]
    assert [launch.frames for launch in launches] == [(frame(0),), (frame(1),), (frame(2),)]
    assert [launch.gang for launch in launches] == [GangPlace("2", node, 3) for node in range(3)]
    assert plan.progress()[:4] == (1, 0, 3, 0)
    assert plan.progress().total == 1 + 3 + 2


def test_the_join_gets_all_members_in_order() -> None:
    plan, _ = begin(3)
    assert plan.feed(ok("2_node_2")) == plan.feed(ok("2")) == []
    (join,) = plan.feed(ok("2_node_1"))
    assert join == Launch("3", "join", 0, (), ("2", "2_node_1", "2_node_2"), True, True, False)


def test_less_than_one_node_is_a_plain_call() -> None:
    plan, (launch,) = begin(0)
    assert (launch.task_id, launch.gang) == ("2", None)
    assert launch.frames == (Frame("start", "1", None, 0, 1),)
    (join,) = plan.feed(ok("2"))
    assert (join.is_join, join.input_ids) == (True, ("2",))


def test_a_failure_ends_the_others_and_then_the_step() -> None:
    plan, _ = begin(3)
    plan.feed(ok("2_node_2"))
    assert plan.feed(AttemptFailed("2_node_1", 0)) == [EndGang(("2",), "2_node_1")]
    failed, over = plan.feed(ended("2"))
    assert isinstance(failed, StepFailed)
    assert failed.task_id == "2_node_1", "the one that failed by itself"
    assert isinstance(over, RunFailed)


def test_the_whole_gang_is_tried_again() -> None:
    plan, _ = begin(2, retries=1)
    plan.feed(ok("2"))
    launches = plan.feed(AttemptFailed("2_node_1", 0))
    assert [(launch.task_id, launch.attempt) for launch in launches] == [("2", 1), ("2_node_1", 1)]
    assert all(launch.last_attempt for launch in launches)
    plan.feed(ok("2_node_1", 1))
    (join,) = plan.feed(ok("2", 1))
    assert join.input_ids == ("2", "2_node_1")


def test_a_gang_is_not_tried_again_when_a_member_forbids_it() -> None:
    plan, _ = begin(2, retries=3)
    plan.feed(AttemptFailed("2", 0, retryable=False))
    failed, _ = plan.feed(ended("2_node_1"))
    assert isinstance(failed, StepFailed)


def test_a_handled_failure_ends_the_others_whose_fallbacks_follow() -> None:
    plan, _ = begin(3, fallbacks=3)
    plan.feed(ok("2_node_2"))
    assert plan.feed(ok("2_node_1", handled=True)) == [EndGang(("2",), "2_node_1")]
    (fallback,) = plan.feed(ended("2"))
    assert (fallback.task_id, fallback.attempt, fallback.fallback) == ("2", 1, True)
    (join,) = plan.feed(ok("2", 1, handled=True))
    assert join.input_ids == ("2", "2_node_1", "2_node_2")


def test_a_crash_is_followed_by_fallbacks_of_all_that_did_not_finish() -> None:
    plan, _ = begin(3, fallbacks=1)
    plan.feed(ok("2"))
    plan.feed(AttemptFailed("2_node_1", 0, crashed=True))
    launches = plan.feed(ended("2_node_2"))
    assert [launch.task_id for launch in launches] == ["2_node_1", "2_node_2"]
    assert all(launch.fallback for launch in launches)
    assert plan.feed(ok("2_node_1", 1, handled=True)) == []
    (join,) = plan.feed(ok("2_node_2", 1, handled=True))
    assert join.is_join


def test_a_stop_waits_for_all_members() -> None:
    plan, _ = begin(2)
    (stop,) = plan.feed(StopRequested("signal"))
    assert isinstance(stop, StopRunning)
    assert plan.feed(ok("2")) == []
    (over,) = plan.feed(ended("2_node_1"))
    assert isinstance(over, RunFailed)


def test_a_member_that_strays_ends_the_run() -> None:
    plan, _ = begin(2)
    plan.feed(AttemptSucceeded("2_node_1", 0, Transition(("end",))))
    (over,) = plan.feed(ok("2"))
    assert isinstance(over.error, UnexpectedTransition)
    assert "2_node_1" in str(over.error)


def test_a_gang_obeys_the_limit_of_splits() -> None:
    _, (over,) = begin(101)
    assert isinstance(over.error, TooManySplits)
    assert "`num_parallel`" in str(over.error)


def test_an_unbounded_foreach_has_a_control_task_beside_its_items() -> None:
    items = ItemsRef(2, Part("d", 1, 0, 1))
    graph = graph_of(("start", "foreach", "work"), *STEPS[1:])
    plan = Plan(graph, max_workers=1, max_num_splits=100)
    plan.feed(RunStarted())
    launches = plan.feed(AttemptSucceeded("1", 0, Transition(("work",), "xs", None, items)))
    assert [launch.task_id for launch in launches] == ["2", "2-0", "2-1"]
    assert [launch.gang.node for launch in launches] == [-1, 0, 1]
    assert launches[0].frames == ()
    assert launches[2].frames == (Frame("start", "1", "xs", 1, None, items),)
    plan.feed(ok("2-1"))
    plan.feed(ok("2"))
    (join,) = plan.feed(ok("2-0"))
    assert join.input_ids == ("2-0", "2-1")
    assert plan.progress().total == 1 + 3 + 2


# Resume


def resumed(*oks: bool) -> list[Command]:
    """Resume a run whose gang had these outcomes."""
    start = Transition(("work",), count=len(oks))
    tasks = [OriginTask("1", "start", (), (), 0, True, False, "{}", start)]
    for node, is_ok in enumerate(oks):
        task_id = f"2_node_{node}" if node else "2"
        tasks.append(
            OriginTask(task_id, "work", (frame(node),), ("1",), 0, is_ok, False, "{}", TO_JOIN)
        )
    plan = Plan(graph_of(*STEPS), max_workers=4, max_num_splits=100, origin=OriginRun(tasks))
    return plan.feed(RunStarted())


def test_a_gang_that_finished_is_cloned() -> None:
    *clones, launch = resumed(True, True)
    assert [clone.task_id for clone in clones] == ["1", "2", "2_node_1"]
    assert clones[2].gang == GangPlace("2", 1, 2)
    assert launch.input_ids == ("2", "2_node_1")


def test_a_gang_that_lacks_a_member_runs_anew() -> None:
    clone, *launches = resumed(True, False)
    assert isinstance(clone, Clone)
    assert [(launch.task_id, launch.attempt) for launch in launches] == [("2", 0), ("2_node_1", 0)]


def test_nothing_is_cloned_that_follows_something_new() -> None:
    """The start has changed its mind about where to go, so what followed it is not the same."""
    graph = graph_of(("start", "linear", "b"), ("b", "linear", "end"), ("end", "end"))
    origin = OriginRun(
        [
            OriginTask("1", "start", (), (), 0, True, False, "{}", Transition(("a",))),
            OriginTask("2", "a", (), ("1",), 0, True, False, "{}", Transition(("b",))),
            OriginTask("3", "b", (), ("2",), 0, True, False, "{}", Transition(("end",))),
        ]
    )
    plan = Plan(graph, max_workers=4, max_num_splits=100, origin=origin)
    (start,) = plan.feed(RunStarted())
    assert isinstance(start, Launch)
    (b,) = plan.feed(AttemptSucceeded("1", 0, Transition(("b",))))
    assert isinstance(b, Launch)


def test_a_join_is_cloned_only_if_all_its_inputs_are() -> None:
    graph = graph_of(("start", "foreach", "body"), ("body", "linear", "join"), *STEPS[2:])
    transition = Transition(("body",), "xs", 2)
    tasks = [OriginTask("1", "start", (), (), 0, True, False, "{}", transition)]
    tasks += [
        OriginTask(
            str(2 + place),
            "body",
            (Frame("start", "1", "xs", place, 2),),
            ("1",),
            0,
            place == 0,
            False,
            "{}",
            TO_JOIN,
        )
        for place in (0, 1)
    ]
    to_end = Transition(("end",))
    tasks.append(OriginTask("4", "join", (), ("2", "3"), 0, True, False, "{}", to_end))
    plan = Plan(graph, max_workers=4, max_num_splits=100, origin=OriginRun(tasks))
    *clones, launch = plan.feed(RunStarted())
    assert [clone.step for clone in clones] == ["start", "body"]
    (join,) = plan.feed(AttemptSucceeded(launch.task_id, 0, TO_JOIN))
    assert isinstance(join, Launch)
