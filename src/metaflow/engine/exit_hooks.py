"""How a run's exit hooks are called: one after the other, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable

from metaflow.model.flow_facts import ExitHook
from metaflow.task.exit_hooks import ROLE
from metaflow.task.program import flow_command


def call_exit_hooks(
    hooks: Iterable[ExitHook], pathspec: str, store: str, *, is_ok: bool
) -> list[str]:
    """Call the hooks that fit how the run has ended, whatever becomes of each.

    Parameters
    ----------
    hooks : iterable of ExitHook
        All hooks of the flow.
    pathspec : str
        The run, `Flow/run_id`.
    store : str
        What `metaflow.metadata()` takes to find it.
    is_ok : bool
        The run has succeeded.

    Returns
    -------
    list of str
        Names of the hooks that have failed.
    """
    failed: list[str] = []
    for hook in hooks:
        if hook.on_success is not is_ok:
            continue
        sys.stdout.flush()
        done = subprocess.run(
            [*flow_command(), ROLE, pathspec, store, hook.function],
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            failed.append(hook.function)
            sys.stderr.write(
                f"Exit hook `{hook.function}` failed (exit code {done.returncode}); "
                "the run stays as it is.\n"
            )
            sys.stderr.flush()
    return failed
