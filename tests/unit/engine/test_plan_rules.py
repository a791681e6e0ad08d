"""Each rule of the plan by one plain example."""

from __future__ import annotations

import pickle
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from plan_simulation import graph_of

from metaflow.engine.plan import Plan
from metaflow.engine.plan_failures import (
    RunStopped,
    RunStuck,
    StepFailure,
    TooManySplits,
    UnexpectedTransition,
)
from metaflow.engine.plan_messages import (
    AttemptFailed,
    AttemptSucceeded,
    Clone,
    ClonesRecorded,
    Launch,
    RecordClones,
    RetryDue,
    RetryLater,
    RunCloned,
    RunFailed,
    RunStarted,
    RunSucceeded,
    StepFailed,
    StopRequested,
    StopRunning,
)
from metaflow.engine.plan_origin import OriginRun
from metaflow.engine.plan_progress import Progress
from metaflow.errors.base import MetaflowInternalError
from metaflow.model.artifact import ItemsRef, Part
from metaflow.model.records import OriginTask
from metaflow.model.spec import StepSpec
from metaflow.model.task import Frame, Transition

if TYPE_CHECKING:
    from metaflow.engine.plan_graph import PlanGraph
    from metaflow.engine.plan_messages import Command

LINEAR = graph_of(("start", "linear", "end"), ("end", "end"))
SPLIT = graph_of(
    ("start", "split", "b", "a"),
    ("a", "linear", "join"),
    ("b", "linear", "join"),
    ("join", "join", "end"),
    ("end", "end"),
)
FOREACH = graph_of(
    ("start", "foreach", "body"),
    ("body", "linear", "join"),
    ("join", "join", "end"),
    ("end", "end"),
)
LOOP = graph_of(("start", "linear", "loop"), ("loop", "switch", "loop", "end"), ("end", "end"))
TO_JOIN, TO_END = Transition(("join",)), Transition(("end",))


def begin(graph: PlanGraph, max_workers: int = 16, **options: object) -> tuple[Plan, list[Command]]:
    plan = Plan(graph, max_workers=max_workers, **{"max_num_splits": 100, **options})
    return plan, plan.feed(RunStarted())


def ids(commands: list[Command]) -> list[str]:
    assert all(isinstance(command, Launch) for command in commands)
    return [command.task_id for command in commands]


def single(retries: int = 0, fallbacks: int = 0, retry_wait_s: float = 0.0) -> Plan:
    spec = StepSpec("start", retries=retries, fallbacks=fallbacks, retry_wait_s=retry_wait_s)
    return begin(graph_of(("start", "end"), specs=[spec]))[0]


def finished(
    task_id: str,
    step: str,
    transition: Transition | None,
    frames: tuple[Frame, ...] = (),
    *,
    ok: bool = True,
    handled: bool = False,
) -> OriginTask:
    return OriginTask(task_id, step, frames, (), 2, ok, handled, "{}", transition)


# Launches


def test_a_flow_of_one_step() -> None:
    plan, commands = begin(graph_of(("only", "end")))
    assert commands == [Launch("1", "only", 0, (), (), False, True, False)]
    (over,) = plan.feed(AttemptSucceeded("1", 0, None))
    assert isinstance(over, RunSucceeded)


def test_an_end_step_may_say_that_it_goes_nowhere() -> None:
    plan, _ = begin(graph_of(("only", "end")))
    (over,) = plan.feed(AttemptSucceeded("1", 0, Transition(())))
    assert isinstance(over, RunSucceeded)


def test_static_split_and_join_keep_the_order_of_the_split() -> None:
    plan, _ = begin(SPLIT)
    b, a = plan.feed(AttemptSucceeded("1", 0, Transition(("b", "a"))))
    assert (b.step, b.frames) == ("b", (Frame("start", "1", None, 0, 2),))
    assert (a.step, a.frames) == ("a", (Frame("start", "1", None, 1, 2),))
    assert b.input_ids == a.input_ids == ("1",)
    assert plan.feed(AttemptSucceeded("3", 0, TO_JOIN)) == []
    (join,) = plan.feed(AttemptSucceeded("2", 0, TO_JOIN))
    assert join == Launch("4", "join", 0, (), ("2", "3"), True, True, False)


