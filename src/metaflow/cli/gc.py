"""`metaflow gc`: removes runs by rules, and collects what nothing refers to any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from metaflow.cli.kept_root import open_kept, root_option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow.cli.console import Console
    from metaflow.retention.keeping import Keeping
    from metaflow.retention.plan import GarbagePlan, Tally
    from metaflow.retention.rules import Rule

GRACE: Final = "1h"
SHOWN: Final = 10
"""So many lines of a table are shown, the largest first."""
UNITS: Final = ("B", "KB", "MB", "GB", "TB")
KILO: Final = 1000.0


def build(console: Console) -> click.Command:
    """Make the command."""

    def gc(**values: Any) -> None:
        _gc(console, **values)

    return click.Command(
        "gc",
        params=[
            click.Option(
                ["--plan", "only_plan"], is_flag=True, help="Only show what would be removed."
            ),
            click.Option(
                ["--keep-last"],
                type=click.IntRange(min=0),
                metavar="N",
                help="Remove runs other than the newest N of each flow.",
            ),
            click.Option(
                ["--older-than"],
                metavar="AGE",
                help="Remove runs that began so long ago, such as `14d`.",
            ),
            click.Option(
                ["--flow", "flows"],
                multiple=True,
                metavar="FLOW",
                help="Remove only runs of this flow. May be repeated.",
            ),
            click.Option(
                ["--tag", "tags"],
                multiple=True,
                metavar="TAG",
                help="Remove only runs with this tag. May be repeated.",
            ),
            click.Option(
                ["--grace"],
                default=GRACE,
                show_default=True,
                metavar="AGE",
                help="Delete what was found to be garbage so long ago. With 0 everything goes at "
                "once; then no run may go on.",
            ),
            click.Option(["--json", "as_json"], is_flag=True, help="Print the result as JSON."),
            root_option(),
        ],
        callback=gc,
        help="Remove old runs, and collect what nothing refers to any more.",
    )


def _gc(
    console: Console,
    only_plan: bool,
    grace: str,
    as_json: bool,
    root: str | None,
    **selection: Any,
) -> None:
    from metaflow.retention.rules import rules_of, seconds_of

    grace_s = seconds_of(grace)
    rules = _rules(**selection)
    keeping, settings = open_kept(console, root)
    if not rules:
        rules = rules_of(settings.retention or "[]")
    with keeping:
        if only_plan:
            _show_plan(console, keeping.plan(rules), as_json=as_json)
        else:
            _collect(console, keeping, rules, grace_s, as_json=as_json)


def _rules(
    keep_last: int | None, older_than: str | None, flows: tuple[str, ...], tags: tuple[str, ...]
) -> list[Rule]:
    from metaflow.retention.rules import Rule, seconds_of

    if keep_last is None and older_than is None:
        if flows or tags:
            raise click.UsageError(
                "`--flow` and `--tag` say which runs may go, but not when: add `--keep-last` or "
                "`--older-than`."
            )
        return []
    age = None if older_than is None else seconds_of(older_than)
    return [Rule(flows, tags, keep_last, age)]


def _collect(
    console: Console, keeping: Keeping, rules: list[Rule], grace_s: float, *, as_json: bool
) -> None:
    from metaflow.retention.erasing import finish_erasures

    finished = finish_erasures(keeping)
    removed = keeping.remove(rules)
    collected = keeping.collect(grace_s)
    if as_json:
        _print_json(
            console,
            {
                "removed_runs": [f"{run.flow}/{run.run_id}" for run in removed],
                "finished_erasures": finished,
                **collected._asdict(),
            },
        )
        return
    for run in finished:
        console.note(f"The erasure of *{run}* was interrupted and is complete now.")
    if rules:
        console.data(f"Removed {len(removed)} runs.")
    console.data(f"Deleted {collected.deleted} files: {size_of(collected.deleted_bytes)}.")
    console.data(
        f"Noted {collected.noted} files as garbage: {size_of(collected.noted_bytes)}. What is "
        "still unused after the period of grace goes with a later `metaflow gc`."
    )


def _show_plan(console: Console, plan: GarbagePlan, *, as_json: bool) -> None:
    tables = (("by flow", plan.by_flow), ("by user", plan.by_user), ("by age", plan.by_age))
    if as_json:
        plain: dict[str, Any] = {
            "runs": [f"{run.flow}/{run.run_id}" for run in plan.runs],
            "kept_runs": plan.kept_runs,
            "total": _plain(plan.total),
            "garbage": _plain(plan.garbage),
        }
        for title, tallies in tables:
            plain[title.replace(" ", "_")] = {key: _plain(it) for key, it in tallies.items()}
        _print_json(console, plain)
        return
    console.data(f"Runs to remove: {len(plan.runs)}; {plan.kept_runs} stay.")
    console.data(
        f"Garbage then: {size_of(plan.garbage.bytes)} in {plan.garbage.objects} files, of "
        f"{size_of(plan.total.bytes)} in {plan.total.objects}."
    )
    for title, tallies in tables:
        _show_table(console, title, tallies)


def _show_table(console: Console, title: str, tallies: Mapping[str, Tally]) -> None:
    if not tallies:
        return
    console.data(f"\n{title}:")
    largest = sorted(tallies.items(), key=lambda item: -item[1].bytes)
    for key, tally in largest[:SHOWN]:
        console.data(f"{size_of(tally.bytes):>10}  {tally.objects:>8} files  {key}")
    if len(largest) > SHOWN:
        console.data(f"and {len(largest) - SHOWN} more")


def size_of(count: int) -> str:
    """Write a number of bytes with a unit."""
    size = float(count)
    for unit in UNITS[:-1]:
        if size < KILO:
            return f"{size:.0f} {unit}" if unit == UNITS[0] else f"{size:.1f} {unit}"
        size /= KILO
    return f"{size:.1f} {UNITS[-1]}"


def _plain(tally: Tally) -> dict[str, int]:
    return {"files": tally.objects, "bytes": tally.bytes}


def _print_json(console: Console, value: Mapping[str, Any]) -> None:
    import json

    console.data(json.dumps(value, indent=2))
