"""What is asked of logs: lines of a run, a step or a task, by stream, text and time."""

from __future__ import annotations

import time
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from metaflow.client.log_line import LogLine
from metaflow.client.log_pieces import STREAMS, check_stream
from metaflow.client.log_streams import ALWAYS, find_streams, in_order, load
from metaflow.metadata_store.sqlite.logs import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from metaflow.client.log_stream import LogStream
    from metaflow.client.view import RunView

FIRST_TAIL: Final = 1 << 16
"""So many bytes at the end are searched for the last lines first; then four times as many."""


class LogFilter(NamedTuple):
    """Which lines are wanted."""

    names: tuple[str, ...] = STREAMS
    """Of these streams."""
    attempt: int | None = None
    """Of this attempt; None for each task's latest one."""
    since: float = ALWAYS[0]
    """Lines that began to appear then or later, in seconds since the epoch."""
    until: float = ALWAYS[1]
    """Lines that began to appear then or before."""
    matches: Callable[[bytes], bool] | None = None
    """Says whether a line is wanted."""
    tail: int | None = None
    """Just the last so many of what is there."""


def filter_of(
    stream: str | None,
    contains: str | None,
    since: datetime | timedelta | None,
    until: datetime | timedelta | None,
    attempt: int | None = None,
) -> LogFilter:
    """Read what users say about the lines that they want.

    Raises
    ------
    ValueError
        There is no such stream.
    """
    if stream is not None:
        check_stream(stream)
    found = LogFilter(STREAMS if stream is None else (stream,), attempt)
    if since is not None:
        found = found._replace(since=seconds_at(since))
    if until is not None:
        found = found._replace(until=seconds_at(until))
    if contains:
        wanted = contains.encode()
        found = found._replace(matches=lambda line: wanted in line)
    return found


def seconds_at(moment: datetime | timedelta) -> float:
    """Turn a time, or an age, into seconds since the epoch; a naive time is local."""
    if isinstance(moment, timedelta):
        return time.time() - moment.total_seconds()
    return moment.timestamp()


def lines_of(
    run: RunView, wanted: LogFilter, step: str | None = None, task_id: str | None = None
) -> Iterator[LogLine]:
    """Go through lines in order of time.

    Parameters
    ----------
    run : RunView
        The run.
    wanted : LogFilter
        Which lines.
    step : str, optional
        Only of this step.
    task_id : str, optional
        Only of this task of the step.
    """
    between = wanted.since, wanted.until
    selection = selection_of(run, step, task_id)
    streams = find_streams(run, selection, wanted.attempt, wanted.names, between)
    return chosen(streams, wanted)


def selection_of(run: RunView, step: str | None, task_id: str | None) -> Selection:
    """Say whose logs are meant."""
    return Selection(run.facts.key, step, None if task_id is None else (task_id,))


def chosen(streams: Iterable[LogStream], wanted: LogFilter) -> Iterator[LogLine]:
    """Go through the wanted lines of streams, of their ends only if no more is wanted."""
    if wanted.tail is None:
        return _matching(streams, wanted)
    return iter(_last(list(streams), wanted, wanted.tail))


def _last(streams: list[LogStream], wanted: LogFilter, tail: int) -> deque[LogLine]:
    """Find the last lines, reading not much more than these."""
    load(stream for stream in streams if not stream.is_loaded)
    sizes = sorted((size for stream in streams for size in stream.sizes()), reverse=True)
    enough = FIRST_TAIL
    while True:
        since = wanted.since
        total = 0
        for at, length in sizes:
            total += length
            if total >= enough:
                since = max(since, at)
                break
        for stream in streams:
            stream.rewind()
        found = deque(_matching(streams, wanted._replace(since=since)), maxlen=tail)
        if len(found) == tail or since == wanted.since or since == sizes[-1][0]:
            return found
        enough *= 4


def _matching(streams: Iterable[LogStream], wanted: LogFilter) -> Iterator[LogLine]:
    matches = wanted.matches
    for stream, at, line in in_order(streams, wanted.since, wanted.until):
        if matches is None or matches(line):
            yield LogLine(
                datetime.fromtimestamp(at, UTC),
                stream.pathspec,
                stream.attempt,
                stream.name,
                line.decode(errors="replace"),
            )
