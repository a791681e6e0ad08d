"""The language between plan and loop: what happened (events) and what to do (commands)."""

from typing import NamedTuple, TypeAlias

from metaflow.errors.base import MetaflowException
from metaflow.model.records import OriginTask
from metaflow.model.task import Frame, GangPlace, Transition


class RunStarted:
    """The run exists in the metadata store; the first event of every history."""

    __slots__ = ()


class AttemptSucceeded(NamedTuple):
    """An attempt has finished its task and what it stored is acknowledged."""

    task_id: str
    attempt: int
    transition: Transition | None
    """What the task said in `self.next`; None for the end step."""
    handled: bool = False
    """The step failed and `@catch` took it."""


class AttemptFailed(NamedTuple):
    """An attempt has ended without finishing its task."""

    task_id: str
    attempt: int
    retryable: bool = True
    crashed: bool = False
    """No decorator could answer for it: the process died, or ended in another way than by an
    exception of the step."""
    killed: bool = False
    """The loop itself ended the process, after `StopRunning` or `EndGang`."""


class RetryDue(NamedTuple):
    """The wait that `RetryLater` asked for is over."""

    task_id: str


class ClonesRecorded:
    """The clones since the last event are recorded; what `RecordClones` asked for."""

    __slots__ = ()


class StopRequested(NamedTuple):
    """Someone outside the plan wants the run to end: a signal, a store that broke."""

    reason: str


Event: TypeAlias = (
    RunStarted | AttemptSucceeded | AttemptFailed | RetryDue | ClonesRecorded | StopRequested
)


class Launch(NamedTuple):
    """Start an attempt now; it holds a slot until its success or failure is fed back.

    All members of a gang hold one slot together, so that no gang waits for itself.
    """

    task_id: str
    step: str
    attempt: int
    frames: tuple[Frame, ...]
    input_ids: tuple[str, ...]
    """Task ids of the predecessors, for a join in the order of the split."""
    is_join: bool
    last_attempt: bool
    """No retry of the user's code follows this attempt."""
    fallback: bool
    """Run no user code: earlier attempts ended in a way that no decorator could answer for."""
    gang: GangPlace | None = None


class RetryLater(NamedTuple):
    """Feed `RetryDue` after this wait; until then the task holds no slot."""

    task_id: str
    wait_s: float


class Clone(NamedTuple):
    """Record a task as done, with the results of an origin task; cannot fail."""

    task_id: str
    step: str
    frames: tuple[Frame, ...]
    input_ids: tuple[str, ...]
    origin: OriginTask
    gang: GangPlace | None = None


class RecordClones:
    """Feed `ClonesRecorded` when the clones up to here are recorded: there may be more.

    However many tasks are cloned, a plan names some at a time. Nothing is launched until the
    last of them is named.
    """

    __slots__ = ()


class EndGang(NamedTuple):
    """A member of a gang has failed: end these others now.

    Each of them still needs its own `AttemptSucceeded` or `AttemptFailed`.
    """

    task_ids: tuple[str, ...]
    failed_id: str
    """The member whose failure is the reason."""


class StepFailed(NamedTuple):
    """A task is through with its attempts and did not finish."""

    task_id: str
    step: str
    message: str


class StopRunning(NamedTuple):
    """The run is lost: give running attempts their grace period, then end them.

    Each of them still needs its own `AttemptSucceeded` or `AttemptFailed`.
    """

    error: MetaflowException
    """Why; the same error ends the run."""


class RunSucceeded:
    """The end step has finished; nothing is left to do."""

    __slots__ = ()


class RunCloned:
    """Cloning was all that was asked for, and it did not reach the end step."""

    __slots__ = ()


class RunFailed(NamedTuple):
    """The run is over and did not succeed; nothing is running any more."""

    error: MetaflowException
    """The first thing that went wrong."""


Command: TypeAlias = (
    Launch
    | RetryLater
    | Clone
    | RecordClones
    | EndGang
    | StepFailed
    | StopRunning
    | RunSucceeded
    | RunCloned
    | RunFailed
)
