"""What can go wrong when a function runs in several processes at once."""

from __future__ import annotations

from metaflow.errors.base import MetaflowException


class MulticoreException(MetaflowException):
    """A process of `parallel_map` failed.

    Parameters
    ----------
    position : int
        Position of the item that it worked on, from 0.
    reason : str
        One sentence that says how it failed.
    trace : str
        Traceback of the failure as the process saw it; empty when it had none to give.
    """

    # The documented home of the name.
    __module__ = "metaflow.multicore_utils"

    headline = "Parallel work failed"

    def __init__(self, position: int, reason: str, trace: str = "") -> None:
        self.position: int = position
        self.reason: str = reason
        self.trace: str = trace
        told = f"\n{trace.rstrip()}" if trace else ""
        super().__init__(f"The process for item {position} failed: {reason}{told}")
