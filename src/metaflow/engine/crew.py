"""The attempts that run: gives them workers, takes in what they print and answer, ends them.

It decides nothing about the run: how an attempt has ended is told to whoever asked for it.
"""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any

from metaflow.engine.attempts import RunningAttempt, death
from metaflow.engine.inputs import dumps
from metaflow.engine.output import TaskOutput
from metaflow.engine.packaging import changes_of, tell_problem
from metaflow.engine.plan_messages import AttemptFailed, AttemptSucceeded, Launch
from metaflow.engine.pool import WorkerPool, discard
from metaflow.model.records import AttemptDone, AttemptStarted, TaskCreated
from metaflow.model.spec import NO_RETRY_EXIT_CODE
from metaflow.model.task import GangPlace, Transition
from metaflow.protocols.workers import CodePacked, WorkerExited, WorkerReady, WorkersLost

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from metaflow.engine.console import Console
    from metaflow.engine.gangs import GangPorts
    from metaflow.engine.inputs import InputTexts
    from metaflow.engine.ledger import Ledger
    from metaflow.engine.output import LogBook
    from metaflow.engine.plan_progress import Progress
    from metaflow.engine.watch import Watch
    from metaflow.model.spec import StepSpec
    from metaflow.protocols.workers import Worker, WorkerSource

SPARE_WORKERS = 2
BATCH_OF_WORKERS = 6