def test_foreach_children_know_their_items_and_join_in_order() -> None:
    items = ItemsRef(3, Part("d", 1, 0, 1))
    plan, _ = begin(FOREACH)
    children = plan.feed(AttemptSucceeded("1", 0, Transition(("body",), "xs", 3, items)))
    assert [child.frames for child in children] == [
        (Frame("start", "1", "xs", index, 3, items),) for index in range(3)
    ]
    for task_id in ("4", "2"):
        assert plan.feed(AttemptSucceeded(task_id, 0, TO_JOIN)) == []
    (join,) = plan.feed(AttemptSucceeded("3", 0, TO_JOIN))
    assert join.input_ids == ("2", "3", "4")
    assert join.frames == ()


def test_slots_are_given_first_come_first_served() -> None:
    plan, _ = begin(FOREACH, max_workers=2)
    first = plan.feed(AttemptSucceeded("1", 0, Transition(("body",), "xs", 4)))
    assert ids(first) == ["2", "3"]
    assert plan.progress().waiting == 2
    (third,) = plan.feed(AttemptSucceeded("3", 0, TO_JOIN))
    assert (third.task_id, third.frames[-1].index) == ("4", 2)


def test_a_switch_takes_one_branch_and_opens_no_split() -> None:
    plan, _ = begin(
        graph_of(
            ("start", "switch", "a", "b"),
            ("a", "linear", "end"),
            ("b", "linear", "end"),
            ("end", "end"),
        )
    )
    (b,) = plan.feed(AttemptSucceeded("1", 0, Transition(("b",), condition="c")))
    assert (b.step, b.frames) == ("b", ())
    (end,) = plan.feed(AttemptSucceeded("2", 0, TO_END))
    assert (end.step, end.is_join, end.input_ids) == ("end", False, ("2",))


def test_a_switch_may_come_back_to_itself() -> None:
    plan, _ = begin(LOOP)
    plan.feed(AttemptSucceeded("1", 0, Transition(("loop",))))
    (again,) = plan.feed(AttemptSucceeded("2", 0, Transition(("loop",), condition="c")))
    assert (again.task_id, again.step, again.input_ids) == ("3", "loop", ("2",))
    (end,) = plan.feed(AttemptSucceeded("3", 0, Transition(("end",), condition="c")))
    assert end.step == "end"


def test_branches_of_a_switch_inside_a_foreach_may_enter_its_join_at_once() -> None:
    graph = graph_of(
        ("start", "foreach", "choose"),
        ("choose", "switch", "more", "join"),
        ("more", "linear", "join"),
        ("join", "join", "end"),
        ("end", "end"),
    )
    plan, _ = begin(graph)
    plan.feed(AttemptSucceeded("1", 0, Transition(("choose",), "xs", 2)))
    plan.feed(AttemptSucceeded("2", 0, Transition(("more",), condition="c")))
    plan.feed(AttemptSucceeded("4", 0, TO_JOIN))
    assert plan.progress().total is None
    (join,) = plan.feed(AttemptSucceeded("3", 0, Transition(("join",), condition="c")))
    assert join.input_ids == ("4", "3")
    assert plan.progress().total == 6


def test_a_plan_needs_a_worker() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Plan(LINEAR, max_workers=0, max_num_splits=1)


# Transitions that end the run


@pytest.mark.parametrize(
    ("graph", "transition", "expected", "actual"),
    [
        (LINEAR, None, "`self.next(self.end)`", "no `self.next`"),
        (LINEAR, Transition(("start",)), "`self.next(self.end)`", "`self.next(self.start)`"),
        (SPLIT, Transition(("a", "b")), "(self.b, self.a)`", "(self.a, self.b)`"),
        (SPLIT, Transition(("b",)), "(self.b, self.a)`", "(self.b)`"),
        (FOREACH, Transition(("body",)), "(self.body, foreach=…)`", "(self.body)`"),
        (LINEAR, Transition(("end",), "xs", 2), "(self.end)`", "(self.end, foreach='xs')`"),
        (graph_of(("start", "end")), TO_END, "no `self.next`", "`self.next(self.end)`"),
        (
            graph_of(("start", "switch", "a", "b"), ("a", "end"), ("b", "end")),
            Transition(("start",), condition="c"),
            "`self.next(self.a)` or `self.next(self.b)`",
            "`self.next(self.start)`",
        ),
    ],
)
def test_a_transition_must_be_the_one_in_the_source(
    graph: PlanGraph, transition: Transition | None, expected: str, actual: str
) -> None:
    plan, _ = begin(graph)
    (over,) = plan.feed(AttemptSucceeded("1", 0, transition))
    assert isinstance(over, RunFailed)
    assert isinstance(over.error, UnexpectedTransition)
    assert over.error.headline == "Internal error"
    assert over.error.expected.endswith(expected)
    assert over.error.actual.endswith(actual)
    assert over.error.expected in str(over.error)
    assert over.error.actual in str(over.error)
    assert plan.progress().done == 1


