"""`logs`: what tasks have printed or print just now, to be read, searched or erased."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from metaflow.cli.scope import Scope

DEFAULT = "show"


class LogsGroup(click.Group):
    """A group whose command `show` may be left out."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `show` in front, unless a command or the help is asked for."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


def build(scope: Scope) -> click.Command:
    """Make the group with its commands."""

    def show(path: str, **values: Any) -> int:
        from metaflow.cli.showing_logs import Request, show_logs

        return show_logs(scope, path, Request(**values))

    def scrub(**values: Any) -> None:
        _scrub(scope, **values)

    return LogsGroup(
        "logs",
        commands=[
            click.Command(
                DEFAULT,
                params=[
                    *_selectors("Only ", "RUN[/STEP[/TASK]]"),
                    *_questions(),
                ],
                callback=show,
                help="Print the logs in order of time. (default)",
            ),
            click.Command(
                "scrub",
                params=[
                    *_selectors("Erase only ", "RUN/STEP[/TASK]"),
                    click.Option(
                        ["--latest/--all", "latest"],
                        default=True,
                        help="Erase the logs of the latest attempt, or those of all attempts. "
                        "[default: latest]",
                    ),
                    click.Option(
                        ["--include-not-done"],
                        is_flag=True,
                        help="Erase the logs of attempts that have not ended, too.",
                    ),
                ],
                callback=scrub,
                help="Erase the logs, for example because they show a secret.",
            ),
        ],
        help="Print or erase what tasks have printed.",
    )


def _questions() -> list[click.Parameter]:
    return [
        click.Option(
            ["--follow", "-f"],
            is_flag=True,
            help="Go on as lines appear, until the run, step or task is over.",
        ),
        click.Option(["--grep"], metavar="TEXT", help="Only lines with this text."),
        click.Option(["--ignore-case"], is_flag=True, help="TEXT in capitals or not."),
        click.Option(["--regex"], is_flag=True, help="TEXT is a regular expression."),
        click.Option(
            ["--since"],
            metavar="TIME",
            help="Only lines from then on: an ISO time, or an age such as 10m.",
        ),
        click.Option(
            ["--until"], metavar="TIME", help="Only lines until then: a time or an age, too."
        ),
        click.Option(["--tail"], type=click.IntRange(min=0), help="Only the last so many lines."),
        click.Option(["--timestamps"], is_flag=True, help="Show when each line was printed."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print each line as JSON."),
    ]


def _selectors(word: str, path: str) -> list[click.Parameter]:
    return [
        click.Argument(["path"], metavar=path),
        click.Option(["--stdout", "streams"], flag_value="stdout", help=f"{word}standard output."),
        click.Option(["--stderr", "streams"], flag_value="stderr", help=f"{word}standard error."),
        click.Option(["--both", "streams"], flag_value="both", help="Both streams. (default)"),
        click.Option(
            ["--attempt"],
            type=click.IntRange(min=0),
            help="Which attempt; the latest one if not given.",
        ),
    ]


def _scrub(
    scope: Scope,
    path: str,
    streams: str | None,
    attempt: int | None,
    latest: bool,
    include_not_done: bool,
) -> None:
    from metaflow.cli.past_runs import parse_path, past_tasks, short_pathspec
    from metaflow.cli.showing_logs import streams_of

    if attempt is not None and not latest:
        raise click.UsageError("--attempt and --all exclude each other.")
    named = parse_path(scope, path)
    scope.console.note(f"Erasing logs of {named}")
    for task in past_tasks(scope, named, attempt):
        place = short_pathspec(task)
        erased, running = _erase(task, streams_of(streams), latest, include_not_done)
        for number in running:
            scope.console.say(
                f"Left alone: attempt {number} of {place} is not done; see --include-not-done."
            )
        if erased:
            listed = ", ".join(str(number) for number in erased)
            scope.console.note(f"Erased the logs of {place}, attempt {listed}.")


def _erase(
    task: Any, streams: tuple[str, ...], latest: bool, include_not_done: bool
) -> tuple[list[int], list[int]]:
    """Erase logs of a task; return the attempts that had any, and those that still run."""
    from metaflow.client import Task
    from metaflow.client.task_logs import LogView

    attempts = task._view.attempts()  # noqa: SLF001 - the client itself erases nothing
    erased, running = [], []
    for facts in attempts[-1:] if latest else attempts:
        if facts.ended_at is None and not include_not_done:
            running.append(facts.number)
            continue
        view = Task(task.pathspec, attempt=facts.number)._view  # noqa: SLF001 - the same
        if sum(LogView(view, stream).erase() for stream in streams):
            erased.append(facts.number)
    return erased, running
