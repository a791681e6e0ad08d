"""`resume --reentrant`: who comes second waits for the resume that is under way already."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from metaflow.cli.past_runs import client_of
from metaflow.errors.input import CommandException
from metaflow.model.records import PARAMETERS_STEP

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
    scope.console.note(f"Run *{run_id}* was begun by another resume: waiting for its end.")
    view = client_of(scope).Run(f"{scope.flow_name}/{run_id}")._view  # noqa: SLF001 - the client has no word for a run that ends without its end step
    while view.refresh().status == "running":
        begun = view.catalog.attempts(view.facts.key, "0")
        if begun and not _lives(begun[0].pid) and view.refresh().status == "running":
            raise CommandException(
                f"The process that began the run `{run_id}` has died "
                f"(process {begun[0].pid}, task `{PARAMETERS_STEP}/0`).",
                hint="choose another run id",
            )
        time.sleep(LOOK_EVERY_S)
    if view.facts.status != "done":
        scope.console.say(f"Run *{run_id}* has failed.")
        return 1
    scope.console.note(f"{view.pathspec} is done.")
    return 0


def _lives(pid: int | None) -> bool:
    try:
        os.kill(pid or os.getpid(), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
