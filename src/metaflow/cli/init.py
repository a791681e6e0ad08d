"""`init`: begin a run whose tasks a scheduler will start one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from metaflow.cli.parameter_options import ParameterOption, parameter_options
from metaflow.cli.single_options import id_options, run_request

if TYPE_CHECKING:
    from metaflow.cli.scope import Scope


def build(scope: Scope) -> click.Command:
    """Make the command, with one option per parameter of the flow."""
    own = [] if scope.only_lists else parameter_options(scope, "INIT")

    def init(**values: Any) -> None:
        _init(scope, own, values)

    return click.Command(
        "init",
        params=[*own, *id_options()],
        callback=init,
        hidden=True,
        help="Begin a run and store its parameters.",
    )


def _init(scope: Scope, own: list[ParameterOption], values: dict[str, Any]) -> None:
    from metaflow.engine.single_begin import begin
    from metaflow.session import Session

    scope.attach(scope.decospecs)
    parameters = {option.attribute: values[str(option.name)] for option in own}
    request = run_request(scope, scope.make_root(), values["tags"], parameters)
    with Session(request.root, request.artifact_root, scope.listener) as session:
        if request.artifact_root:
            session.artifacts.check_access()
        problem = begin(request, session, values["run_id"], values["task_id"])
    if problem is not None:
        scope.console.note(f"The code of this run is not packed: {problem}")
