"""What a metadata store answers: one frozen value per kind of object, JSON left unread."""

from typing import NamedTuple


class FlowFacts(NamedTuple):
    """A flow that has been run at least once."""

    key: int
    name: str
    created_at: float


class RunFacts(NamedTuple):
    """A run, its tags, and what became of the task of its end step."""

    key: int
    run_id: str
    created_at: float
    user: str
    status: str
    """`running`, `done`, `failed` or `killed`, as its launcher has said last."""
    ended_at: float | None
    origin_run_id: str | None
    end_step: str
    end_task: str | int | None
    end_attempt: int | None
    """The latest done attempt of the end task."""
    end_at: float | None
    end_ok: int
    end_handled: int
    tags: str
    """JSON object: tag -> 1 for a system tag, 0 for a user's."""
    error: str | None = None
    """Why it did not succeed."""


class LeaseFacts(NamedTuple):
    """Who carries a run or a task, and when it has last said so."""

    holder: str
    """A process, as JSON; empty for a run that a scheduler carries."""
    renewed_at: float
    renewed_tick: float
    """The same on the monotonic clock of the holder's machine."""


class RunToKeep(NamedTuple):
    """What it takes to decide whether a run is kept."""

    key: int
    flow: str
    run_id: str
    created_at: float
    user: str
    status: str
    origin_run_id: str | None
    tags: str
    """JSON object: tag -> 1 for a system tag, 0 for a user's."""
    pack: str


class GarbageNote(NamedTuple):
    """A file of the artifact store that nothing referred to when it was looked at."""

    name: str
    """Path relative to the root."""
    size: int
    mtime_ns: int
    """Its time of change."""
    found_at: float


class StepFacts(NamedTuple):
    """A step of a run that has at least one task."""

    key: int
    run_key: int
    name: str
    created_at: float


class TaskFacts(NamedTuple):
    """A task and its latest done attempt, whose fields are None or 0 if there is none."""

    id: str | int
    step_key: int
    step: str
    created_at: float
    origin_task_id: str | None
    frames: str
    """JSON array of `Frame`s."""
    attempt: int | None
    started_at: float | None
    ended_at: float | None
    ok: int
    handled: int
    error: str | None


class AttemptFacts(NamedTuple):
    """One attempt of a task; `ended_at` is None while it runs."""

    number: int
    started_at: float | None
    pid: int | None
    ended_at: float | None
    ok: int
    handled: int
    error: str | None
    killed: int = 0
    """A signal has ended its process."""


OLDER_FILE = -2
"""Offset of output that lies in files of the older layout, not in the run's log."""


class LogChunk(NamedTuple):
    """A piece of a task's output: where it lies in the run's log file, when it was written."""

    stream: str
    offset: int
    length: int
    at: float


class FreeFact(NamedTuple):
    """A fact about a task that was recorded by name."""

    attempt: int
    name: str
    value: str
    at: float
