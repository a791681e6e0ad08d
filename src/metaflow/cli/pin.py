"""`metaflow pin`: keeps a run whatever the rules say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from metaflow.cli.kept_root import open_kept, parse_run, root_option, run_argument

if TYPE_CHECKING:
    from metaflow.cli.console import Console


def build(console: Console) -> click.Command:
    """Make the command."""
    text = "Keep a run whatever the rules of `metaflow gc` say."
    return pinning(console, "pin", text, "is kept whatever the rules say", pinned=True)


def pinning(console: Console, name: str, text: str, outcome: str, *, pinned: bool) -> click.Command:
    """Make the command that pins a run, or the one that does the opposite.

    Parameters
    ----------
    console : Console
        Where messages go.
    name, text : str
        Of the command, and for its help.
    outcome : str
        What is said of the run afterwards.
    pinned : bool
        Whether it is pinned then.
    """

    def change(run: str, root: str | None) -> None:
        keeping, _ = open_kept(console, root)
        with keeping:
            keeping.pin(keeping.find(*parse_run(run)), pinned=pinned)
        console.note(f"*{run}* {outcome}.")

    return click.Command(name, params=[run_argument(), root_option()], callback=change, help=text)
