"""`output-raw`: all that the graph holds, for debugging and for other programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from metaflow.cli.scope import Scope


def build(scope: Scope) -> click.Command:
    """Make the command."""

    def output_raw(as_json: bool) -> None:
        from metaflow.graph import drawing

        graph = scope.decorated_graph()
        scope.console.data(
            json.dumps(drawing.output_raw_json(graph), indent=4)
            if as_json
            else drawing.output_raw(graph)
        )

    return click.Command(
        "output-raw",
        params=[click.Option(["--json", "as_json"], is_flag=True, help="Print a JSON object.")],
        callback=output_raw,
        help="Print the graph as it is held in memory.",
    )
