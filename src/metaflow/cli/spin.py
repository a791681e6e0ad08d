"""`spin`: run one step by itself, on what a task of an earlier run was given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from metaflow.cli.spinning import Spinning, spin_options

if TYPE_CHECKING:
    from metaflow.cli.scope import Scope
    from metaflow.engine.spin_source import Previous
    from metaflow.session import Session


def build(scope: Scope) -> click.Command:
    """Make the command."""

    def spin(**values: Any) -> int:
        return _spin(scope, values)

    return click.Command(
        "spin",
        params=[click.Argument(["pathspec"]), *spin_options(scope)],
        callback=spin,
        help="Run one step by itself on what it was given in an earlier run. PATHSPEC is STEP, "
        "RUN/STEP or RUN/STEP/TASK; without a run it is the latest, without a task the newest.",
    )


def _spin(scope: Scope, values: dict[str, Any]) -> int:
    from metaflow.engine.spin_source import find_previous, parse_pathspec

    named = parse_pathspec(scope.flow_name, scope.graph().sorted_nodes, values["pathspec"])

    def find(origin: Session) -> Previous:
        previous = find_previous(origin.store, scope.flow_name, named)
        if named.run_id is None or named.task_id is None:
            note = scope.console.note
            note(f"Spinning the newest task of step *{named.step}*: *{previous.pathspec}*")
            note(f"    `spin {previous.pathspec}` spins this one whatever is run later.")
        return previous

    return Spinning(scope, named.step, values).perform(scope.root, find)
