"""Facts on their way into the metadata store: one frozen value per kind of change."""

from typing import NamedTuple, TypeAlias

from metaflow.model.artifact import ArtifactRef
from metaflow.model.task import Frame, Transition

PARAMETERS_STEP = "_parameters"
"""Pseudo-step that holds a run's parameters and constants."""

PARAMETERS_TASK = "0"
"""Id of its only task."""

PARENT_TASK, CHILD_RUN = "parent-task", "child-run"
"""Facts that tie a run to the task whose code has started it, and that task to the run."""

ARTIFACTS_DROPPED = "artifacts-dropped"
"""Fact of a run whose artifacts were only there for its own tasks; its other facts are kept."""


ARTIFACT_ROOT = "ds-root"
"""Fact of a run that says where its artifacts are. It is an address if that is an object store;
otherwise they are beside the facts, wherever these are by now."""


class LeaseHeld(NamedTuple):
    """A process carries the run, or one task of it, and says that it is alive."""

    task_id: str
    """Empty for the run as a whole."""
    holder: str
    """Which process, as JSON."""
    at: float
    tick: float
    """The same on the machine's monotonic clock."""


class LeaseEnded(NamedTuple):
    """A task that a process of its own has carried is through."""

    task_id: str


class NewRun(NamedTuple):
    """A run as it begins. Times are seconds since the epoch, UTC."""

    flow: str
    run_id: str
    created_at: float
    user: str
    tags: tuple[str, ...]
    """Tags given by the user."""
    system_tags: tuple[str, ...]
    metadata: dict[str, str]
    """Facts that all tasks of the run share (`runtime`, `python_version`, `ds-root` …)."""
    origin_run_id: str | None
    pack: str
    lease: LeaseHeld | None = None
    """Who carries the run."""


class JoinedRun(NamedTuple):
    """A run that another process has begun and this one adds to."""

    key: int
    """What the journal knows the run by."""
    user: str
    tags: tuple[str, ...]
    """Tags given by the user."""
    pack: str
    origin_run_id: str | None


class TaskCreated(NamedTuple):
    """A task has its id and will be started."""

    task_id: str
    step: str
    created_at: float
    frames: tuple[Frame, ...] | str
    """The open splits around the task, or the same as JSON text."""
    parents: tuple[str, ...]
    """Task ids of the predecessors, in input order."""
    origin_task_id: str | None = None
    """Set for a task cloned from the origin run."""


class AttemptStarted(NamedTuple):
    """A process runs this attempt."""

    task_id: str
    attempt: int
    at: float
    pid: int


class AttemptDone(NamedTuple):
    """An attempt has ended and what it stored is acknowledged."""

    task_id: str
    attempt: int
    at: float
    ok: bool
    """Finished: succeeded or handled."""
    handled: bool
    manifest: dict[str, ArtifactRef] | str
    """All artifacts by name, or the same as the JSON text that a worker or an origin gave."""
    transition: Transition | None
    error: str | None = None
    killed: bool = False
    """A signal has ended its process."""


class LogWritten(NamedTuple):
    """Bytes of a task's output are in the run's log file at this place."""

    task_id: str
    attempt: int
    stream: str
    """`stdout` or `stderr`."""
    at: float
    offset: int
    length: int


class TaskMetadata(NamedTuple):
    """A free fact about a task, beyond those that the store derives itself."""

    task_id: str
    attempt: int
    name: str
    value: str
    at: float


class RunMetadata(NamedTuple):
    """A fact about the whole run that was not known when it began."""

    name: str
    value: str


class RunDone(NamedTuple):
    """The launcher is through with the run."""

    at: float
    ok: bool
    killed: bool = False
    """It was told to end before the run was complete."""
    error: str | None = None
    """Why it did not succeed."""


Change: TypeAlias = (
    TaskCreated
    | AttemptStarted
    | AttemptDone
    | LogWritten
    | TaskMetadata
    | RunMetadata
    | RunDone
    | LeaseHeld
    | LeaseEnded
)


class OriginTask(NamedTuple):
    """A task of an earlier run, as `resume` and the client's engine-side readers see it."""

    task_id: str
    step: str
    frames: tuple[Frame, ...]
    parents: tuple[str, ...]
    attempt: int
    """The latest done attempt."""
    ok: bool
    handled: bool
    manifest_json: str
    """Left as JSON text: a clone copies it without looking inside."""
    transition: Transition | None
