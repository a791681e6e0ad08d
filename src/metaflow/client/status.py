"""What became of a run, a task or an attempt, in one word.

A launcher that ends in order says how its run went. One that dies says nothing; then whoever
looks finds its lease without a holder, and takes the run for lost. Nothing is written down: a
launcher that was only asleep goes on, and the run is running again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from metaflow.client.view import RUNNING
from metaflow.metadata_store.facts import LeaseFacts
from metaflow.metadata_store.judging import Judge, holder_of
from metaflow.model.records import PARAMETERS_STEP

if TYPE_CHECKING:
    from metaflow.client.task_view import TaskView
    from metaflow.client.view import RunView
    from metaflow.metadata_store.facts import AttemptFacts

SUCCEEDED: Final = "succeeded"
FAILED: Final = "failed"
KILLED: Final = "killed"
LOST: Final = "lost"

STATUSES: Final = (RUNNING, SUCCEEDED, FAILED, KILLED, LOST)
"""All that a run or a task can be."""

_SAID: Final = {"done": SUCCEEDED, "failed": FAILED, "killed": KILLED}
"""What a launcher has written down when its run was over."""


def run_status(view: RunView) -> str:
    """Say what became of a run, as far as is known now."""
    facts = view.now()
    said = _SAID.get(facts.status)
    if said is not None:
        return said
    if facts.end_ok:
        return SUCCEEDED
    if is_carried(view):
        return RUNNING
    # It may have ended between the two looks.
    return _SAID.get(view.refresh().status, LOST)


def task_status(view: TaskView) -> str:
    """Say what became of a task, as far as is known now: of its latest attempt."""
    attempts = view.attempts()
    if attempts and attempts[-1].ended_at is not None:
        return ended_status(attempts[-1])
    if is_carried(view.run, view.task_id):
        return RUNNING
    # It may have ended between the two looks.
    attempts = view.attempts()
    if attempts and attempts[-1].ended_at is not None:
        return ended_status(attempts[-1])
    return LOST


def ended_status(attempt: AttemptFacts) -> str:
    """Say how an attempt ended that has ended in order."""
    if attempt.ok:
        return SUCCEEDED
    return KILLED if attempt.killed else FAILED


def is_carried(run: RunView, task_id: str = "") -> bool:
    """Say whether somebody carries a run, or a task of it that has not ended."""
    if run.refresh().status != RUNNING:
        return False
    key = run.facts.key
    if run.catalog.older_state(key) is not None:
        return True  # older versions have no leases; their runs are over when nothing happens
    lease = run.catalog.lease(key, task_id) if task_id else None
    if lease is None:
        lease, task_id = run.catalog.lease(key), ""
    judge = run.judges.get(task_id)
    if judge is None:
        judge = run.judges[task_id] = Judge()
    return judge.is_alive(lease)


def status_report(view: RunView) -> dict[str, Any]:
    """Tell all about a run's status, for people and programs.

    Parameters
    ----------
    view : RunView
        The run.

    Returns
    -------
    dict
        `run`, `status`, `error`, `began_at`, `ended_at` (seconds since the epoch), `host` and
        `pid` of its launcher unless it has ended in order, and `steps`: for each step, how
        many of its tasks have which status.
    """
    status = run_status(view)
    facts = view.facts
    lease = view.catalog.lease(facts.key) if facts.status == RUNNING else None
    host, pid = (None if lease is None else holder_of(lease)) or (None, None)
    return {
        "run": view.pathspec,
        "status": status,
        "error": facts.error,
        "began_at": facts.created_at,
        "ended_at": facts.ended_at,
        "host": host,
        "pid": pid,
        "steps": _steps(view),
    }


def _steps(view: RunView) -> dict[str, dict[str, int]]:
    is_live = is_carried(view)
    gone: dict[str, int] = {}
    for step, *lease in view.catalog.task_leases(view.facts.key):
        if not Judge().is_alive(LeaseFacts._make(lease)):
            gone[step] = gone.get(step, 0) + 1
    steps = {}
    for step, tasks, open_, succeeded, killed in view.catalog.task_counts(view.facts.key):
        if step == PARAMETERS_STEP:
            continue
        lost = min(open_, gone.get(step, 0)) if is_live else open_
        steps[step] = {
            RUNNING: open_ - lost,
            SUCCEEDED: succeeded,
            FAILED: tasks - open_ - succeeded - killed,
            KILLED: killed,
            LOST: lost,
        }
    return steps
