"""`run`: start a new run of the flow and wait for its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from metaflow.cli.parameter_options import parameter_options
from metaflow.cli.run_options import common_options
from metaflow.cli.starting import start

if TYPE_CHECKING:
    from metaflow.cli.scope import Scope


def build(scope: Scope) -> click.Command:
    """Make the command, with one option per parameter of the flow."""
    own = [] if scope.only_lists else parameter_options(scope)

    def run(**values: Any) -> int:
        parameters = {option.attribute: values[str(option.name)] for option in own}
        return start(scope, parameters, values)

    namespace = click.Option(
        ["--namespace"],
        metavar="NS",
        help="What the client sees in the run's steps; empty for everything.",
    )
    return click.Command(
        "run",
        params=[*own, *common_options(), namespace],
        callback=run,
        help="Run the flow on this machine.",
    )
