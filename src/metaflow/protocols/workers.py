"""What a source of worker processes promises to the engine's loop."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from metaflow.model.spec import StepSpec
from metaflow.model.task import RunContext


class Worker(NamedTuple):
    """One process that will run exactly one attempt.

    The loop sends an assignment on `channel` as one frame, reads the outcome frame back, and
    reads the task's output from the two pipes until the process has ended.
    """

    pid: int
    channel: int
    """Socket, both ways: frames of a 4-byte big-endian length and that many bytes of JSON."""
    stdout: int
    """Read end of the pipe behind file descriptor 1 of the process."""
    stderr: int
    """Read end of the pipe behind file descriptor 2."""


class WorkerExited(NamedTuple):
    """A worker's process has ended and was reaped."""

    pid: int
    returncode: int
    """Exit code, or the negated number of the signal that ended the process."""


class WorkerSource(Protocol):
    """Makes worker processes ahead of need."""

    def fileno(self) -> int:
        """A descriptor that becomes readable when `poll` has something to say."""
        ...

    def request(self, step: StepSpec, count: int = 1) -> None:
        """Ask for `count` more workers for this step; they come out of `poll`."""
        ...

    def poll(self) -> list[tuple[tuple[tuple[str, str], ...], Worker] | WorkerExited]:
        """New workers (each with the `env` it was made for) and exits since the last call."""
        ...

    def configure(self, context: RunContext) -> None:
        """Tell all workers of the run's context; called once, before the first request."""
        ...

    def close(self) -> None:
        """Kill and reap what is left."""
        ...