def test_a_foreach_has_a_limit() -> None:
    plan, _ = begin(FOREACH, max_num_splits=3)
    assert len(plan.feed(AttemptSucceeded("1", 0, Transition(("body",), "xs", 3)))) == 3
    plan, _ = begin(FOREACH, max_num_splits=3)
    (over,) = plan.feed(AttemptSucceeded("1", 0, Transition(("body",), "xs", 4)))
    assert isinstance(over, RunFailed)
    assert isinstance(over.error, TooManySplits)
    assert over.error.headline == "Step failure"
    assert "--max-num-splits" in over.error.message
    assert plan.progress().done == 1


def test_a_graph_that_leads_nowhere_does_not_hang() -> None:
    # The linter refuses such a graph; without it, both joins would wait for ever.
    graph = graph_of(
        ("start", "split", "a", "b"),
        ("a", "linear", "one"),
        ("b", "linear", "two"),
        ("one", "join", "end"),
        ("two", "join", "end"),
        ("end", "end"),
    )
    plan, _ = begin(graph)
    plan.feed(AttemptSucceeded("1", 0, Transition(("a", "b"))))
    assert plan.feed(AttemptSucceeded("2", 0, Transition(("one",)))) == []
    (over,) = plan.feed(AttemptSucceeded("3", 0, Transition(("two",))))
    assert isinstance(over, RunFailed)
    assert isinstance(over.error, RunStuck)
    assert over.error.joins == ["one", "two"]


def test_errors_name_what_waits_and_travel_between_processes() -> None:
    assert "`join`" in str(RunStuck(["join"]))
    for error in (RunStuck([]), StepFailure("a", "1"), TooManySplits("a", "1", 5, 4)):
        copy = pickle.loads(pickle.dumps(error))
        assert (str(copy), vars(copy)) == (str(error), vars(error))


# Attempts


def test_retries_then_failure() -> None:
    plan = single(retries=1)
    (retry,) = plan.feed(AttemptFailed("1", 0))
    assert (retry.task_id, retry.attempt, retry.last_attempt) == ("1", 1, True)
    failed, over = plan.feed(AttemptFailed("1", 1))
    assert failed == StepFailed("1", "start", "Step start (task-id 1) failed.")
    assert isinstance(over, RunFailed)
    assert isinstance(over.error, StepFailure)
    assert over.error.headline == "Step failure"


def test_only_the_last_retry_is_called_so() -> None:
    spec = StepSpec("start", retries=2)
    plan, (first,) = begin(graph_of(("start", "end"), specs=[spec]))
    (second,) = plan.feed(AttemptFailed("1", 0))
    (third,) = plan.feed(AttemptFailed("1", 1))
    assert [x.last_attempt for x in (first, second, third)] == [False, False, True]


def test_a_failure_for_good_is_not_retried() -> None:
    failed, over = single(retries=3, fallbacks=3).feed(AttemptFailed("1", 0, retryable=False))
    assert isinstance(failed, StepFailed)
    assert isinstance(over, RunFailed)


def test_fallbacks_follow_crashes_only() -> None:
    plan = single(retries=1, fallbacks=2)
    (retry,) = plan.feed(AttemptFailed("1", 0, crashed=True))
    assert not retry.fallback
    (fallback,) = plan.feed(AttemptFailed("1", 1, crashed=True))
    assert (fallback.attempt, fallback.fallback, fallback.last_attempt) == (2, True, True)
    (fallback,) = plan.feed(AttemptFailed("1", 2, crashed=True))
    assert (fallback.attempt, fallback.fallback) == (3, True)
    assert isinstance(plan.feed(AttemptFailed("1", 3, crashed=True))[-1], RunFailed)

    plan = single(fallbacks=2)
    assert isinstance(plan.feed(AttemptFailed("1", 0))[-1], RunFailed)


def test_a_crash_for_good_goes_straight_to_the_fallback() -> None:
    plan = single(retries=3, fallbacks=1)
    (fallback,) = plan.feed(AttemptFailed("1", 0, retryable=False, crashed=True))
    assert (fallback.attempt, fallback.fallback) == (1, True)
    assert isinstance(plan.feed(AttemptFailed("1", 1))[-1], RunFailed), "no way back to user code"


