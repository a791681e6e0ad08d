"""The loop: carries out the plan's commands and feeds it what happens.

It waits for workers, answers, output and signals; it decides nothing about the run. Facts
are committed in batches, and a line that claims a fact is written after its commit.
"""

from __future__ import annotations

import contextlib
import gc
import signal
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from metaflow.engine.attempts import RunningAttempt, death
from metaflow.engine.inputs import InputTexts, dumps
from metaflow.engine.output import LogBook, TaskOutput
from metaflow.engine.packaging import changes_of, tell_problem
from metaflow.engine.plan_messages import (
    AttemptFailed,
    AttemptSucceeded,
    Clone,
    Command,
    EndGang,
    Event,
    Launch,
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
from metaflow.engine.pool import WorkerPool, discard
from metaflow.engine.wakeups import Wakeups
from metaflow.engine.watch import Watch
from metaflow.errors.base import MetaflowException
from metaflow.model.records import AttemptDone, AttemptStarted, Change, RunDone, TaskCreated
from metaflow.model.spec import NO_RETRY_EXIT_CODE
from metaflow.model.task import GangPlace, Transition
from metaflow.protocols.workers import (
    CodePacked,
    Worker,
    WorkerExited,
    WorkerReady,
    WorkersLost,
    WorkerSource,
)

if TYPE_CHECKING:
    from metaflow.engine.console import Console
    from metaflow.engine.gangs import GangPorts
    from metaflow.engine.plan_progress import Decider, Progress
    from metaflow.metadata_store.holding import Holding
    from metaflow.model.records import OriginTask
    from metaflow.model.spec import StepSpec
    from metaflow.protocols.metadata_store import FactWriter

GRACE_S = 5.0
GATHER_S = 0.004
"""How long a fact may wait for others to share its transaction."""
INDEX_EVERY_S = 0.1
"""How long a task's output may wait until readers of the log can find it."""
SUMMARY_EVERY_S = 300.0
SPARE_WORKERS = 2
BATCH_OF_WORKERS = 6
KILLED_NOTE = "[KILLED BY ORCHESTRATOR]"


class RunLoop:
    """Drives one run from its first task to its end.

    Parameters
    ----------
    plan : Decider
        Decides.
    source : WorkerSource
        Makes processes; its context is configured already.
    journal : FactWriter
        Keeps facts.
    run : int
        The journal's key of this run.
    specs : mapping of str to StepSpec
        What each step declares.
    console : Console
        Where lines go.
    book : LogBook
        Where the output of tasks goes.
    origin_run_id : str, optional
        For a resume: the run that is cloned from.
    """

    def __init__(
        self,
        plan: Decider,
        source: WorkerSource,
        journal: FactWriter,
        run: int,
        specs: Mapping[str, StepSpec],
        console: Console,
        book: LogBook,
        origin_run_id: str | None = None,
    ) -> None:
        self._plan = plan
        self._source = source
        self._journal = journal
        self._run = run
        self._console = console
        self._book = book
        self._origin_run_id = origin_run_id
        self._holding: Holding | None = None
        self._specs = specs
        self._pool = WorkerPool(source, specs)
        self._inputs = InputTexts()
        self._watch = Watch(console, book)
        self._wakeups = Wakeups()
        self._attempts: dict[int, RunningAttempt] = {}
        self._changes: list[Change] = []
        self._news_since: float | None = None
        self._ports: GangPorts | None = None
        self._index_due = 0.0
        self._timers: list[tuple[float, RetryDue]] = []
        self._deadline: float | None = None
        self._summary_at = time.monotonic() + SUMMARY_EVERY_S
        self._interrupts = 0
        self.signal: int | None = None
        """Number of the signal that the run was ended by; None if there was none."""
        self._told_failure = False
        self._workers_asked = True
        self._over = False
        self.error: MetaflowException | None = None
        """Why the run failed; None if it did not."""

    def progress(self) -> Progress:
        """Count the run's tasks."""
        return self._plan.progress()

    def know(self, task: OriginTask) -> None:
        """Take note of a finished task that this loop has not run itself."""
        self._inputs.put(task.task_id, task.step, task.frames, task.manifest_json, task.transition)

    def keep_alive(self, holding: Holding) -> None:
        """Let readers know that this process is alive: sign its lease again while it runs."""
        self._holding = holding

    def run(self, first_step: str) -> None:
        """Run until the plan says that the run is over.

        Parameters
        ----------
        first_step : str
            The step for which one worker is on its way already.
        """
        # What was loaded until now stays for good and need not be looked at again.
        gc.freeze()
        gc.enable()
        self._pool.expect(first_step)
        with self._wakeups, self._watch:
            self._watch.add(self._source.fileno(), self._hear_source)
            self._watch.add(self._wakeups.fileno(), self._hear_signals)
            try:
                self._feed(RunStarted())
                while not self._over:
                    self._turn()
                self._commit()
            except MetaflowException as error:
                self._give_up(error)
            finally:
                for attempt in self._attempts.values():
                    # What a finished step has left running on purpose is not ours to end.
                    if not attempt.answered:
                        attempt.signal(signal.SIGKILL)
                    attempt.close()
                self._console.flush()

    # ── one turn ─────────────────────────────────────────────────────────────────────────

    def _turn(self) -> None:
        if self._workers_asked:
            self._workers_asked = False
            self._hear_source()
        self._watch.wait(self._patience())
        now = time.monotonic()
        if not self._has_news():
            self._news_since = None
        elif self._news_since is None:
            self._news_since = now
        elif now - self._news_since >= GATHER_S:
            self._commit()
        self._mind_time(now)

    def _patience(self) -> float | None:
        if self._workers_asked:
            return 0.0
        if self._has_news():
            waited = time.monotonic() - (self._news_since or time.monotonic())
            return max(0.0, GATHER_S - waited)
        until = [self._summary_at, *(due for due, _ in self._timers)]
        if self._book.has_entries:
            until.append(self._index_due)
        if self._deadline is not None:
            until.append(self._deadline)
        if self._holding is not None:
            until.append(self._holding.due)
        wait = max(0.0, min(until) - time.monotonic())
        return min(wait, 0.2) if self._console.live is not None else wait

    def _has_news(self) -> bool:
        return bool(self._changes) or self._watch.has_resting or not self._console.is_empty

    def _mind_time(self, now: float) -> None:
        if self._timers and self._timers[0][0] <= now:
            due = [event for at, event in self._timers if at <= now]
            self._timers = [timer for timer in self._timers if timer[0] > now]
            for event in due:
                self._feed(event)
        if self._deadline is not None and now >= self._deadline:
            self._deadline = None
            self._kill_running()
        if self._book.has_entries and now >= self._index_due:
            self._commit()
        if self._holding is not None and now >= self._holding.due and not self._over:
            self._changes.append(self._holding.sign())
        if now >= self._summary_at:
            self._summary_at = now + SUMMARY_EVERY_S
            self._summarize()
        if self._console.live is not None and self._console.is_empty:
            self._console.flush()

    def _commit(self) -> None:
        now = time.monotonic()
        # Where output lies is no acknowledged fact: alone, it waits longer for company.
        if self._changes or now >= self._index_due or self._over:
            changes: list[Change] = [*self._changes, *self._book.take_entries()]
            self._changes.clear()
            self._index_due = now + INDEX_EVERY_S
            if changes:
                try:
                    self._journal.write(self._run, changes)
                except MetaflowException as error:
                    self._give_up(error)
        self._news_since = None
        self._console.flush()
        self._watch.wake()

    def _give_up(self, error: MetaflowException) -> None:
        """End at once: a run that can't record what happens can't acknowledge anything."""
        self.error = error
        self._over = True
        self._console.drop()
        # There may be room for one more fact; without it the run shows as unfinished.
        with contextlib.suppress(MetaflowException):
            self._journal.write(self._run, [RunDone(time.time(), ok=False, error=error.message)])

    # ── commands ─────────────────────────────────────────────────────────────────────────

    def _feed(self, event: Event) -> None:
        for command in self._plan.feed(event):
            self._do(command)
        if not self._over:
            for launch, worker in self._pool.pairs():
                self._start(launch, worker)
            self._ask_for_workers()

    def _ask_for_workers(self) -> None:
        progress = self._plan.progress()
        is_last = progress.total is not None and progress.done + progress.running >= progress.total
        spare = SPARE_WORKERS if progress.waiting else int(not is_last)
        if self._pool.ask(spare, min(progress.waiting, BATCH_OF_WORKERS)):
            self._workers_asked = True

    def _do(self, command: Command) -> None:
        if isinstance(command, Launch):
            if command.attempt == 0:
                self._tell_created(command)
            self._pool.submit(command)
        elif isinstance(command, Clone):
            self._clone(command)
        elif isinstance(command, RetryLater):
            self._timers.append((time.monotonic() + command.wait_s, RetryDue(command.task_id)))
            self._timers.sort(key=lambda timer: timer[0])
        elif isinstance(command, EndGang):
            self._end_gang(command)
        elif isinstance(command, StepFailed):
            self._say_failed()
        elif isinstance(command, StopRunning):
            self._stop()
        elif isinstance(command, RunFailed):
            self._end(command.error)
        elif isinstance(command, RunSucceeded | RunCloned):
            self._end(None)

    def _start(self, launch: Launch, worker: Worker) -> None:
        now = time.time()
        if launch.gang is not None:
            launch = self._prepare_member(launch, launch.gang, now)
        if launch.attempt == 0:
            self._changes.append(_created(launch, now))
        self._changes.append(AttemptStarted(launch.task_id, launch.attempt, now, worker.pid))
        label = self._console.task_label(launch.step, launch.task_id, worker.pid)
        output = TaskOutput(
            launch.task_id,
            launch.attempt,
            label,
            (worker.stdout, worker.stderr),
            launch.gang.control_id if launch.gang is not None else None,
        )
        attempt = RunningAttempt(launch, worker, output)
        self._attempts[worker.pid] = attempt
        self._watch.follow(attempt, lambda: self._hear_answer(attempt))
        attempt.send(self._inputs.assignment(launch))
        if launch.fallback:
            text = "Task fallback is starting to handle the failure."
        else:
            text = "Task is starting (retry)." if launch.attempt else "Task is starting."
        self._console.say_of(label, text)

    def _tell_created(self, task: Launch | Clone) -> None:
        spec = self._specs.get(task.step)
        if spec is None or not spec.listeners:
            return
        inputs = [self._inputs.place(task_id) for task_id in task.input_ids]
        index = next((frame.index for frame in reversed(task.frames) if frame.var), None)
        for listener in spec.listeners:
            listener.task_created(task.task_id, index, inputs, is_cloned=isinstance(task, Clone))

    def _prepare_member(self, launch: Launch, gang: GangPlace, now: float) -> Launch:
        # Loaded here: few runs have gangs.
        from metaflow.engine.gangs import GangPorts, gang_facts

        self._changes += gang_facts(launch.task_id, launch.attempt, gang, now)
        if self._ports is None:
            self._ports = GangPorts()
        return self._ports.settle(launch, gang)

    def _end_gang(self, command: EndGang) -> None:
        now = time.time()
        reason = f"Task ended: task {command.failed_id} of its gang has failed."
        for attempt in self._attempts.values():
            if attempt.launch.task_id in command.task_ids:
                self._kill(attempt, reason, now)
        dropped = self._pool.drop_waiting(command.task_ids)
        # They may yet have another attempt, which is not their first.
        self._changes += [_created(launch, now) for launch in dropped if launch.attempt == 0]
        self._drop(dropped)

    def _clone(self, clone: Clone) -> None:
        self._tell_created(clone)
        now = time.time()
        origin = clone.origin
        self._changes += (
            TaskCreated(
                clone.task_id, clone.step, now, clone.frames, clone.input_ids, origin.task_id
            ),
            AttemptDone(
                clone.task_id,
                0,
                now,
                origin.ok,
                origin.handled,
                origin.manifest_json,
                origin.transition,
            ),
        )
        if clone.gang is not None:
            from metaflow.engine.gangs import gang_facts

            self._changes += gang_facts(clone.task_id, 0, clone.gang, now)
        self._inputs.put(
            clone.task_id, clone.step, clone.frames, origin.manifest_json, origin.transition
        )
        if clone.gang is None:
            self._inputs.used(clone.input_ids)
        place = f"{self._origin_run_id}/{origin.step}/{origin.task_id}"
        self._console.say(f"Cloning previously run task {place}")

    def _stop(self) -> None:
        self._deadline = time.monotonic() + (0.0 if self._interrupts > 1 else GRACE_S)
        self._drop(self._pool.drop_waiting())

    def _drop(self, launches: list[Launch]) -> None:
        """Tell the plan of launches that will never get a worker."""
        for launch in launches:
            self._feed(AttemptFailed(launch.task_id, launch.attempt, retryable=False, killed=True))

    def _kill_running(self) -> None:
        now = time.time()
        for attempt in self._attempts.values():
            self._kill(attempt, KILLED_NOTE, now)

    def _kill(self, attempt: RunningAttempt, why: str, now: float) -> None:
        if not attempt.answered:
            attempt.killed = True
            self._watch.note(attempt, why, now)
            attempt.kill()

    def _say_failed(self) -> None:
        if not self._told_failure and not self._interrupts:
            self._told_failure = True
            self._console.say("Workflow failed.", bad=True)

    def _end(self, error: MetaflowException | None) -> None:
        if error is not None:
            self._say_failed()
        self.error = error
        self._over = True
        message = None if error is None else error.message
        killed = error is not None and self.signal is not None
        self._changes.append(RunDone(time.time(), error is None, killed, message))

    # ── events ───────────────────────────────────────────────────────────────────────────

    def _hear_source(self) -> None:
        for news in self._source.poll():
            if isinstance(news, WorkerReady):
                self._pool.ready(news)
            elif isinstance(news, WorkersLost):
                for worker in self._pool.all_lost(news.env):
                    discard(worker)
            elif isinstance(news, CodePacked):
                self._changes += changes_of(news)
                tell_problem(news, self._console)
            else:
                self._worker_ended(news)
        if not self._over:
            for launch, worker in self._pool.pairs():
                self._start(launch, worker)
            self._ask_for_workers()

    def _hear_signals(self) -> None:
        for number in self._wakeups.take():
            self._interrupts += 1
            if self._interrupts == 1:
                self._console.say("Workflow interrupted.", bad=True)
                name = signal.Signals(number).name
                # What had failed before the signal came is what the run has failed by.
                if not self._told_failure:
                    self.signal = number
                self._feed(StopRequested(f"The run was interrupted by {name}."))
                for attempt in self._attempts.values():
                    attempt.signal(signal.SIGINT)
            else:
                self._deadline = time.monotonic()
        self._hear_source()

    def _hear_answer(self, attempt: RunningAttempt) -> bool:
        """Take in what is there of an answer; False when nothing more will come."""
        try:
            answer = attempt.receive()
        except EOFError:
            # The process is ending; its exit will tell how.
            self._watch.drop(attempt.worker.channel)
            return False
        if answer is None:
            return True
        # What is left to hear of this process is its exit.
        self._watch.leave(attempt)
        self._answered(attempt, answer)
        return True

    def _answered(self, attempt: RunningAttempt, answer: list[Any]) -> None:
        now = time.time()
        self._watch.drain(attempt, now)
        self._watch.finish_lines(attempt, now)
        ok, manifest, transition, handled, retryable, error = answer
        went = None if transition is None else Transition.from_json(transition)
        text = dumps(manifest)
        # A step that was told to end has not failed by itself.
        killed = not ok and self.signal is not None
        self._conclude(attempt, now, text, went, ok=ok, handled=handled, error=error, killed=killed)
        launch = attempt.launch
        if not ok:
            self._failed(attempt, retryable=retryable)
            return
        self._inputs.put(launch.task_id, launch.step, launch.frames, text, went)
        if launch.gang is None:
            self._inputs.used(launch.input_ids)
        if went is not None and (went.var is not None or went.is_gang):
            what = "Gang yields" if went.var is None else "Foreach yields"
            text = f"{what} {went.width} child steps."
            self._console.say_of(attempt.output.label, text)
        self._console.say_of(attempt.output.label, "Task finished successfully.")
        self._feed(AttemptSucceeded(launch.task_id, launch.attempt, went, handled))

    def _worker_ended(self, news: WorkerExited) -> None:
        attempt = self._attempts.pop(news.pid, None)
        if attempt is None:
            idle = self._pool.lost(news)
            if idle is not None:
                discard(idle)
            return
        # The exit may be heard before an answer that was given first.
        while not attempt.answered and self._hear_answer(attempt):
            pass
        now = time.time()
        self._watch.drain(attempt, now)
        crashed = not attempt.answered
        if crashed:
            self._tell_death(attempt, news, now)
        self._watch.finish_lines(attempt, now)
        self._watch.leave(attempt)
        attempt.close()
        if crashed:
            # What the process had started must not outlive it.
            attempt.signal(signal.SIGKILL)
            reason = death(news)
            self._conclude(
                attempt,
                now,
                "{}",
                None,
                ok=False,
                handled=False,
                error=reason,
                killed=attempt.killed or news.returncode < 0,
            )
            retryable = news.returncode != NO_RETRY_EXIT_CODE
            self._failed(attempt, retryable=retryable)

    def _tell_death(self, attempt: RunningAttempt, news: WorkerExited, now: float) -> None:
        if attempt.killed:
            return
        text = f"Task failed: {death(news)}."
        if news.returncode == -signal.SIGSEGV:
            text = "Task failed with a segmentation fault."
        self._watch.note(attempt, text, now)

    def _failed(self, attempt: RunningAttempt, *, retryable: bool) -> None:
        launch = attempt.launch
        self._console.say_of(attempt.output.label, "Task failed.")
        # Decorators answer for exceptions of the step. What fails its last attempt all the same
        # has gone past them, as the death of a process does: `sys.exit`, a value that can't be
        # stored. Only who asks for an end with code 202 has an end.
        past_hooks = retryable
        self._feed(
            AttemptFailed(launch.task_id, launch.attempt, retryable, past_hooks, attempt.killed)
        )

    def _conclude(
        self,
        attempt: RunningAttempt,
        now: float,
        manifest: str,
        transition: Transition | None,
        *,
        ok: bool,
        handled: bool,
        error: str | None,
        killed: bool = False,
    ) -> None:
        task_id, number = attempt.launch.task_id, attempt.launch.attempt
        self._changes.append(
            AttemptDone(task_id, number, now, ok, handled, manifest, transition, error, killed)
        )
        self._book.forget(task_id, number)

    def _summarize(self) -> None:
        progress = self._plan.progress()
        self._console.say(
            f"{progress.running} tasks are running, {progress.waiting} are waiting, "
            f"{progress.done} are done."
        )


def _created(launch: Launch, now: float) -> TaskCreated:
    return TaskCreated(launch.task_id, launch.step, now, launch.frames, launch.input_ids)
