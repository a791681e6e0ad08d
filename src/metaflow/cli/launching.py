"""How a checked request becomes a run: workers first, then stores, then the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow.compute.local.source import LocalWorkers
from metaflow.engine.launch import check_available, run_flow

if TYPE_CHECKING:
    from metaflow.cli.console import Console
    from metaflow.engine.request import RunRequest


def launch(request: RunRequest, echo: Console) -> int:
    """Run a flow to its end.

    Parameters
    ----------
    request : RunRequest
        What to run.
    echo : Console
        Where messages about the command go.

    Returns
    -------
    int
        Exit code: 0 if the run succeeded.
    """
    check_available(request)
    # The warm parent is forked from this process and shall inherit nothing but the imported
    # flow; therefore it comes before any store is opened.
    workers = LocalWorkers(request.flow, request.settings.task_start)
    if workers.reason is not None:
        echo(f"Each task starts a fresh interpreter: {workers.reason}.")
    try:
        from metaflow.session import Session

        with Session(request.root) as session:
            error = run_flow(request, workers, session)
    finally:
        workers.close()
    if error is None:
        return 0
    echo.error(error)
    return 1