def test_six_attempts_at_most_and_room_for_fallbacks() -> None:
    plan = single(retries=9, fallbacks=2)
    kinds = []
    for attempt in range(5):
        (launch,) = plan.feed(AttemptFailed("1", attempt, crashed=True))
        kinds.append((launch.last_attempt, launch.fallback))
    assert kinds == [(False, False)] * 2 + [(True, False)] + [(True, True)] * 2
    assert isinstance(plan.feed(AttemptFailed("1", 5, crashed=True))[-1], RunFailed)


def test_more_fallbacks_than_attempts_leave_one_attempt_to_the_user() -> None:
    plan = single(retries=2, fallbacks=9)
    for attempt in range(5):
        (launch,) = plan.feed(AttemptFailed("1", attempt, crashed=True))
        assert launch.fallback
    assert isinstance(plan.feed(AttemptFailed("1", 5, crashed=True))[-1], RunFailed)


def test_a_handled_failure_is_a_success() -> None:
    plan, _ = begin(LINEAR)
    (end,) = plan.feed(AttemptSucceeded("1", 0, TO_END, handled=True))
    assert end.step == "end"


def test_a_waiting_retry_holds_no_slot() -> None:
    graph = graph_of(
        ("start", "split", "a", "b", "c"),
        *((name, "linear", "join") for name in "abc"),
        ("join", "join", "end"),
        ("end", "end"),
        specs=[StepSpec("a", retries=1, retry_wait_s=120.0)],
    )
    plan, _ = begin(graph, max_workers=1)
    (a,) = plan.feed(AttemptSucceeded("1", 0, Transition(("a", "b", "c"))))
    later, b = plan.feed(AttemptFailed(a.task_id, 0))
    assert later == RetryLater(a.task_id, 120.0)
    assert b.step == "b"
    assert plan.progress().waiting == 2
    assert plan.feed(RetryDue(a.task_id)) == []
    (retry,) = plan.feed(AttemptSucceeded(b.task_id, 0, TO_JOIN))
    assert (retry.task_id, retry.attempt) == (a.task_id, 1), "it had its turn before"


def test_a_run_waits_for_its_retries() -> None:
    plan = single(retries=1, retry_wait_s=1.0)
    assert plan.feed(AttemptFailed("1", 0)) == [RetryLater("1", 1.0)]
    (retry,) = plan.feed(RetryDue("1"))
    assert retry.attempt == 1


@pytest.mark.parametrize("event", [AttemptSucceeded("2", 0, None), AttemptFailed("1", 1)])
def test_an_end_of_what_does_not_run_is_a_bug(event: AttemptSucceeded | AttemptFailed) -> None:
    with pytest.raises(MetaflowInternalError):
        single().feed(event)


# Stopping


def test_the_first_failure_stops_the_run_and_running_tasks_still_count() -> None:
    plan, _ = begin(FOREACH, max_workers=3)
    plan.feed(AttemptSucceeded("1", 0, Transition(("body",), "xs", 5)))
    failed, stop = plan.feed(AttemptFailed("3", 0))
    assert failed.task_id == "3"
    assert isinstance(stop, StopRunning)
    assert plan.progress().waiting == 0
    assert plan.feed(AttemptSucceeded("2", 0, TO_JOIN)) == []
    also, over = plan.feed(AttemptFailed("4", 0))
    assert (type(also), also.task_id) == (StepFailed, "4")
    assert isinstance(over, RunFailed)
    assert over.error is stop.error
    assert "task-id 3" in str(over.error)
    assert (plan.progress().done, plan.progress().failed) == (2, 2)


def test_what_the_loop_killed_is_no_further_failure() -> None:
    plan, _ = begin(SPLIT)
    plan.feed(AttemptSucceeded("1", 0, Transition(("b", "a"))))
    plan.feed(AttemptFailed("2", 0))
    (over,) = plan.feed(AttemptFailed("3", 0, crashed=True, killed=True))
    assert isinstance(over, RunFailed)
    assert plan.progress().failed == 1


