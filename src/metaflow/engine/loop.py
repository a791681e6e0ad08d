"""The loop: carries out the plan's commands and feeds it what happens.

It waits for workers, answers, output and signals; it decides nothing about the run. Facts
are committed in batches, and a line that claims a fact is written after its commit.
"""

from __future__ import annotations

import gc
import signal
import time
from typing import TYPE_CHECKING

from metaflow.engine.crew import Crew
from metaflow.engine.inputs import InputTexts, dumps
from metaflow.engine.ledger import Ledger
from metaflow.engine.plan_messages import (
    Clone,
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
    RunStarted,
    RunSucceeded,
    StepFailed,
    StopRequested,
    StopRunning,
)
from metaflow.engine.wakeups import Wakeups
from metaflow.engine.watch import Watch
from metaflow.errors.base import MetaflowException
from metaflow.model.records import RunDone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow.engine.cloning import Cloning
    from metaflow.engine.console import Console
    from metaflow.engine.output import LogBook
    from metaflow.engine.plan_progress import Decider, Progress
    from metaflow.metadata_store.holding import Holding
    from metaflow.model.records import OriginTask
    from metaflow.model.spec import StepSpec
    from metaflow.protocols.metadata_store import FactWriter
    from metaflow.protocols.workers import WorkerSource

