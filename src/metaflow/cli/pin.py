"""`metaflow pin`: keeps a run whatever the rules say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from metaflow.cli.kept_root import open_kept, parse_run, root_option, run_argument

if TYPE_CHECKING:
    from metaflow.cli.console import Console


def build(console: Console) -> click.Command:
    """Make the command."""

    def pin(run: str, root: str | None) -> None:
        keeping, _ = open_kept(console, root)
        with keeping:
            keeping.pin(keeping.find(*parse_run(run)), pinned=True)
        console.note(f"*{run}* is kept whatever the rules say.")

    return click.Command(
        "pin",
        params=[run_argument(), root_option()],
        callback=pin,
        help="Keep a run whatever the rules of `metaflow gc` say.",
    )
