"""`runs`: the runs of a flow, newest first, and what became of them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow.cli.scope import Scope

STATUSES = ("running", "succeeded", "failed", "killed", "lost")


def build(scope: Scope) -> click.Command:
    """Make the command."""

    def runs(**values: Any) -> None:
        _runs(scope, **values)

    return click.Command(
        "runs",
        params=[
            click.Option(
                ["--status", "statuses"],
                type=click.Choice(STATUSES),
                multiple=True,
                help="Only runs of this status. May be repeated.",
            ),
            click.Option(
                ["--tag", "tags"],
                multiple=True,
                metavar="TAG",
                help="Only runs with this tag. May be repeated: a run must have them all.",
            ),
            click.Option(
                ["--limit"],
                type=click.IntRange(min=1),
                default=20,
                show_default=True,
                metavar="N",
                help="At most so many.",
            ),
            click.Option(["--json", "as_json"], is_flag=True, help="Print them as JSON."),
        ],
        callback=runs,
        help="List the runs of the flow, newest first.",
    )


def _runs(
    scope: Scope, statuses: tuple[str, ...], tags: tuple[str, ...], limit: int, as_json: bool
) -> None:
    from metaflow.cli.past_runs import client_of

    flow = client_of(scope).Flow(scope.flow_name)
    lines = islice(_facts(flow.runs(*tags), set(statuses or STATUSES)), limit)
    if as_json:
        import json

        scope.console.data(json.dumps(list(lines), indent=2))
        return
    for line in lines:
        took = "" if line["seconds"] is None else f"{line['seconds']:.1f} s"
        began = line["began"].replace("T", " ")
        tags_shown = " ".join(line["tags"])
        shown = f"{line['id']}  {line['status']:<9}  {began}  {took:>9}  {tags_shown}"
        scope.console.data(shown.rstrip())


def _facts(runs: Iterator[Any], statuses: set[str]) -> Iterator[dict[str, Any]]:
    for run in runs:
        status = run.status
        if status not in statuses:
            continue
        ended_at = run._view.facts.ended_at  # noqa: SLF001 - `finished_at` is that of the end step
        began_at = run._view.facts.created_at  # noqa: SLF001 - the same clock
        yield {
            "id": run.id,
            "status": status,
            "began": run.created_at.isoformat(timespec="seconds"),
            "seconds": None if ended_at is None else round(max(0.0, ended_at - began_at), 3),
            "error": run.error,
            "tags": sorted(run.user_tags),
        }