def test_no_retry_starts_after_a_stop() -> None:
    graph = graph_of(
        ("start", "split", "a", "b"),
        ("a", "linear", "join"),
        ("b", "linear", "join"),
        ("join", "join", "end"),
        ("end", "end"),
        specs=[StepSpec("a", retries=4), StepSpec("b", retries=4, retry_wait_s=9.0)],
    )
    plan, _ = begin(graph)
    a, b = plan.feed(AttemptSucceeded("1", 0, Transition(("a", "b"))))
    plan.feed(AttemptFailed(b.task_id, 0))
    (stop,) = plan.feed(StopRequested("Ctrl-C"))
    assert isinstance(stop, StopRunning)
    assert plan.feed(RetryDue(b.task_id)) == []
    assert plan.feed(StopRequested("again")) == []
    failed, over = plan.feed(AttemptFailed(a.task_id, 0))
    assert isinstance(failed, StepFailed)
    assert isinstance(over.error, RunStopped)
    assert str(over.error) == "Ctrl-C"


def test_a_stop_ends_a_run_that_only_waits() -> None:
    plan = single(retries=1, retry_wait_s=60.0)
    plan.feed(AttemptFailed("1", 0))
    (over,) = plan.feed(StopRequested("Ctrl-C"))
    assert isinstance(over, RunFailed)


# Resume


def clones(commands: list[Command]) -> list[tuple[str, str]]:
    return [(x.step, x.origin.task_id) for x in commands if isinstance(x, Clone)]


def test_a_finished_run_is_cloned_whole() -> None:
    origin = OriginRun([finished("1", "start", TO_END), finished("2", "end", None)])
    plan, (start, end, over) = begin(LINEAR, origin=origin)
    assert (start.task_id, start.input_ids, start.origin.task_id) == ("1", (), "1")
    assert (end.task_id, end.input_ids, end.origin.task_id) == ("2", ("1",), "2")
    assert isinstance(over, RunSucceeded)
    assert plan.progress()[:2] == (2, 2)


def test_only_missing_items_of_a_foreach_run_again() -> None:
    transition = Transition(("body",), "xs", 4, ItemsRef(4, Part("d", 1, 0, 1)))
    tasks = [finished("1", "start", transition)]
    tasks += [
        finished(
            str(20 + index), "body", TO_JOIN, (Frame("start", "1", "xs", index, 4),), ok=index != 1
        )
        for index in (3, 1, 0)
    ]
    plan, commands = begin(FOREACH, max_workers=1, origin=OriginRun(tasks))
    *_, launch = commands
    assert clones(commands) == [("start", "1"), ("body", "20"), ("body", "23")]
    assert (launch.task_id, launch.frames[-1].index) == ("4", 1)
    assert launch.frames[-1].items == transition.items
    (launch,) = plan.feed(AttemptSucceeded("4", 0, TO_JOIN))
    assert (launch.task_id, launch.frames[-1].index) == ("5", 2)
    (join,) = plan.feed(AttemptSucceeded("5", 0, TO_JOIN))
    assert join.input_ids == ("2", "4", "5", "3")


def test_what_follows_clones_starts_in_the_order_of_the_split() -> None:
    graph = graph_of(
        ("start", "foreach", "body"),
        ("body", "linear", "more"),
        ("more", "linear", "join"),
        ("join", "join", "end"),
        ("end", "end"),
    )
    tasks = [finished("1", "start", Transition(("body",), "xs", 3))]
    tasks += [
        finished(
            str(index + 2), "body", Transition(("more",)), (Frame("start", "1", "xs", index, 3),)
        )
        for index in range(3)
    ]
    _, commands = begin(graph, origin=OriginRun(tasks))
    launches = [command for command in commands if isinstance(command, Launch)]
    assert [(x.step, x.frames[-1].index) for x in launches] == [("more", n) for n in range(3)]


def test_step_to_rerun_spares_what_does_not_follow_it() -> None:
    frames = [(Frame("start", "7", None, index, 2),) for index in (0, 1)]
    origin = OriginRun(
        [
            finished("7", "start", Transition(("b", "a"))),
            finished("8", "b", TO_JOIN, frames[0]),
            finished("9", "a", TO_JOIN, frames[1]),
            finished("10", "join", TO_END),
            finished("11", "end", None),
        ]
    )
    plan, commands = begin(SPLIT, origin=origin, step_to_rerun="b")
    assert clones(commands) == [("start", "7"), ("a", "9")]
    assert commands[-1].step == "b"
    (join,) = plan.feed(AttemptSucceeded(commands[-1].task_id, 0, TO_JOIN))
    assert isinstance(join, Launch)


