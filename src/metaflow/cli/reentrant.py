"""`resume --reentrant`: who comes second waits for the resume that is under way already."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from metaflow.cli.past_runs import client_of
from metaflow.errors.input import CommandException

if TYPE_CHECKING:
    from metaflow.cli.scope import Scope

LOOK_EVERY_S = 0.1


def wait_for(scope: Scope, run_id: str) -> int:
    """Wait until another process has ended a run.

    Parameters
    ----------
    scope : Scope
        The flow and the console.
    run_id : str
        The run.

    Returns
    -------
    int
        Exit code: 0 if the run has done what it was to do.

    Raises
    ------
    CommandException
        The other process has died.
    """
    from metaflow.client.status import KILLED, LOST, SUCCEEDED, run_status
    from metaflow.client.view import RUNNING

    scope.console.note(f"Run *{run_id}* was begun by another resume: waiting for its end.")
    view = client_of(scope).Run(f"{scope.flow_name}/{run_id}")._view  # noqa: SLF001 - the client has no word for a run that ends without its end step
    while (status := run_status(view)) == RUNNING:
        time.sleep(LOOK_EVERY_S)
    if status == LOST:
        raise CommandException(
            f"The process that began the run `{run_id}` has died.", hint="choose another run id"
        )
    if status != SUCCEEDED:
        how = "was killed" if status == KILLED else "has failed"
        scope.console.say(f"Run *{run_id}* {how}.")
        return 1
    scope.console.note(f"{view.pathspec} is done.")
    return 0
