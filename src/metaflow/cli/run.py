"""`run`: start a new run of the flow and wait for its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from metaflow.cli.parameter_options import ParameterOption, parameter_options
from metaflow.cli.run_options import common_fields, common_options, find_triggers
from metaflow.cli.validation import validate

if TYPE_CHECKING:
    from metaflow.cli.scope import Scope
    from metaflow.engine.request import RunRequest


def build(scope: Scope) -> click.Command:
    """Make the command, with one option per parameter of the flow."""
    own = [] if scope.only_lists else parameter_options(scope)

    def run(**values: Any) -> int:
        return _run(scope, own, values)

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


def _run(scope: Scope, own: list[ParameterOption], values: dict[str, Any]) -> int:
    from metaflow.cli.launching import launch

    return launch(scope, lambda: _request(scope, own, values))


def _request(scope: Scope, own: list[ParameterOption], values: dict[str, Any]) -> RunRequest:
    fields = common_fields(scope, values)
    chosen: str | None = values["namespace"]
    validate(scope, scope.all_decospecs(values["decospecs"]))

    parameters = {option.attribute: values[str(option.name)] for option in own}
    for value in parameters.values():
        if hasattr(value, "store_in"):
            scope.console.note(f"Including file *{value.path}* of size {value.shown_size}")

    from metaflow.engine.request import RunRequest

    root = scope.make_root()
    return RunRequest(
        graph=scope.graph(),
        root=root,
        triggered_by=find_triggers(scope, root),
        parameters=parameters,
        namespace=scope.identity if chosen is None else chosen or None,
        **fields,
    )
