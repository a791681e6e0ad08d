"""`logs`: what the tasks of a step have printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

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

    def show(**values: Any) -> None:
        _show(scope, **values)

    return LogsGroup(
        "logs",
        commands=[
            click.Command(
                DEFAULT,
                params=[
                    click.Argument(["path"], metavar="RUN/STEP[/TASK]"),
                    click.Option(
                        ["--stdout", "streams"], flag_value="stdout", help="Only standard output."
                    ),
                    click.Option(
                        ["--stderr", "streams"], flag_value="stderr", help="Only standard error."
                    ),
                    click.Option(
                        ["--both", "streams"], flag_value="both", help="Both streams. (default)"
                    ),
                    click.Option(
                        ["--timestamps"], is_flag=True, help="Show when each line was printed."
                    ),
                    click.Option(
                        ["--attempt"],
                        type=click.IntRange(min=0),
                        help="Which attempt; the latest one if not given.",
                    ),
                ],
                callback=show,
                help="Print the logs. (default)",
            )
        ],
        help="Print what the tasks of a step have printed.",
    )


def _show(
    scope: Scope, path: str, streams: str | None, timestamps: bool, attempt: int | None
) -> None:
    from metaflow.cli.past_runs import parse_path, past_tasks, short_pathspec

    named = parse_path(scope, path)
    tasks = past_tasks(scope, named, attempt)
    wanted = ("stdout", "stderr") if streams in {None, "both"} else (str(streams),)
    scope.console.note(f"Dumping logs of {named}")
    for task in tasks:
        if len(tasks) > 1:
            scope.console.note(f"[*{short_pathspec(task)}*]")
        for moment, line in _merged(task, wanted):
            prefix = f"{_local(moment)} " if timestamps else ""
            scope.console.data(f"{prefix}{line}")


def _merged(task: Any, streams: tuple[str, ...]) -> Iterator[tuple[datetime, str]]:
    """Lines of several streams by time, each stream in its own order."""
    from heapq import merge

    return merge(*(task.loglines(stream) for stream in streams), key=lambda entry: entry[0])


def _local(moment: datetime) -> str:
    from datetime import UTC

    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return aware.astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
