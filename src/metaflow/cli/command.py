"""The `metaflow` command: what concerns the installation and not one flow."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from metaflow.cli.console import Console
from metaflow.cli.outcome import ExitCode, perform
from metaflow.errors.base import MetaflowException
from metaflow.errors.input import CommandException
from metaflow.settings.load import Settings, load_settings
from metaflow.settings.roots import find_local_root
from metaflow.settings.version import get_version

if TYPE_CHECKING:
    from collections.abc import Mapping

WHERE_TO_LEARN_MORE = {"Read the documentation": "https://docs.metaflow.org"}


def main() -> NoReturn:
    """Run the command line of `metaflow` and end the process."""
    sys.exit(run_command_line(sys.argv[1:]))


def run_command_line(args: list[str]) -> int:
    """Do what the arguments ask.

    Parameters
    ----------
    args : list of str
        Arguments, without the program's name.

    Returns
    -------
    int
        The exit code.
    """
    console = Console()
    try:
        settings = load_settings()
    except MetaflowException as error:
        console.error(error)
        return ExitCode.FAILED
    console.color = not settings.no_color
    return perform(_group(settings, console), args, console, name="metaflow", scope=None)


def _group(settings: Settings, console: Console) -> click.Group:
    def welcome(ctx: click.Context) -> None:
        if ctx.invoked_subcommand is None:
            _introduce(console, settings.contact_info or WHERE_TO_LEARN_MORE)
            console.data(ctx.get_help())

    def version() -> None:
        console.data(get_version())

    def show_help(ctx: click.Context) -> None:
        console.data((ctx.parent or ctx).get_help())

    def status() -> None:
        _show_status(console, settings)

    return click.Group(
        "metaflow",
        commands=[
            click.Command("status", callback=status, help="List the flows of this directory."),
            click.Command("version", callback=version, help="Print the version of Metaflow."),
            click.Command(
                "help", callback=click.pass_context(show_help), help="Show all commands."
            ),
        ],
        callback=click.pass_context(welcome),
        invoke_without_command=True,
        no_args_is_help=False,
        help="Look after the flows and the settings of this machine.",
    )


def _introduce(console: Console, contacts: Mapping[str, str]) -> None:
    console.data(f"Metaflow {get_version()}\n")
    for label, address in contacts.items():
        console.data(f"{label}: {address}")
    console.data("")


def _show_status(console: Console, settings: Settings) -> None:
    root = find_local_root(os.getcwd(), settings)
    if root is None:
        raise CommandException(
            "There is no `.metaflow` directory here or in a directory above.",
            hint="run a flow first, or go to where you have run one",
        )
    from metaflow.cli.past_runs import open_client

    client = open_client(root)
    console.note(f"Using the metadata store of *{root}*")
    names = sorted(flow.id for flow in client.Metaflow())
    if not names:
        console.note("No flow has been run here yet.")
    for name in names:
        console.data(f"* Flow('{name}')")