def test_a_handled_task_is_cloned() -> None:
    origin = OriginRun([finished("1", "start", TO_END, handled=True)])
    _, commands = begin(LINEAR, origin=origin)
    assert clones(commands) == [("start", "1")]


def test_loops_go_on_after_the_last_good_turn() -> None:
    again = Transition(("loop",), condition="c")
    tasks = [
        finished("10", "loop", again),
        finished("9", "loop", again),
        finished("1", "start", Transition(("loop",))),
        finished("11", "loop", None, ok=False),
    ]
    _, commands = begin(LOOP, origin=OriginRun(tasks))
    assert clones(commands) == [("start", "1"), ("loop", "9"), ("loop", "10")]
    assert commands[-1].input_ids == ("3",)


def test_a_task_that_went_where_nothing_is_any_more_runs_again() -> None:
    origin = OriginRun([finished("1", "start", Transition(("renamed",)))])
    _, (launch,) = begin(LINEAR, origin=origin)
    assert isinstance(launch, Launch)


def test_clone_only_starts_nothing() -> None:
    origin = OriginRun([finished("1", "start", TO_END)])
    _, (clone, over) = begin(LINEAR, origin=origin, clone_only=True)
    assert isinstance(clone, Clone)
    assert isinstance(over, RunCloned)
    _, (over,) = begin(LINEAR, origin=OriginRun([]), clone_only=True)
    assert isinstance(over, RunCloned)


def test_a_cloned_foreach_obeys_the_limit_of_today() -> None:
    origin = OriginRun([finished("1", "start", Transition(("body",), "xs", 4))])
    _, (_, over) = begin(FOREACH, origin=origin, max_num_splits=3)
    assert isinstance(over.error, TooManySplits)


# Size


def test_a_wide_foreach_costs_nothing_before_its_tasks_start() -> None:
    plan, _ = begin(FOREACH, max_workers=4, max_num_splits=1_000_000)
    tracemalloc.start()
    try:
        plan.feed(AttemptSucceeded("1", 0, Transition(("body",), "xs", 1_000_000)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert plan.progress().waiting == 999_996
    assert peak < 20_000


def test_a_long_loop_is_cloned_without_recursion() -> None:
    again = Transition(("loop",), condition="c")
    tasks = [finished("1", "start", Transition(("loop",)))]
    tasks += [finished(str(number), "loop", again) for number in range(2, 5002)]
    plan, commands = begin(LOOP, origin=OriginRun(tasks), clones_at_once=6000)
    assert len(clones(commands)) == 5001
    # The loop's next turn is new.
    assert [x.task_id for x in commands if isinstance(x, Launch)] == ["5002"]
    assert plan.progress().cloned == 5001


def test_many_clones_are_named_some_at_a_time() -> None:
    tasks = [finished("1", "start", Transition(("body",), "xs", 10))]
    tasks += [
        finished(str(2 + index), "body", TO_JOIN, (Frame("start", "1", "xs", index, 10),))
        for index in range(10)
        if index != 4
    ]
    plan, commands = begin(FOREACH, origin=OriginRun(tasks), clones_at_once=4)
    named = []
    while isinstance(commands[-1], RecordClones):
        assert all(isinstance(x, Clone) for x in commands[:-1])
        assert len(commands) <= 4 + 2
        named += clones(commands)
        commands = plan.feed(ClonesRecorded())
    named += clones(commands)
    assert [origin for _, origin in named] == [task.task_id for task in tasks]
    (launch,) = (x for x in commands if isinstance(x, Launch))
    assert launch.frames[-1].index == 4
    assert plan.progress() == Progress(10, 10, 1, 0, 0, 13)


def test_a_run_can_be_stopped_between_clones() -> None:
    tasks = [finished("1", "start", Transition(("body",), "xs", 10))]
    tasks += [
        finished(str(2 + index), "body", TO_JOIN, (Frame("start", "1", "xs", index, 10),))
        for index in range(10)
    ]
    plan, commands = begin(FOREACH, origin=OriginRun(tasks), clones_at_once=4)
    assert isinstance(commands[-1], RecordClones)
    (over,) = plan.feed(StopRequested("Enough."))
    assert isinstance(over, RunFailed)


def test_a_long_flow_is_planned_without_recursion() -> None:
    steps = [(f"s{n}", "linear", f"s{n + 1}") for n in range(5000)]
    plan, _ = begin(graph_of(*steps, ("s5000", "end")))
    assert plan.progress().total == 5001
