"""`output-dot`: the flow's graph for Graphviz."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from metaflow.cli.scope import Scope


def build(scope: Scope) -> click.Command:
    """Make the command."""

    def output_dot() -> None:
        from metaflow.graph import drawing

        scope.console.data(drawing.output_dot(scope.decorated_graph()))

    return click.Command(
        "output-dot", callback=output_dot, help="Print the graph in the DOT language."
    )
