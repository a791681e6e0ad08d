"""How processes are made not to outlive those that started them."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def prepare_to_die_with(parent: int) -> Callable[[], None]:
    """Prepare the call by which a process asks to be killed when its parent dies.

    Parameters
    ----------
    parent : int
        Process id of the parent. If it is gone by the time of the call, the process ends.

    Returns
    -------
    callable
        To be called in the process that shall not survive. Where the system knows no such
        request (it is Linux's), the call only checks that the parent is still there.
    """
    import ctypes

    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        # A first call that asks for nothing: what it sets up is inherited by forks.
        prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0)

    def bind() -> None:
        if prctl is not None:
            prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(0)

    return bind


def kill_group(pid: int) -> None:
    """Kill a process and what it has started in its process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)
