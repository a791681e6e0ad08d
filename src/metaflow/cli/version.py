"""`version`: which version of the framework this is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from metaflow.settings.version import get_version

if TYPE_CHECKING:
    from metaflow.cli.scope import Scope


def build(scope: Scope) -> click.Command:
    """Make the command."""

    def version() -> None:
        scope.console.say(get_version())

    return click.Command("version", callback=version, help="Print the version of Metaflow.")
