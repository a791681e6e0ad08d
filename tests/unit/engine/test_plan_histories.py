"""Random graphs, random orders of events, any crash point: the plan ends as the model does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plan_simulation import Mixed, Oracle, Simulation, graphs, model_run

from metaflow.engine.plan import Plan
from metaflow.engine.plan_messages import (
    RunCloned,
    RunFailed,
    RunStarted,
    RunSucceeded,
    StepFailed,
    StopRequested,
    StopRunning,
)

if TYPE_CHECKING:
    from metaflow.engine.plan_graph import PlanGraph

seeds = st.integers(0, 2**32)
workers = st.integers(1, 5)
calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=150)


@calm
@given(graphs(), seeds, seeds, workers)
def test_every_task_runs_once_with_its_inputs_in_order(
    graph: PlanGraph, what: int, order: int, max_workers: int
) -> None:
    run = Simulation(graph, Oracle(what), order, max_workers=max_workers).run()
    run.assert_complete()
    assert sorted(run.launched) == sorted(run.expected)


@calm
@given(graphs(specs=True), seeds, seeds, workers, st.sampled_from([0.05, 0.3, 0.7]))
def test_a_run_in_trouble_ends_once_and_rightly(
    graph: PlanGraph, what: int, order: int, max_workers: int, trouble: float
) -> None:
    run = Simulation(graph, Oracle(what, trouble), order, max_workers=max_workers).run()
    if run.failed:
        assert isinstance(run.ending, RunFailed)
        reports = [command for command in run.commands if isinstance(command, StepFailed)]
        assert {report.task_id for report in reports} == run.failed
        assert len(reports) == len(run.failed)
        assert reports[0].message == run.ending.error.message
        assert sum(isinstance(command, StopRunning) for command in run.commands) <= 1
    else:
        run.assert_complete()


@calm
@given(graphs(), seeds, seeds, st.integers(1, 40))
def test_a_stop_lets_running_tasks_end_and_starts_nothing(
    graph: PlanGraph, what: int, order: int, events: int
) -> None:
    run = Simulation(graph, Oracle(what), order).run(events)
    if run.ending is not None:
        return
    running = len(run.running)
    # A member of a gang that is not complete does not count as finished yet.
    waiting = sum(len(gang.finished) for gang in run.gangs.values() if gang.running)
    done = len(run.finished) + waiting
    run.stopping = True
    run.feed(StopRequested("signal"))
    run.run()
    assert isinstance(run.ending, RunFailed)
    assert str(run.ending.error) == "signal"
    assert len(run.finished) == done + running


@calm
@given(graphs(specs=True), seeds, seeds, st.lists(st.integers(1, 60), min_size=1, max_size=4))
def test_resume_after_resume_repeats_nothing_that_finished(
    graph: PlanGraph, what: int, order: int, cuts: list[int]
) -> None:
    run = Simulation(graph, Oracle(what, 0.2), order).run(cuts[0])
    for turn, cut in enumerate([*cuts[1:], None]):
        earlier = set(run.finished)
        # The user's code is the same, but the last run has better luck.
        oracle = Oracle(what, 0.0 if cut is None else 0.2)
        run = Simulation(graph, oracle, order + turn, origin=run.origin())
        run.feed(RunStarted())
        while run.clones_wait:
            run.feed(run.next_event())
        assert set(run.cloned) == earlier, "all clones come before anything else happens"
        run.run(cut)
        assert not earlier & set(run.launched)
    run.assert_complete()


@calm
@given(graphs(), seeds, seeds, seeds, st.integers(1, 60), st.data())
def test_step_to_rerun_runs_again_with_all_that_follows(
    graph: PlanGraph, what: int, what_now: int, order: int, cut: int, data: st.DataObject
) -> None:
    step = data.draw(st.sampled_from(sorted(graph.steps)))
    origin = Simulation(graph, Oracle(what), order).run(data.draw(st.sampled_from([None, cut])))
    affected = graph.reachable(step)
    oracle = Mixed(affected, Oracle(what_now), Oracle(what))
    run = Simulation(graph, oracle, order, origin=origin.origin(), step_to_rerun=step).run()
    run.assert_complete()
    assert set(run.cloned) == {key for key in origin.finished if key[0] not in affected}


@calm
@given(graphs(), seeds, seeds, st.integers(1, 60))
def test_clone_only_clones_what_is_there(graph: PlanGraph, what: int, order: int, cut: int) -> None:
    origin = Simulation(graph, Oracle(what), order).run(cut)
    run = Simulation(graph, Oracle(what), order, origin=origin.origin(), clone_only=True).run()
    assert set(run.finished) == set(origin.finished)
    complete = isinstance(origin.ending, RunSucceeded)
    assert isinstance(run.ending, RunSucceeded if complete else RunCloned)


@calm
@given(graphs(specs=True), seeds, seeds)
def test_the_same_history_gives_the_same_commands(graph: PlanGraph, what: int, order: int) -> None:
    run = Simulation(graph, Oracle(what, 0.2), order).run()
    again = Plan(graph, max_workers=run.max_workers, max_num_splits=100)
    commands = [command for event in run.history for command in again.feed(event)]
    assert list(map(_text, commands)) == list(map(_text, run.commands))


def _text(command: object) -> str:
    # Commands without fields have no equality of their own.
    return repr(command) if isinstance(command, tuple) else type(command).__name__


@calm
@given(graphs(), seeds)
def test_the_model_knows_every_kind_of_step(graph: PlanGraph, what: int) -> None:
    done = model_run(graph, Oracle(what))
    assert sum(key[0] == "end_0" for key in done) == 1
    assert all(inputs for key, inputs in done.items() if key[0] != graph.start or key[2])
