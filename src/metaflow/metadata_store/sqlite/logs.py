"""What a SQLite store tells readers of logs: who has printed something, where it lies, what is new.

The questions are about all tasks of a run, a step or a list at once, since a reader wants the
lines of all of them in order of time.
"""

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from metaflow.metadata_store.sqlite import log_queries as queries
from metaflow.metadata_store.sqlite.database_file import DatabaseFile, stored_id

PIECES_AT_ONCE: Final = 20_000
"""So many entries of the index are asked for at a time."""

BEFORE_ALL: Final = -3
"""Before all offsets, also those that stand for other places."""


class LoggedStream(NamedTuple):
    """A stream of an attempt that has something in the log."""

    step: str
    task: int | str
    """Id of the task, as stored."""
    frames: str
    attempt: int
    stream: str
    begins_at: float


class LoggedAttempt(NamedTuple):
    """An attempt that prints, or will."""

    key: int
    step: str
    task: int | str
    frames: str
    number: int


class Selection(NamedTuple):
    """Whose logs are wanted: a whole run's, a step's, or those of some tasks."""

    run: int
    step: str | None = None
    tasks: tuple[str, ...] | None = None


def streams(
    store: DatabaseFile,
    wanted: Selection,
    attempt: int | None,
    since: float,
    until: float,
) -> list[LoggedStream]:
    """Return the streams that have something in the log between two times.

    Parameters
    ----------
    store : DatabaseFile
        The facts.
    wanted : Selection
        Of which tasks.
    attempt : int, optional
        Of this attempt; if None, of each task's latest one.
    since, until : float
        Seconds since the epoch.
    """
    by_step = queries.STREAMS_OF_RUN if wanted.step is None else queries.STREAMS_OF_STEP
    query = by_step if wanted.tasks is None else queries.STREAMS_OF_TASKS
    values = {**_values(wanted), "attempt": attempt, "since": since, "until": until}
    return [LoggedStream._make(row) for row in store.connection.rows(query, values)]


def clones(store: DatabaseFile, wanted: Selection) -> list[tuple[str, str, str]]:
    """Return step, id and original's id of the tasks that were taken over from another run."""
    by_step = queries.CLONES_OF_RUN if wanted.step is None else queries.CLONES_OF_STEP
    query = by_step if wanted.tasks is None else queries.CLONES_OF_TASKS
    rows = store.connection.rows(query, _values(wanted))
    return [(step, str(task), origin) for step, task, origin in rows]


def pieces(
    store: DatabaseFile, run: int, wanted: Sequence[tuple[int | str, int, str, int]]
) -> list[tuple[int, int, int, float]]:
    """Return where output lies.

    Parameters
    ----------
    store : DatabaseFile
        The facts.
    run : int
        The run.
    wanted : sequence of tuple
        Task as stored, attempt, stream, and the last offset that is known already.

    Returns
    -------
    list of tuple
        Place in `wanted`, offset, length, time. If there are `PIECES_AT_ONCE`, there may be more.
    """
    values = {"run": run, "wanted": json.dumps(wanted), "count": PIECES_AT_ONCE}
    return store.connection.rows(queries.PIECES, values)


def last_attempt(store: DatabaseFile, run: int) -> int:
    """Return the key of the attempt that was begun last; 0 if there is none."""
    return int(store.connection.row(queries.LAST_ATTEMPT, (run,))[0])


def open_attempts(store: DatabaseFile, run: int) -> list[LoggedAttempt]:
    """Return the attempts of a run that have not ended."""
    return [
        LoggedAttempt._make(row) for row in store.connection.rows(queries.OPEN_ATTEMPTS, (run,))
    ]


def new_attempts(store: DatabaseFile, run: int, after: int) -> list[LoggedAttempt]:
    """Return the attempts of a run that were begun after one of its own."""
    rows = store.connection.rows(queries.NEW_ATTEMPTS, (run, after))
    return [LoggedAttempt._make(row) for row in rows]


def ended_attempts(store: DatabaseFile, keys: Sequence[int]) -> set[int]:
    """Return those of some attempts that have ended."""
    return {key for (key,) in store.connection.rows(queries.ENDED_ATTEMPTS, (json.dumps(keys),))}


def steps_outside_of_splits(store: DatabaseFile, run: int) -> set[str]:
    """Return the steps that have had a task while no split was open."""
    return {name for (name,) in store.connection.rows(queries.OUTSIDE_OF_SPLITS, (run,))}


def _values(wanted: Selection) -> dict[str, Any]:
    # Only those that the query names may be given to it.
    values: dict[str, Any] = {"run": wanted.run}
    if wanted.tasks is not None:
        values["tasks"] = json.dumps([stored_id(task) for task in wanted.tasks])
    elif wanted.step is not None:
        values["step"] = wanted.step
    return values