GRACE_S = 5.0
SUMMARY_EVERY_S = 300.0
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
        self._specs = specs
        self._console = console
        self._origin_run_id = origin_run_id
        self._inputs = InputTexts()
        self._watch = Watch(console, book)
        self._wakeups = Wakeups()
        self._ledger = Ledger(journal, run, console, book)
        self._crew = Crew(
            source, specs, self._watch, self._ledger, self._inputs, console, book, self._feed
        )
        self._cloning: Cloning | None = None
        self._holding: Holding | None = None
        self._clones_wait = False
        """The plan waits for its clones to be recorded."""
        self._timers: list[tuple[float, RetryDue]] = []
        self._deadline: float | None = None
        self._summary_at = time.monotonic() + SUMMARY_EVERY_S
        self._interrupts = 0
        self.signal: int | None = None
        """Number of the signal that the run was ended by; None if there was none."""
        self._told_failure = False
        self._over = False
        self.error: MetaflowException | None = None
        """Why the run failed; None if it did not."""

    def progress(self) -> Progress:
        """Count the run's tasks."""
        return self._plan.progress()

    def know(self, task: OriginTask) -> None:
        """Take note of a finished task that this loop has not run itself."""
        frames = dumps(task.frames)
        self._inputs.put(task.task_id, task.step, frames, task.manifest_json, task.transition)

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
        self._crew.expect(first_step)
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
                self._crew.close()
                self._console.flush()

    # ── one turn ─────────────────────────────────────────────────────────────────────────

    def _turn(self) -> None:
        if self._crew.has_asked:
            self._hear_source()
        if self._clones_wait:
            self._clones_wait = False
            self._commit()
            self._feed(ClonesRecorded())
        self._watch.wait(self._patience())
        now = time.monotonic()
        if self._ledger.is_due(now, has_more=self._watch.has_resting):
            self._commit()
        self._mind_time(now)

    def _patience(self) -> float | None:
        if self._crew.has_asked or self._clones_wait:
            return 0.0
        now = time.monotonic()
        if self._ledger.has_news or self._watch.has_resting:
            return self._ledger.gathers_for(now)
        until = [self._summary_at, *(due for due, _ in self._timers)]
        until += (due for due in (self._ledger.index_due, self._deadline) if due is not None)
        if self._holding is not None:
            until.append(self._holding.due)
        wait = max(0.0, min(until) - now)
        return min(wait, 0.2) if self._console.live is not None else wait

    def _mind_time(self, now: float) -> None:
        if self._timers and self._timers[0][0] <= now:
            due = [event for at, event in self._timers if at <= now]
            self._timers = [timer for timer in self._timers if timer[0] > now]
            for event in due:
                self._feed(event)
        if self._deadline is not None and now >= self._deadline:
            self._deadline = None
            self._crew.kill(KILLED_NOTE)
        if self._holding is not None and now >= self._holding.due and not self._over:
            self._ledger.add(self._holding.sign())
        if now >= self._summary_at:
            self._summary_at = now + SUMMARY_EVERY_S
            self._summarize()
        if self._console.live is not None and self._console.is_empty:
            self._console.flush()

    def _commit(self) -> None:
        self._ledger.commit(is_last=self._over)
        self._watch.wake()

    def _give_up(self, error: MetaflowException) -> None:
        """End at once: a run that can't record what happens can't acknowledge anything."""
        self.error = error
        self._over = True
        self._ledger.abandon(error)

    # ── commands ─────────────────────────────────────────────────────────────────────────

    def _feed(self, event: Event) -> None:
        for command in self._plan.feed(event):
            self._do(command)
        if self._cloning is not None and not self._clones_wait:
            self._cloning.tell_rest()
        if not self._over:
            self._crew.start_all(self._plan.progress())

    def _do(self, command: Command) -> None:
        if isinstance(command, Launch):
            if command.attempt == 0:
                self._tell_created(command)
            self._crew.submit(command)
        elif isinstance(command, Clone):
            self._clone(command)
        elif isinstance(command, RecordClones):
            self._clones_wait = True
        elif isinstance(command, RetryLater):
            self._timers.append((time.monotonic() + command.wait_s, RetryDue(command.task_id)))
            self._timers.sort(key=lambda timer: timer[0])
        elif isinstance(command, EndGang):
            reason = f"Task ended: task {command.failed_id} of its gang has failed."
            self._crew.kill(reason, command.task_ids)
            self._crew.drop_members(command.task_ids)
        elif isinstance(command, StepFailed):
            self._say_failed()
        elif isinstance(command, StopRunning):
            self._deadline = time.monotonic() + (0.0 if self._interrupts > 1 else GRACE_S)
            self._crew.drop_waiting()
        elif isinstance(command, RunFailed | RunSucceeded | RunCloned):
            self._end(command.error if isinstance(command, RunFailed) else None)

    def _tell_created(self, task: Launch | Clone) -> None:
        spec = self._specs.get(task.step)
        if spec is None or not spec.listeners:
            return
        inputs = [self._inputs.place(task_id) for task_id in task.input_ids]
        index = next((frame.index for frame in reversed(task.frames) if frame.var), None)
        for listener in spec.listeners:
            listener.task_created(task.task_id, index, inputs, is_cloned=isinstance(task, Clone))

    def _clone(self, clone: Clone) -> None:
        if self._cloning is None:
            # Loaded here: just a resume has clones.
            from metaflow.engine.cloning import Cloning

            self._cloning = Cloning(self._ledger, self._inputs, self._console, self._origin_run_id)
        self._tell_created(clone)
        self._cloning.clone(clone)

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
        self._ledger.add(RunDone(time.time(), error is None, killed, message))

    # ── what happens ─────────────────────────────────────────────────────────────────────

    def _hear_source(self) -> None:
        self._crew.hear_source()
        if not self._over:
            self._crew.start_all(self._plan.progress())

    def _hear_signals(self) -> None:
        for number in self._wakeups.take():
            self._interrupts += 1
            if self._interrupts == 1:
                self._console.say("Workflow interrupted.", bad=True)
                name = signal.Signals(number).name
                # What had failed before the signal came is what the run has failed by.
                if not self._told_failure:
                    self.signal = number
                    self._crew.is_interrupted = True
                self._feed(StopRequested(f"The run was interrupted by {name}."))
                self._crew.interrupt()
            else:
                self._deadline = time.monotonic()
        self._hear_source()

    def _summarize(self) -> None:
        progress = self._plan.progress()
        self._console.say(
            f"{progress.running} tasks are running, {progress.waiting} are waiting, "
            f"{progress.done} are done."
        )
