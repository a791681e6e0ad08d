"""`show`: the flow's steps as its reader should see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from metaflow.cli.scope import may_have_decorators

if TYPE_CHECKING:
    from metaflow.cli.scope import Scope


def build(scope: Scope) -> click.Command:
    """Make the command."""

    def show() -> None:
        from metaflow.graph import drawing

        shown = drawing.show(scope.decorated_graph())
        if may_have_decorators():
            from metaflow.authoring.flow_decorators import flow_decorators

            for decorator in flow_decorators(scope.flow):
                scope.console.plain(str(decorator))
        if shown.doc:
            scope.console.plain(f"\n{shown.doc}\n")
        scope.console.data(shown.steps)

    return click.Command("show", callback=show, help="Show the steps of the flow.")
