"""What a fresh interpreter becomes that is started on a flow's file to call an exit hook."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NoReturn

from metaflow import registry
from metaflow.ambient import ambient
from metaflow.errors.frames import user_traceback

if TYPE_CHECKING:
    from metaflow.authoring.flowspec import FlowSpec

ROLE: Final = "_exit_hook"
"""First argument of such an interpreter; then come the run, its store and the function."""


def main(flow: FlowSpec, *, is_last: bool) -> NoReturn:
    """Call one exit hook.

    Parameters
    ----------
    flow : FlowSpec
        An instance of the user's flow, made by the last line of its file.
    is_last : bool
        Nothing follows the call; this process never returns anyway.
    """
    del is_last
    pathspec, store, name = sys.argv[2:5]
    ambient.metadata = store
    try:
        hook = find_hook(name, type(flow).__module__)
        if _takes_run(hook):
            hook(run=registry.load("client", "Run")(pathspec, _namespace_check=False))
        else:
            hook()
    except Exception as error:  # like an attempt: whatever the user's code raises is told
        sys.stdout.flush()
        sys.stderr.write(user_traceback(error))
        sys.exit(1)
    sys.exit(0)


def find_hook(name: str, home: str) -> Callable[..., Any]:
    """Find a function by its name.

    Parameters
    ----------
    name : str
        A name in the flow's module, or a dotted path.
    home : str
        Name of the flow's module.

    Returns
    -------
    callable
        The function.
    """
    module, dot, function = name.rpartition(".")
    found: Callable[..., Any] = getattr(
        import_module(module) if dot else sys.modules[home], function
    )
    return found


def _takes_run(hook: Callable[..., Any]) -> bool:
    import inspect

    try:
        parameters = inspect.signature(hook).parameters
    except ValueError:  # of some functions written in C nobody knows
        return False
    return "run" in parameters or any(
        parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()
    )
