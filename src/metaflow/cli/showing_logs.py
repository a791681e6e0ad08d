"""How logs are shown: which lines a command line asks for, and what each of them looks like."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from metaflow.cli.outcome import ExitCode

if TYPE_CHECKING:
    from metaflow.cli.past_runs import PastPath
    from metaflow.cli.scope import Scope
    from metaflow.client.log_line import LogLine
    from metaflow.client.log_lines import LogFilter


class Request(NamedTuple):
    """What a command line says about the lines that it wants."""

    streams: str | None
    attempt: int | None
    follow: bool
    grep: str | None
    ignore_case: bool
    regex: bool
    since: str | None
    until: str | None
    tail: int | None
    timestamps: bool
    as_json: bool

    @property
    def selects(self) -> bool:
        """Whether not all lines are wanted, or not as they are."""
        return self.as_json or (self.grep, self.since, self.until, self.tail) != (None,) * 4


def streams_of(wanted: str | None) -> tuple[str, ...]:
    """Name the streams that an option has chosen."""
    return ("stdout", "stderr") if wanted in {None, "both"} else (str(wanted),)


def show_logs(scope: "Scope", path: str, request: Request) -> int:
    """Print the lines that are wanted, and go on if that is wanted, too.

    Parameters
    ----------
    scope : Scope
        The flow and where its store is.
    path : str
        Which run, step or task.
    request : Request
        Which lines.

    Returns
    -------
    int
        The exit code: whether that which was followed has succeeded.

    Raises
    ------
    MetaflowNotFound
        There is no such run, step, task or attempt.
    """
    from metaflow.cli.past_runs import parse_path

    wanted = _filter(request)
    named = parse_path(scope, path, runs=True)
    run, has_several = _find(scope, named, request)
    scope.console.note(f"{'Following' if request.follow else 'Dumping'} logs of {named}")
    place = run._view, wanted, named.step, named.task_id  # noqa: SLF001 - the same lines, and more asked of them
    if not request.follow:
        from metaflow.client.log_lines import lines_of

        if named.step and has_several and not request.selects:
            return _print_by_task(scope, named, request, wanted)
        _print(scope, lines_of(*place), request, has_several=has_several)
        return ExitCode.OK
    from metaflow.client.log_following import Follower
    from metaflow.client.status import SUCCEEDED

    follower = Follower(*place)
    try:
        if not _print(scope, follower.lines(), request, has_several=has_several):
            return ExitCode.OK
    except KeyboardInterrupt:
        return ExitCode.FAILED
    status = follower.status
    scope.console.note(f"What was followed has ended: {status}.")
    return ExitCode.OK if status == SUCCEEDED else ExitCode.FAILED


def _print_by_task(scope: "Scope", named: "PastPath", request: Request, wanted: "LogFilter") -> int:
    """Print all that the tasks of a step have printed, one task after the other, as it is."""
    from metaflow.cli.past_runs import past_tasks, short_pathspec
    from metaflow.client.log_lines import lines_of

    for task in past_tasks(scope, named, request.attempt):
        scope.console.note(f"[*{short_pathspec(task)}*]")
        view = task._view  # noqa: SLF001 - the same lines, and more asked of them
        lines = lines_of(view.run, wanted, named.step, task.id)
        if not _print(scope, lines, request, has_several=False):
            break
    return ExitCode.OK


def _find(scope: "Scope", named: "PastPath", request: Request) -> tuple[Any, bool]:
    """Find the run of a path; say also whether lines of several tasks may come."""
    from metaflow.cli.past_runs import client_of

    client = client_of(scope)
    above = f"{scope.flow_name}/{named.run_id}"
    # One after the other, so that the error names the part that is wrong.
    run = client.Run(above)
    if named.step is None:
        return run, True
    if request.follow and named.task_id is None and named.step in scope.graph().sorted_nodes:
        return run, True  # it may be yet to come
    step = client.Step(f"{above}/{named.step}")
    if named.task_id is not None:
        client.Task(f"{step.pathspec}/{named.task_id}", attempt=request.attempt)
        return run, False
    first = list(zip(step, range(2), strict=False))
    if len(first) == 1:
        client.Task(first[0][0].pathspec, attempt=request.attempt)
    return run, len(first) > 1


def _print(
    scope: "Scope", lines: "Iterator[LogLine]", request: Request, *, has_several: bool
) -> bool:
    """Print lines; stop, and say so, when nobody reads them any more."""
    for line in lines:
        if request.as_json:
            values = {**line._asdict(), "time": line.time.isoformat(timespec="milliseconds")}
            text = json.dumps(values)
        else:
            task = f"[{line.pathspec.split('/', 2)[2]}] " if has_several else ""
            at = f"{_local(line.time)} " if request.timestamps else ""
            text = f"{at}{task}{line.text}"
        if not scope.console.data(text):
            return False
    return True


def _filter(request: Request) -> "LogFilter":
    from metaflow.client.log_lines import LogFilter

    found = LogFilter(
        streams_of(request.streams), request.attempt, matches=_matcher(request), tail=request.tail
    )
    if request.since is not None:
        found = found._replace(since=_seconds("--since", request.since))
    if request.until is not None:
        if request.follow:
            raise click.UsageError("--follow and --until exclude each other.")
        found = found._replace(until=_seconds("--until", request.until))
    return found


def _matcher(request: Request) -> Callable[[bytes], bool] | None:
    text = request.grep
    if text is None:
        if request.ignore_case or request.regex:
            raise click.UsageError("--ignore-case and --regex need --grep.")
        return None
    if not request.ignore_case and not request.regex:
        wanted = text.encode(errors="surrogateescape")
        return lambda line: wanted in line
    flags = re.IGNORECASE if request.ignore_case else re.NOFLAG
    try:
        pattern = re.compile(text if request.regex else re.escape(text), flags)
    except re.error as error:
        raise click.BadParameter(
            f"`{text}` is no regular expression: {error}.", param_hint="--grep"
        ) from error
    return lambda line: pattern.search(line.decode(errors="replace")) is not None


def _seconds(option: str, text: str) -> float:
    """Read an ISO time, local unless it says otherwise, or an age."""
    from metaflow.client.log_lines import seconds_at
    from metaflow.errors.retention import AgeInvalid
    from metaflow.retention.rules import seconds_of

    try:
        return seconds_at(datetime.fromisoformat(text))  # a time without a zone is local
    except ValueError:
        pass
    try:
        return seconds_at(timedelta(seconds=seconds_of(text)))
    except AgeInvalid as error:
        raise click.BadParameter(
            f"`{text}` is neither a time, such as 2030-01-31T12:00, nor an age, such as 10m.",
            param_hint=option,
        ) from error


def _local(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
