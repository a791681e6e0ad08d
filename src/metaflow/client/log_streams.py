"""Streams of many attempts read as one log, in order of time.

A stream is opened when the reading comes to the time at which it begins, so that of a long run
few are open at once.
"""

from __future__ import annotations

import heapq
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from metaflow.client.log_pieces import LogPieces
from metaflow.client.log_stream import LogStream
from metaflow.client.run_log import log_of
from metaflow.client.view import RunView
from metaflow.metadata_store.sqlite import logs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from metaflow.client.run_log import RunLog

ALWAYS: Final = (float("-inf"), float("inf"))

TOGETHER: Final = 64
"""Of so many streams the index is read at once."""


def find_streams(
    run: RunView,
    wanted: logs.Selection,
    attempt: int | None,
    names: Sequence[str],
    between: tuple[float, float],
) -> list[LogStream]:
    """Find the streams that have something in the log.

    Parameters
    ----------
    run : RunView
        The run.
    wanted : Selection
        Of which of its tasks; clones show what their originals have printed.
    attempt : int, optional
        Of this attempt; if None, of each task's latest one.
    names : sequence of str
        Names of streams.
    between : tuple of float
        Between these times.

    Returns
    -------
    list of LogStream
        In no order.
    """
    log = log_of(run)
    found = [
        stream_of(run, log, each, each.stream, each.attempt, each.begins_at)
        for each in logs.streams(run.catalog, wanted, attempt, *between)
        if each.stream in names
    ]
    if run.facts.origin_run_id is not None:
        found += streams_of_clones(run, wanted, attempt, names, between)
    if wanted.tasks is None:
        tell_apart(found)
    return found


def stream_of(
    run: RunView,
    log: RunLog,
    of: logs.LoggedStream | logs.LoggedAttempt,
    name: str,
    attempt: int,
    begins_at: float,
) -> LogStream:
    """Show a stream that the store has told of."""
    pieces = LogPieces(run, log, of.step, str(of.task), of.frames, attempt, name)
    return LogStream(pieces, of.task, begins_at)


def streams_of_clones(
    run: RunView,
    wanted: logs.Selection,
    attempt: int | None,
    names: Sequence[str],
    between: tuple[float, float],
) -> list[LogStream]:
    """Find what the originals of clones have printed; parameters as of `find_streams`."""
    cloned = logs.clones(run.catalog, wanted)
    facts = run.catalog.run(run.flow, run.facts.origin_run_id or "")
    if not cloned or facts is None:
        return []
    origin = RunView(run.scope, run.catalog, run.flow, facts)
    shown_as = {
        f"{origin.pathspec}/{step}/{original}": f"{run.pathspec}/{step}/{task}"
        for step, task, original in cloned
    }
    tasks = tuple(original for _, _, original in cloned)
    found = find_streams(origin, logs.Selection(facts.key, None, tasks), attempt, names, between)
    for stream in found:
        stream.pathspec = shown_as[stream.pathspec]
    if wanted.tasks is None:
        tell_apart(found)
    return found


def tell_apart(streams: list[LogStream]) -> None:
    """Leave out of a control task's log what is shown as output of the members of its gang."""
    members: dict[tuple[str, int, str], list[LogStream]] = {}
    for stream in streams:
        control = stream.control_id
        if control is not None:
            members.setdefault((control, stream.attempt, stream.name), []).append(stream)
    for stream in streams if members else ():
        theirs = members.pop((stream.task_id, stream.attempt, stream.name), None)
        if theirs is not None:
            load([stream, *theirs])
            stream.leave_out({start for each in theirs for start in each.starts()})


def load(streams: Iterable[LogStream]) -> None:
    """Read on the index of streams, of many at once."""
    by_run: dict[int, list[LogStream]] = {}
    for stream in streams:
        by_run.setdefault(stream.run.facts.key, []).append(stream)
        stream.is_loaded = True
    for key, some in by_run.items():
        for first in range(0, len(some), TOGETHER):
            _load(key, some[first : first + TOGETHER])


def _load(key: int, streams: list[LogStream]) -> None:
    catalog = streams[0].run.catalog
    while True:
        rows = logs.pieces(catalog, key, [stream.wanted for stream in streams])
        for place, start, length, at in rows:
            streams[place].add(start, length, at)
        if len(rows) < logs.PIECES_AT_ONCE:
            return


def in_order(
    streams: Iterable[LogStream], since: float, until: float
) -> Iterator[tuple[LogStream, float, bytes]]:
    """Go through the lines of streams by the time at which they began to appear.

    Parameters
    ----------
    streams : iterable of LogStream
        What is read.
    since, until : float
        Only lines from between these times, in seconds since the epoch.
    """
    # Lines of the same time come as their tasks do.
    waiting = sorted(streams, key=lambda stream: (stream.begins_at, stream.key), reverse=True)
    open_: list[tuple[float, int, bytes, LogStream, Iterator[tuple[float, bytes]]]] = []
    number = count()
    while waiting or open_:
        while waiting and (not open_ or waiting[-1].begins_at <= open_[0][0]):
            if not waiting[-1].is_loaded:
                load(each for each in waiting[-TOGETHER:] if not each.is_loaded)
            stream = waiting.pop()
            lines = stream.lines(since, until)
            _push(open_, next(number), stream, lines)
        if open_:
            at, place, line, stream, lines = heapq.heappop(open_)
            yield stream, at, line
            _push(open_, place, stream, lines)


def _push(
    heap: list[Any], place: int, stream: LogStream, lines: Iterator[tuple[float, bytes]]
) -> None:
    """Put the next line of a stream among those of others, if there is one."""
    line = next(lines, None)
    if line is not None:
        heapq.heappush(heap, (line[0], place, line[1], stream, lines))
