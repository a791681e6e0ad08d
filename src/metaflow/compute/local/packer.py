"""The process that packs the user's code while the first tasks run."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING, NoReturn

from metaflow.artifact_store.writing import write_all
from metaflow.code_package.snapshot import take_snapshot
from metaflow.compute.local.packer_line import encode

if TYPE_CHECKING:
    from metaflow.model.task import RunContext

NICENESS = 10
"""Tasks come first."""


def become_packer(flow: type, context: RunContext, answer: int) -> NoReturn:
    """Pack the code, answer through a pipe, and end.

    Parameters
    ----------
    flow : type
        The flow class, imported, with all decorators attached.
    context : RunContext
        Has the order.
    answer : int
        Descriptor of the pipe's writing end.
    """
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.nice(NICENESS)
        assert context.package is not None, "there is no packer without an order"
        data = encode(take_snapshot(context.package, flow, context.root))
        with contextlib.suppress(BrokenPipeError):
            write_all(answer, data)
    finally:
        os._exit(0)
