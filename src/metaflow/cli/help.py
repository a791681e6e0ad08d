"""`help`: the top level's help, for those who forget the dashes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from metaflow.cli.scope import Scope


def build(scope: Scope) -> click.Command:
    """Make the command."""

    def show_help(ctx: click.Context) -> None:
        scope.console.data((ctx.parent or ctx).get_help())

    return click.Command(
        "help", callback=click.pass_context(show_help), help="Show all commands and options."
    )
