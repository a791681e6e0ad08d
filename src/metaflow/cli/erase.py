"""`metaflow erase`: takes one run away for good, with a receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from metaflow.cli.kept_root import open_kept, parse_run, root_option, run_argument

if TYPE_CHECKING:
    from metaflow.cli.console import Console


def build(console: Console) -> click.Command:
    """Make the command."""

    def erase(**values: Any) -> None:
        _erase(console, **values)

    return click.Command(
        "erase",
        params=[
            run_argument(),
            click.Option(["--reason"], default="", metavar="TEXT", help="Goes on the receipt."),
            click.Option(
                ["--exclusive"],
                is_flag=True,
                help="Nobody else uses the bucket that the run is in: erase its blobs there, too.",
            ),
            click.Option(["--yes"], is_flag=True, help="Do not ask."),
            root_option(),
        ],
        callback=erase,
        help="Erase a run: its facts, its logs, and all bytes that only it refers to.",
    )


def _erase(
    console: Console, run: str, reason: str, exclusive: bool, yes: bool, root: str | None
) -> None:
    flow, run_id = parse_run(run)
    keeping, settings = open_kept(console, root)

    from metaflow.retention.erasing import erase_run
    from metaflow.settings.identity import resolve_identity

    with keeping:
        keeping.find(flow, run_id)
        if not yes:
            click.confirm(f"Erase {run} for good?", abort=True, err=True)
        identity = resolve_identity(settings)
        receipt = erase_run(keeping, flow, run_id, identity, reason, exclusive=exclusive)
    import json

    console.data(json.dumps(receipt, indent=2))
    for other in receipt["shared_with"]:
        console.note(f"*{other}* refers to some of the same bytes, which stay for it.")
