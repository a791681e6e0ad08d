"""`status`: what became of a run, in words and as the exit code."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from datetime import datetime

    from metaflow.cli.scope import Scope


class StatusCode(enum.IntEnum):
    """What `status` tells the shell of a run. 2 is a wrong command line, as everywhere."""

    SUCCEEDED = 0
    FAILED = 1
    RUNNING = 3
    KILLED = 4
    LOST = 5


def build(scope: Scope) -> click.Command:
    """Make the command."""

    def status(**values: Any) -> int:
        return _status(scope, **values)

    return click.Command(
        "status",
        params=[
            click.Argument(["run_id"], required=False),
            click.Option(["--json", "as_json"], is_flag=True, help="Print it as JSON."),
        ],
        callback=status,
        help="Tell what became of a run, the newest one if none is given. The exit code is 0 if "
        "it has succeeded, 1 if it has failed, 3 if it is running, 4 if it was killed, and 5 if "
        "it is lost.",
    )


def _status(scope: Scope, run_id: str | None, as_json: bool) -> int:
    from metaflow.client.status import status_report

    run = find_run(scope, run_id)
    report = status_report(run._view)  # noqa: SLF001 - a report reads more than users are shown
    if as_json:
        import json

        scope.console.data(json.dumps(report, indent=2))
        return StatusCode[str(report["status"]).upper()]
    say = scope.console.data
    say(f"{report['run']} {report['status']}")
    say(f"  began     {clock_time(run.created_at)}")
    if report["ended_at"] is not None:
        say(f"  ended     {clock_time(_local(report['ended_at']))}")
    if report["host"]:
        gone = "which is gone" if report["status"] == "lost" else "which is at work"
        say(f"  launcher  process {report['pid']} on {report['host']}, {gone}")
    if report["error"]:
        say(f"  error     {report['error']}")
    for step, counts in report["steps"].items():
        shown = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
        say(f"  {step:<9} {shown}")
    if report["status"] in {"failed", "killed", "lost"}:
        scope.console.note(f"`resume --origin-run-id {run.id}` goes on from what has succeeded.")
    return StatusCode[str(report["status"]).upper()]


def find_run(scope: Scope, run_id: str | None) -> Any:
    """Find a run of the flow by its id, or the newest one.

    Raises
    ------
    MetaflowException
        There is none.
    """
    from metaflow.cli.past_runs import client_of

    client = client_of(scope)
    if run_id is None:
        return client.Flow(scope.flow_name).latest_run
    return client.Run(f"{scope.flow_name}/{run_id.removeprefix(scope.flow_name + '/')}")


def clock_time(moment: datetime) -> str:
    """Show a local time to the second."""
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def _local(seconds: float) -> datetime:
    from metaflow.client.view import local_time

    return local_time(seconds)
