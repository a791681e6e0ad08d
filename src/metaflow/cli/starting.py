"""How a new run starts once its options are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from metaflow.cli.launching import launch
from metaflow.cli.requesting import common_fields, find_triggers
from metaflow.cli.validation import validate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow.cli.scope import Scope
    from metaflow.engine.request import RunRequest


def start(scope: Scope, parameters: dict[str, Any], values: Mapping[str, Any]) -> int:
    """Check a flow and run it to its end.

    Parameters
    ----------
    scope : Scope
        The flow, the settings and the console.
    parameters : dict of str to Any
        Values of all parameters by attribute, converted.
    values : mapping of str to Any
        Values of the other options of `run`.

    Returns
    -------
    int
        Exit code: 0 if the run succeeded.

    Raises
    ------
    MetaflowException
        Something is wrong with the flow or an option; nothing has run.
    """
    return launch(scope, lambda: _request(scope, parameters, values))


def _request(scope: Scope, parameters: dict[str, Any], values: Mapping[str, Any]) -> RunRequest:
    fields = common_fields(scope, values)
    chosen: str | None = values["namespace"]
    validate(scope, scope.all_decospecs(values["decospecs"]))

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