class Crew:
    """The workers of one run and the attempts that they are given.

    Parameters
    ----------
    source : WorkerSource
        Makes processes; its context is configured already.
    specs : mapping of str to StepSpec
        What each step declares.
    watch : Watch
        Listens to the workers.
    ledger : Ledger
        Takes the facts.
    inputs : InputTexts
        What attempts are told of the tasks before theirs.
    console : Console
        Where lines go.
    book : LogBook
        Where the output of tasks goes.
    tell : callable
        Told how each attempt has ended.
    """

    def __init__(
        self,
        source: WorkerSource,
        specs: Mapping[str, StepSpec],
        watch: Watch,
        ledger: Ledger,
        inputs: InputTexts,
        console: Console,
        book: LogBook,
        tell: Callable[[AttemptSucceeded | AttemptFailed], None],
    ) -> None:
        self._source = source
        self._watch = watch
        self._ledger = ledger
        self._inputs = inputs
        self._console = console
        self._book = book
        self._tell = tell
        self._pool = WorkerPool(source, specs)
        self._attempts: dict[int, RunningAttempt] = {}
        self._ports: GangPorts | None = None
        self.has_asked = True
        """Workers were asked for since the source was last heard."""
        self.is_interrupted = False
        """A signal ends the run: a step that fails now was told to end."""

    # ── beginnings ───────────────────────────────────────────────────────────────────────

    def expect(self, step: str) -> None:
        """Take note of a worker that was asked for before there was anything to launch."""
        self._pool.expect(step)

    def submit(self, launch: Launch) -> None:
        """Start an attempt as soon as there is a worker for it."""
        self._pool.submit(launch)

    def start_all(self, progress: Progress) -> None:
        """Give workers to the attempts that wait for one, and ask for as many as are missing.

        Parameters
        ----------
        progress : Progress
            How much is still to come.
        """
        for launch, worker in self._pool.pairs():
            self._start(launch, worker)
        is_last = progress.total is not None and progress.done + progress.running >= progress.total
        spare = SPARE_WORKERS if progress.waiting else int(not is_last)
        if self._pool.ask(spare, min(progress.waiting, BATCH_OF_WORKERS)):
            self.has_asked = True

    def _start(self, launch: Launch, worker: Worker) -> None:
        now = time.time()
        if launch.gang is not None:
            launch = self._prepare_member(launch, launch.gang, now)
        frames = dumps(launch.frames) if launch.frames else "[]"
        if launch.attempt == 0:
            self._ledger.add(_created(launch, frames, now))
        self._ledger.add(AttemptStarted(launch.task_id, launch.attempt, now, worker.pid))
        label = self._console.task_label(launch.step, launch.task_id, worker.pid)
        output = TaskOutput(
            launch.task_id,
            launch.attempt,
            label,
            (worker.stdout, worker.stderr),
            launch.gang.control_id if launch.gang is not None else None,
        )
        attempt = RunningAttempt(launch, frames, worker, output)
        self._attempts[worker.pid] = attempt
        self._watch.follow(attempt, lambda: self._hear_answer(attempt))
        attempt.send(self._inputs.assignment(launch, frames))
        if launch.fallback:
            text = "Task fallback is starting to handle the failure."
        else:
            text = "Task is starting (retry)." if launch.attempt else "Task is starting."
        self._console.say_of(label, text)

    def _prepare_member(self, launch: Launch, gang: GangPlace, now: float) -> Launch:
        # Loaded here: few runs have gangs.
        from metaflow.engine.gangs import GangPorts, gang_facts

        self._ledger.add_all(gang_facts(launch.task_id, launch.attempt, gang, now))
        if self._ports is None:
            self._ports = GangPorts()
        return self._ports.settle(launch, gang)

    # ── news ─────────────────────────────────────────────────────────────────────────────

    def hear_source(self) -> None:
        """Take in what has become of worker processes."""
        self.has_asked = False
        for news in self._source.poll():
            if isinstance(news, WorkerReady):
                self._pool.ready(news)
            elif isinstance(news, WorkersLost):
                for worker in self._pool.all_lost(news.env):
                    discard(worker)
            elif isinstance(news, CodePacked):
                self._ledger.add_all(changes_of(news))
                tell_problem(news, self._console)
            else:
                self._worker_ended(news)

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
        killed = not ok and self.is_interrupted
        self._conclude(attempt, now, text, went, ok=ok, handled=handled, error=error, killed=killed)
        launch = attempt.launch
        if not ok:
            self._failed(attempt, retryable=retryable)
            return
        self._inputs.put(launch.task_id, launch.step, attempt.frames, text, went)
        if launch.gang is None:
            self._inputs.used(launch.input_ids)
        if went is not None and (went.var is not None or went.is_gang):
            what = "Gang yields" if went.var is None else "Foreach yields"
            text = f"{what} {went.width} child steps."
            self._console.say_of(attempt.output.label, text)
        self._console.say_of(attempt.output.label, "Task finished successfully.")
        self._tell(AttemptSucceeded(launch.task_id, launch.attempt, went, handled))

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
        self._tell(
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
        self._ledger.add(
            AttemptDone(task_id, number, now, ok, handled, manifest, transition, error, killed)
        )
        self._book.forget(task_id, number)

    # ── ends ─────────────────────────────────────────────────────────────────────────────

    def interrupt(self) -> None:
        """Tell all attempts that the run is to end."""
        for attempt in self._attempts.values():
            attempt.signal(signal.SIGINT)

    def kill(self, why: str, task_ids: Collection[str] | None = None) -> None:
        """End the attempts of these tasks, or all, that have not answered."""
        now = time.time()
        for attempt in self._attempts.values():
            is_meant = task_ids is None or attempt.launch.task_id in task_ids
            if is_meant and not attempt.answered:
                attempt.killed = True
                self._watch.note(attempt, why, now)
                attempt.kill()

    def drop_waiting(self) -> None:
        """Give up the attempts that have no worker yet."""
        self._drop(self._pool.drop_waiting())

    def drop_members(self, task_ids: Collection[str]) -> None:
        """Give up the attempts of a gang's members that have no worker yet."""
        now = time.time()
        dropped = self._pool.drop_waiting(task_ids)
        for launch in dropped:
            # They may yet have another attempt, which is not their first.
            if launch.attempt == 0:
                self._ledger.add(_created(launch, dumps(launch.frames), now))
        self._drop(dropped)

    def _drop(self, launches: list[Launch]) -> None:
        """Tell of launches that will never get a worker."""
        for launch in launches:
            self._tell(AttemptFailed(launch.task_id, launch.attempt, retryable=False, killed=True))

    def close(self) -> None:
        """End what still runs, and release all descriptors."""
        for attempt in self._attempts.values():
            # What a finished step has left running on purpose is not ours to end.
            if not attempt.answered:
                attempt.signal(signal.SIGKILL)
            attempt.close()


def _created(launch: Launch, frames: str, now: float) -> TaskCreated:
    return TaskCreated(launch.task_id, launch.step, now, frames, launch.input_ids)
