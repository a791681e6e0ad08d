"""`metaflow unpin`: lets the rules decide on a run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from metaflow.cli.kept_root import open_kept, parse_run, root_option, run_argument

if TYPE_CHECKING:
    from metaflow.cli.console import Console


def build(console: Console) -> click.Command:
    """Make the command."""

    def unpin(run: str, root: str | None) -> None:
        keeping, _ = open_kept(console, root)
        with keeping:
            keeping.pin(keeping.find(*parse_run(run)), pinned=False)
        console.note(f"*{run}* is no longer pinned.")

    return click.Command(
        "unpin",
        params=[run_argument(), root_option()],
        callback=unpin,
        help="Let the rules of `metaflow gc` decide on a run again.",
    )
