"""What a source of worker processes promises to the engine's loop."""

from collections.abc import Mapping
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from metaflow.model.artifact import ArtifactRef

if TYPE_CHECKING:
    from metaflow.model.package import PackageOrder
    from metaflow.model.task import RunContext


FRAME_HEADER = Struct(">I")
"""In front of every frame on a worker's channel: the number of bytes of JSON that follow."""


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
    cause: str | None = None
    """What is known of the reason, beyond the code."""


class WorkerReady(NamedTuple):
    """A new worker waits for its assignment."""

    env: tuple[tuple[str, str], ...]
    """The step environment that it was made for."""
    worker: Worker


class WorkersLost(NamedTuple):
    """Nothing that was asked for or is idle will come to anything: its maker has died."""

    env: tuple[tuple[str, str], ...]


class CodePacked(NamedTuple):
    """The user's code was packed in a process of its own, as the run's context asked."""

    facts: tuple[tuple[str, str], ...]
    """Facts about the run; none when there is no package."""
    problem: str | None = None
    """Why there is no package."""


News: TypeAlias = WorkerReady | WorkerExited | WorkersLost | CodePacked


class WorkerSource(Protocol):
    """Makes worker processes ahead of need."""

    def fileno(self) -> int:
        """Descriptor that becomes readable when `poll` may have something to say.

        The end of a child process may show as a SIGCHLD only: call `poll` after one, too.
        """
        ...

    def save(
        self, values: Mapping[str, object], root: str, pack: str
    ) -> dict[str, ArtifactRef] | None:
        """Store plain values in a process that is ready for it, before `configure`.

        Returns
        -------
        dict of str to ArtifactRef or None
            References by name; None when this source can't, so that the caller has to.
        """
        ...

    def configure(self, context: "RunContext") -> None:
        """Tell all workers of the run's context; called once, before the first request."""
        ...

    def request(self, env: tuple[tuple[str, str], ...], count: int) -> None:
        """Ask for `count` more workers with these environment variables."""
        ...

    def poll(self) -> list[News]:
        """What has happened since the last call, in order; never waits."""
        ...

    def close(self) -> None:
        """Kill and reap whatever is left."""
        ...


class PacksCode(Protocol):
    """A source of workers that can pack the user's code while tasks run."""

    def will_pack(self) -> bool:
        """Tell whether there is a process that has time for it."""
        ...

    def pack(self, order: "PackageOrder", root: str) -> None:
        """Begin to pack, before `configure`: code that no decorator has to be attached to."""
        ...

    def pack_as_configured(self) -> None:
        """Begin to pack as the context says, once workers have been asked for."""
        ...

    def packed(self, timeout_s: float) -> CodePacked | None:
        """Wait for the package when the run is over; None if `poll` has told of it."""
        ...
