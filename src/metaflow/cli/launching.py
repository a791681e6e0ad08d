"""How a command becomes a run: workers first, then the checks, then stores and engine."""

from __future__ import annotations

from collections.abc import Callable
from signal import SIGINT
from typing import TYPE_CHECKING, Final

from metaflow.compute.local.source import LocalWorkers

SIGNALLED: Final = 128
"""Added to a signal's number, it is the exit code of what the signal has ended."""

if TYPE_CHECKING:
    from metaflow.cli.scope import Scope
    from metaflow.engine.launch import RunEnd
    from metaflow.engine.request import RunRequest


def launch(scope: Scope, make_request: Callable[[], RunRequest]) -> int:
    """Run a flow to its end.

    Parameters
    ----------
    scope : Scope
        The flow and the console.
    make_request : callable
        Checks everything and says what to run.

    Returns
    -------
    int
        Exit code: 0 if the run succeeded, 1 if it failed or Ctrl-C has ended it; for one that
        another signal has ended, 128 and the number of the signal.

    Raises
    ------
    MetaflowException
        Something is wrong with the request; nothing has run.
    """
    # The warm parent is forked from this process and shall inherit nothing but the imported
    # flow: it comes before any store is opened. It is made first of all because it loads
    # what tasks need while this process loads what launching needs.
    workers = LocalWorkers(scope.flow, scope.settings.task_start)
    try:
        request = make_request()

        from metaflow.engine.launch import check_available, run_flow

        specs = check_available(request)
        if workers.reason is not None:
            scope.console(f"Each task starts a fresh interpreter: {workers.reason}.")

        from metaflow.session import Session

        with Session(request.root, request.artifact_root, scope.listener) as session:
            if request.artifact_root:
                session.artifacts.check_access()
            end = run_flow(request, specs, workers, session)
    finally:
        workers.close()
    return tell_end(scope, end)


def tell_end(scope: Scope, end: RunEnd) -> int:
    """Report why a run did not succeed, if it did not, and return the exit code."""
    if end.error is None:
        return 0
    scope.console.error(end.error)
    return 1 if end.signal in {None, SIGINT} else SIGNALLED + (end.signal or 0)
