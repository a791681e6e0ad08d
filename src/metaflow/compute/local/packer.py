"""Packs the user's code beside the tasks: at once if it has not changed, else in a process."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING, NoReturn

from metaflow.artifact_store.writing import write_all
from metaflow.code_package.snapshot import known_snapshot, take_snapshot
from metaflow.compute.local.packer_line import encode
from metaflow.protocols.workers import CodePacked

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow.model.package import PackageOrder

NICENESS = 10
"""Tasks come first."""


def begin(flow: type, order: PackageOrder, root: str, leave: Callable[[], None]) -> tuple[int, int]:
    """Find out at once that the code has not changed, or fork the process that packs it.

    Parameters
    ----------
    flow : type
        The flow class, imported, with all decorators attached.
    order : PackageOrder
        What to pack.
    root : str
        Root of the store, unless the order names another.
    leave : callable
        Called in the process that is forked, to let go of what is the warm parent's.

    Returns
    -------
    tuple of int and int
        The process, or 0 if there was no need for one; and the reading end of the pipe that
        the answer comes through.
    """
    root = order.root or root
    known = known_snapshot(order, flow, root)
    if known is None and order.known_only:
        known = CodePacked(())
    ours, theirs = os.pipe()
    pid = 0
    if known is not None:
        os.write(theirs, encode(known))
    else:
        pid = os.fork()
        if pid == 0:
            leave()
            os.close(ours)
            _become_packer(flow, order, root, theirs)
    os.close(theirs)
    return pid, ours


def _become_packer(flow: type, order: PackageOrder, root: str, answer: int) -> NoReturn:
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.nice(NICENESS)
        data = encode(take_snapshot(order, flow, root))
        with contextlib.suppress(BrokenPipeError):
            write_all(answer, data)
    finally:
        os._exit(0)
