"""`check`: is this flow sound, without running it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from metaflow.cli.validation import validate

if TYPE_CHECKING:
    from metaflow.cli.scope import Scope


def build(scope: Scope) -> click.Command:
    """Make the command."""

    def check(warnings: bool) -> None:
        validate(scope, scope.all_decospecs(()), warnings=warnings)

    return click.Command(
        "check",
        params=[click.Option(["--warnings"], is_flag=True, help="Show Pylint's warnings as well.")],
        callback=check,
        help="Check the flow's graph and source without running it. (default)",
    )
