"""Which root the commands look after that remove runs and collect garbage."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from metaflow.cli.outcome import read_settings
from metaflow.errors.input import CommandException
from metaflow.settings.roots import find_local_root

if TYPE_CHECKING:
    from metaflow.cli.console import Console
    from metaflow.retention.keeping import Keeping
    from metaflow.settings import Settings

RUN_PARTS = 2


def root_option() -> click.Option:
    """Make the option that names another root than that of the working directory."""
    return click.Option(
        ["--datastore-root", "root"],
        metavar="PATH",
        help="Root of the store; that of this directory or one above if not given.",
    )


def run_argument() -> click.Argument:
    """Make the argument that names a run."""
    return click.Argument(["run"], metavar="FLOW/RUN")


def open_kept(console: Console, root: str | None) -> tuple[Keeping, Settings]:
    """Open the root that a command is to look after.

    Raises
    ------
    CommandException
        There is none.
    """
    settings = read_settings(console)
    found = find_local_root(os.getcwd(), settings, root)

    from metaflow.retention.keeping import Keeping
    from metaflow.session import DATABASE

    if found is None or not os.path.exists(os.path.join(found, DATABASE)):
        raise CommandException(
            f"There is no store in `{root}`."
            if root
            else "There is no `.metaflow` directory with runs here or in a directory above.",
            hint="go to where you have run a flow, or name the root with `--datastore-root`",
        )
    return Keeping(found), settings


def parse_run(text: str) -> tuple[str, str]:
    """Read `FLOW/RUN`.

    Raises
    ------
    CommandException
        It has another shape.
    """
    parts = text.split("/")
    if len(parts) != RUN_PARTS or not all(parts):
        raise CommandException(
            f"`{text}` does not name a run.",
            hint="write FLOW/RUN, such as `Train/1700000000000000`",
        )
    return parts[0], parts[1]
