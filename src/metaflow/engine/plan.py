"""The plan of a run: decides, from what has happened, what is to be done next.

It is a pure decider. The loop feeds it one event after another and carries out the commands
that come back; the plan does no I/O, reads no clock and draws no random numbers, so the same
history always leads to the same commands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow.engine.plan_gang import Gang
from metaflow.engine.plan_messages import (
    AttemptFailed,
    AttemptSucceeded,
    ClonesRecorded,
    Command,
    EndGang,
    Event,
    Launch,
    RecordClones,
    RetryDue,
    RetryLater,
    RunCloned,
    RunFailed,
    RunSucceeded,
    StepFailed,
    StopRequested,
    StopRunning,
)
from metaflow.engine.plan_progress import Forecast, Progress
from metaflow.engine.plan_queue import (
    Branches,
    BranchSearch,
    OpenJoin,
    PlannedTask,
    ReadyQueue,
)
from metaflow.errors.base import MetaflowInternalError
from metaflow.model.spec import MAX_ATTEMPTS, StepSpec

if TYPE_CHECKING:
    from metaflow.engine.plan_graph import PlanGraph, StepNode
    from metaflow.engine.plan_origin import OriginRun
    from metaflow.engine.plan_takeover import Takeover
    from metaflow.errors.base import MetaflowException
    from metaflow.model.task import Transition


CLONES_AT_ONCE = 500
"""A resume of any width has so many clones in hand, and hears a signal after as many."""


class Plan:
    """Everything that a run still has to do.

    Parameters
    ----------
    graph : PlanGraph
        The flow, checked by the linter.
    max_workers : int
        Attempts that may run at once, at least 1; a gang counts as one.
    max_num_splits : int
        Items that a foreach may have, and nodes of a gang.
    origin : OriginRun, optional
        For a resume: what an earlier run has finished; it is cloned instead of run again.
    step_to_rerun : str, optional
        For a resume: nothing is cloned of this step and all that is reachable from it.
    clone_only : bool
        For a resume: launch nothing.
    clones_at_once : int
        For a resume: clones to name between two events, about.
    """

    def __init__(
        self,
        graph: PlanGraph,
        *,
        max_workers: int,
        max_num_splits: int,
        origin: OriginRun | None = None,
        step_to_rerun: str | None = None,
        clone_only: bool = False,
        clones_at_once: int = CLONES_AT_ONCE,
    ) -> None:
        if max_workers < 1:
            raise ValueError(f"max_workers must be at least 1, not {max_workers}")
        self._graph = graph
        self._max_workers = max_workers
        self._max_num_splits = max_num_splits
        self._takeover: Takeover | None = None
        if origin is not None:
            # Loaded here: just a resume takes anything over.
            from metaflow.engine.plan_takeover import Takeover

            self._takeover = Takeover(origin, graph, step_to_rerun)
        self._clone_only = clone_only
        self._clones_at_once = clones_at_once

        self._ready = ReadyQueue()
        self._running: dict[str, PlannedTask] = {}
        self._members: dict[str, Gang] = {}
        """Running gangs by the ids of all their members."""
        self._followers = 0
        """Running members of gangs beyond the one that stands for the gang's slot."""
        self._retrying: dict[str, PlannedTask] = {}
        self._joins: dict[tuple[str, str], OpenJoin] = {}
        self._commands: list[Command] = []
        """What the event at hand leads to."""

        self._last_id = 0
        self._error: MetaflowException | None = None
        """The first thing that went wrong; from then on nothing is started."""
        self._end_reached = False
        self._over = False
        self._done_count = 0
        self._failed_count = 0
        self._forecast = Forecast(graph)

    def feed(self, event: Event) -> list[Command]:
        """Take note of an event.

        Parameters
        ----------
        event : Event
            What happened; `RunStarted` first, then one end for each launched attempt.

        Returns
        -------
        list of Command
            What to do now, in this order; the plan does not touch the list again. Exactly
            one of `RunSucceeded`, `RunCloned` and `RunFailed` comes, as the very last command.
        """
        self._commands = []
        was_sound = self._error is None
        self._heed(event)
        takeover = self._takeover
        if takeover is not None and takeover.is_unfinished:
            self._follow_clones(takeover)
            if takeover.is_unfinished:
                self._commands.append(RecordClones())
                return self._commands
        if self._error is None:
            self._launch_ready()
        elif was_sound and self._running:
            self._commands.append(StopRunning(self._error))
        if not self._running and not self._over:
            self._conclude()
        return self._commands

    def progress(self) -> Progress:
        """Count the tasks."""
        return Progress(
            done=self._done_count,
            cloned=0 if self._takeover is None else self._takeover.count,
            running=len(self._running) + self._followers,
            waiting=len(self._ready) + len(self._retrying),
            failed=self._failed_count,
            total=self._forecast.total,
        )

    # What events mean

    def _heed(self, event: Event) -> None:
        if isinstance(event, AttemptSucceeded | AttemptFailed):
            if event.task_id in self._members:
                self._member_ended(self._members[event.task_id], event)
            elif isinstance(event, AttemptSucceeded):
                self._succeeded(event)
            else:
                self._failed(self._ended(event), event)
        elif isinstance(event, RetryDue):
            self._retry_due(event)
        elif isinstance(event, StopRequested):
            self._stop_requested(event)
        elif not isinstance(event, ClonesRecorded):
            start = self._graph.steps[self._graph.start]
            self._offer(PlannedTask(start, (), (), follows_clones=True))

    def _succeeded(self, event: AttemptSucceeded) -> None:
        task = self._ended(event)
        self._done_count += 1
        if self._error is None:
            self._advance(task, event.transition)

    def _failed(self, task: PlannedTask, event: AttemptFailed) -> None:
        if self._error is not None:
            if not event.killed:
                self._give_up(task, event.task_id)
            return
        spec = task.node.spec
        task.attempt += 1
        again = event.retryable and not task.fallbacks and task.attempt < _user_attempts(spec)
        if again and spec.retry_wait_s > 0:
            self._retrying[task.task_id] = task
            self._commands.append(RetryLater(task.task_id, spec.retry_wait_s))
        elif again:
            self._ready.put_first(task)
        elif event.crashed and task.fallbacks < spec.fallbacks and task.attempt < MAX_ATTEMPTS:
            task.fallbacks += 1
            self._ready.put_first(task)
        else:
            self._give_up(task, event.task_id)

    def _member_ended(self, gang: Gang, event: AttemptSucceeded | AttemptFailed) -> None:
        spoils = gang.note(event)
        if gang.running:
            self._followers -= 1
            if spoils:
                self._commands.append(EndGang(gang.running, event.task_id))
            return
        del self._running[gang.task_id]
        for member in gang.members:
            del self._members[member]
        if not gang.is_done:
            self._failed(gang, gang.verdict())
            return
        self._done_count += len(gang)
        if gang.strayed is not None:
            from metaflow.engine.plan_failures import UnexpectedTransition

            self._stop(UnexpectedTransition(gang.node, *gang.strayed))
        elif self._error is None:
            self._join_gang(gang)

    def _ended(self, event: AttemptSucceeded | AttemptFailed) -> PlannedTask:
        """Take the task off the running ones."""
        task = self._running.pop(event.task_id, None)
        if task is None or task.attempt != event.attempt:
            raise MetaflowInternalError(
                f"Attempt {event.attempt} of task {event.task_id} ended but was not running."
            )
        return task

    def _retry_due(self, event: RetryDue) -> None:
        # After a stop the task is not waiting any more.
        task = self._retrying.pop(event.task_id, None)
        if task is not None:
            self._ready.put_first(task)

    def _stop_requested(self, event: StopRequested) -> None:
        from metaflow.engine.plan_failures import RunStopped

        self._stop(RunStopped(event.reason))

    def _give_up(self, task: PlannedTask, failed_id: str) -> None:
        from metaflow.engine.plan_failures import StepFailure

        self._failed_count += 1
        error = StepFailure(task.node.name, failed_id)
        self._commands.append(StepFailed(failed_id, task.node.name, error.message))
        self._stop(error)

    def _stop(self, error: MetaflowException) -> None:
        """Let the run end as failed; only the first reason counts."""
        if self._error is not None or self._over:
            return
        self._error = error
        self._ready.clear()
        self._retrying.clear()
        if self._takeover is not None:
            self._takeover.stop()

    # Where the run goes from a finished task

    def _advance(self, task: PlannedTask, transition: Transition | None) -> None:
        node = task.node
        if isinstance(task, Gang):
            self._join_gang(task)
        elif not node.admits(transition):
            from metaflow.engine.plan_failures import UnexpectedTransition

            self._stop(UnexpectedTransition(node, task.task_id, transition))
        elif node.is_end or transition is None:
            self._end_reached = True
        elif node.kind in {"linear", "join"}:
            self._go_on(task, self._graph.steps[transition.targets[0]])
        elif node.kind == "switch":
            self._forecast.decide(transition, 1)
            self._go_on(task, self._graph.steps[transition.targets[0]])
        elif node.kind == "split":
            self._branch(task, transition)
        else:
            self._widen(task, transition)

    def _widen(self, task: PlannedTask, transition: Transition) -> None:
        """Go on to as many tasks as a foreach or a gang asks for."""
        node, width = task.node, transition.width
        if width > self._max_num_splits:
            from metaflow.engine.plan_failures import TooManySplits

            what = "`num_parallel`" if node.kind == "parallel" else "Foreach"
            self._stop(TooManySplits(node.name, task.task_id, width, self._max_num_splits, what))
        elif transition.is_gang:
            gang = Gang(self._graph.steps[transition.targets[0]], task, transition, width)
            self._forecast.decide(transition, len(gang))
            self._offer(gang)
        else:
            self._forecast.decide(transition, width)
            self._branch(task, transition)

    def _join_gang(self, gang: Gang) -> None:
        # A gang is joined in the next step, and by nothing else.
        (target,) = gang.node.targets
        self._offer(
            PlannedTask(
                self._graph.steps[target],
                gang.frames,
                gang.result_ids,
                follows_clones=gang.is_clone,
            )
        )

    def _branch(self, task: PlannedTask, transition: Transition) -> None:
        targets = tuple(self._graph.steps[name] for name in transition.targets)
        branches = Branches(task, transition, targets)
        takeover = self._takeover if task.is_clone else None
        if takeover is not None and any(takeover.may_take(node) for node in targets):
            # Look at all children first: what an earlier run finished is safe before
            # anything new is tried.
            takeover.unsearched.append(BranchSearch(branches))
        elif self._may_launch():
            self._ready.put_all(branches)

    def _go_on(self, task: PlannedTask, target: StepNode) -> None:
        if not target.is_join:
            turn = task.iteration + 1 if target is task.node else 0
            self._offer(
                PlannedTask(
                    target, task.frames, (task.task_id,), turn, follows_clones=task.is_clone
                )
            )
            return
        frame = task.frames[-1]
        assert frame.count is not None, "only a gang does not know its size, and it joins itself"
        key = (target.name, frame.task_id)
        join = self._joins.get(key)
        if join is None:
            join = self._joins[key] = OpenJoin(frame.count)
        if join.arrive(frame.index, task):
            del self._joins[key]
            self._offer(
                PlannedTask(
                    target,
                    task.frames[:-1],
                    join.input_ids(),
                    follows_clones=join.has_clones_only,
                )
            )

    def _offer(self, task: PlannedTask) -> None:
        """Clone the task, or else let it run."""
        if not self._clone(task) and self._may_launch():
            self._ready.put(task)

    def _may_launch(self) -> bool:
        return self._error is None and not self._clone_only

    # Commands

    def _launch_ready(self) -> None:
        ready, running = self._ready, self._running
        while ready and len(running) < self._max_workers:
            task = ready.take()
            node, attempt = task.node, task.attempt
            is_last = task.fallbacks > 0 or attempt + 1 >= _user_attempts(node.spec)
            if isinstance(task, Gang):
                self._launch_gang(task, is_last=is_last)
                continue
            if not task.task_id:
                task.task_id = self._next_id()
            running[task.task_id] = task
            self._commands.append(
                Launch(
                    task.task_id,
                    node.name,
                    attempt,
                    task.frames,
                    task.input_ids,
                    is_join=node.is_join,
                    last_attempt=is_last,
                    fallback=task.fallbacks > 0,
                )
            )

    def _launch_gang(self, gang: Gang, *, is_last: bool) -> None:
        if not gang.task_id:
            gang.enlist(self._next_id())
        launches = gang.launches(last_attempt=is_last)
        self._running[gang.task_id] = gang
        self._members.update(dict.fromkeys(gang.members, gang))
        self._followers += len(launches) - 1
        self._commands += launches

    def _clone(self, task: PlannedTask) -> bool:
        """Clone the task if an earlier run has finished it."""
        clones = [] if self._takeover is None else self._takeover.take(task, self._next_id)
        self._done_count += len(clones)
        self._commands += clones
        return bool(clones)

    def _follow_clones(self, takeover: Takeover) -> None:
        """Find what else can be cloned, but not too much at once."""
        limit = takeover.count + self._clones_at_once
        while takeover.count < limit:
            if takeover.cloned:
                self._advance(*takeover.cloned.popleft())
            elif takeover.unsearched:
                self._search_on(takeover, takeover.unsearched[0], limit)
            else:
                return

    def _search_on(self, takeover: Takeover, search: BranchSearch, limit: int) -> None:
        """Clone children of a split; those that can't be will run once all are looked at."""
        for child in search:
            if not self._clone(child):
                search.leave()
            if takeover.count >= limit:
                return
        takeover.unsearched.popleft()
        if self._may_launch():
            self._ready.put_all(search.left())

    def _conclude(self) -> None:
        """End the run, now that nothing is running, unless retries are to come."""
        if self._error is not None:
            self._commands.append(RunFailed(self._error))
        elif self._retrying:
            return
        elif self._end_reached:
            self._commands.append(RunSucceeded())
        elif self._clone_only:
            self._commands.append(RunCloned())
        else:
            from metaflow.engine.plan_failures import RunStuck

            self._error = RunStuck([step for step, _ in self._joins])
            self._commands.append(RunFailed(self._error))
        self._over = True

    def _next_id(self) -> str:
        self._last_id += 1
        return str(self._last_id)


def _user_attempts(spec: StepSpec) -> int:
    """Count the attempts of the user's code; fallbacks keep their place among all attempts."""
    return max(1, min(1 + spec.retries, MAX_ATTEMPTS - spec.fallbacks))
