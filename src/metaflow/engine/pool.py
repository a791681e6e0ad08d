"""Matches launches with workers that were made ahead of need."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Collection, Iterator, Mapping

from metaflow.engine.plan_messages import Launch
from metaflow.model.spec import StepSpec
from metaflow.protocols.workers import Worker, WorkerExited, WorkerReady, WorkerSource

Env = tuple[tuple[str, str], ...]


class WorkerPool:
    """Keeps a few idle workers for each environment that steps ask for.

    Parameters
    ----------
    source : WorkerSource
        Makes the workers.
    specs : mapping of str to StepSpec
        What each step declares.
    """

    def __init__(self, source: WorkerSource, specs: Mapping[str, StepSpec]) -> None:
        self._source = source
        self._specs = specs
        self._idle: dict[Env, deque[Worker]] = {}
        self._asked: dict[Env, int] = {}
        self._waiting: dict[Env, deque[Launch]] = {}

    def submit(self, launch: Launch) -> None:
        """Queue a launch for the next worker of its step's environment."""
        spec = self._specs[launch.step]
        env = changed_env(spec, launch.attempt) if spec.listeners else spec.env
        self._waiting.setdefault(env, deque()).append(launch)

    def pairs(self) -> Iterator[tuple[Launch, Worker]]:
        """Take launches and the workers to give them to, as long as there are both."""
        for env, waiting in self._waiting.items():
            idle = self._idle.get(env)
            while waiting and idle:
                yield waiting.popleft(), idle.popleft()

    def ask(self, spare: int, batch: int = 1) -> bool:
        """Ask for as many workers as launches wait for, and some to be ahead of need.

        Parameters
        ----------
        spare : int
            Idle workers to have beyond what is needed now.
        batch : int, default 1
            How many to ask for at least when there are too few: making several in a row is
            cheaper than making them one by one.

        Returns
        -------
        bool
            Whether any were asked for; some sources have them at once.
        """
        asked = False
        for env, waiting in self._waiting.items():
            idle = len(self._idle.get(env, ()))
            missing = len(waiting) + spare - idle - self._asked.get(env, 0)
            if missing > 0:
                missing = max(missing, batch)
                self._asked[env] = self._asked.get(env, 0) + missing
                self._source.request(env, missing)
                asked = True
        return asked

    def expect(self, step: str) -> None:
        """Take note of a worker that was asked for before there was anything to launch."""
        env = self._specs[step].env
        self._waiting.setdefault(env, deque())
        self._asked[env] = 1

    def ready(self, news: WorkerReady) -> None:
        """Take in a new worker."""
        self._asked[news.env] = max(0, self._asked.get(news.env, 0) - 1)
        self._idle.setdefault(news.env, deque()).append(news.worker)

    def lost(self, news: WorkerExited) -> Worker | None:
        """Take out an idle worker that has ended; None if it was not idle."""
        for idle in self._idle.values():
            for worker in idle:
                if worker.pid == news.pid:
                    idle.remove(worker)
                    return worker
        return None

    def all_lost(self, env: Env) -> list[Worker]:
        """Take out all idle workers of an environment and forget what was asked for it."""
        self._asked[env] = 0
        idle = list(self._idle.get(env, ()))
        self._idle.pop(env, None)
        return idle

    def drop_waiting(self, task_ids: Collection[str] | None = None) -> list[Launch]:
        """Give up the launches of these tasks, or all, that have no worker yet."""
        dropped = []
        for waiting in self._waiting.values():
            launches = list(waiting)
            waiting.clear()
            for launch in launches:
                if task_ids is None or launch.task_id in task_ids:
                    dropped.append(launch)
                else:
                    waiting.append(launch)
        return dropped


def changed_env(spec: StepSpec, attempt: int) -> Env:
    """Let the listeners of a step change the environment variables of an attempt."""
    env = dict(spec.env)
    for listener in spec.listeners:
        listener.attempt_starting(attempt, spec.retries, env)
    return tuple(sorted((str(name), str(value)) for name, value in env.items()))


def discard(worker: Worker) -> None:
    """Release an idle worker that has ended or will end by this."""
    for descriptor in (worker.channel, worker.stdout, worker.stderr):
        os.close(descriptor)
