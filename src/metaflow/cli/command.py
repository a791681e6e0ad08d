"""The `metaflow` command: what concerns the installation and not one flow."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Final, NoReturn

import click

from metaflow import registry
from metaflow.cli.outcome import perform, read_settings
from metaflow.errors.input import CommandException
from metaflow.settings.roots import find_local_root
from metaflow.settings.version import get_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow.cli.console import Console

COMMANDS: Final = {
    "code": "metaflow.cli.code",
    "configure": "metaflow.cli.configure",
    "develop": "metaflow.cli.develop",
    "erase": "metaflow.cli.erase",
    "gc": "metaflow.cli.gc",
    "import": "metaflow.cli.import_history",
    "pin": "metaflow.cli.pin",
    "tutorials": "metaflow.cli.tutorials",
    "unpin": "metaflow.cli.unpin",
}
"""Each module has `build(console)`, which makes the click command of that name."""

WHERE_TO_LEARN_MORE: Final = {"Read the documentation": "https://docs.metaflow.org"}


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
    return perform(lambda console: (InstallationGroup(console), None), args, name="metaflow")


class InstallationGroup(click.Group):
    """The top level of `metaflow`; imports a command when it is asked for."""

    def __init__(self, console: Console) -> None:
        self.console = console

        def welcome(ctx: click.Context) -> None:
            if ctx.invoked_subcommand is None:
                _introduce(console)
                console.data(ctx.get_help())

        super().__init__(
            "metaflow",
            commands=_own_commands(console),
            callback=click.pass_context(welcome),
            invoke_without_command=True,
            no_args_is_help=False,
            help="Look after the flows and the settings of this machine.",
        )

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the names of all commands."""
        return sorted({*super().list_commands(ctx), *COMMANDS, *registry.names("command")})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Make one command, or None if there is none of that name."""
        module = COMMANDS.get(cmd_name)
        command: click.Command
        if module is None:
            try:
                command = registry.load("command", cmd_name)
            except KeyError:
                return super().get_command(ctx, cmd_name)
            return command
        command = import_module(module).build(self.console)
        return command


def _own_commands(console: Console) -> list[click.Command]:
    def version() -> None:
        console.data(get_version())

    def show_help(ctx: click.Context) -> None:
        console.data((ctx.parent or ctx).get_help())

    def status() -> None:
        _show_status(console)

    return [
        click.Command("status", callback=status, help="List the flows of this directory."),
        click.Command("version", callback=version, help="Print the version of Metaflow."),
        click.Command("help", callback=click.pass_context(show_help), help="Show all commands."),
    ]


def _introduce(console: Console) -> None:
    contacts: Mapping[str, str] = read_settings(console).contact_info or WHERE_TO_LEARN_MORE
    console.data(f"Metaflow {get_version()}\n")
    for label, address in contacts.items():
        console.data(f"{label}: {address}")
    console.data("")


def _show_status(console: Console) -> None:
    root = find_local_root(os.getcwd(), read_settings(console))
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
