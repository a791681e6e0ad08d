"""How an error that a class statement makes reaches the user: with their line, not our frames.

Such an error leaves the program before there is a command line to report it. It stays what it
is, an exception for whoever catches it, and in notebooks. Only where nobody does, and the
program has no `sys.excepthook` of its own, it is shown like all other errors.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TypeVar

from metaflow import registry

if TYPE_CHECKING:
    from types import FrameType, TracebackType

    from metaflow.errors.base import MetaflowException

E = TypeVar("E", bound="MetaflowException")

FRAMEWORK = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def refused(error: E) -> E:
    """Prepare an error to leave a function that users call while they define a class.

    Parameters
    ----------
    error : MetaflowException
        What is to be raised. Without a place it gets that of the user's call.

    Returns
    -------
    MetaflowException
        The same error, without the frames that it came through.
    """
    if error.line_no is None:
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - errors name the user's line
        while frame is not None and frame.f_code.co_filename.startswith((FRAMEWORK, "<frozen")):
            frame = frame.f_back
        if frame is not None:
            error.source_file, error.line_no = frame.f_code.co_filename, frame.f_lineno
    is_script = getattr(sys.modules.get("__main__"), "__file__", None) is not None
    # Somebody else's hook, of the program or a debugger, shows exceptions as it likes.
    if is_script and (sys.excepthook is sys.__excepthook__ or type(sys.excepthook) is _Uncaught):
        sys.excepthook = _Uncaught(error)
    return error.with_traceback(None)


def place_by_trace(error: MetaflowException) -> None:
    """Give an error that has no place that of the last line of the user's that it came through."""
    trace, users = error.__traceback__, None
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(FRAMEWORK):
            users = trace
        trace = trace.tb_next
    if error.line_no is None and users is not None:
        error.source_file, error.line_no = users.tb_frame.f_code.co_filename, users.tb_lineno


class _Uncaught:
    """What Python calls when an exception ends the program; shows one error as we do."""

    __slots__ = ("error",)

    def __init__(self, error: MetaflowException) -> None:
        self.error = error

    def __call__(
        self, kind: type[BaseException], value: BaseException, trace: TracebackType | None
    ) -> None:
        if value is self.error:
            registry.load("face", "uncaught")(value, trace)
        else:
            sys.__excepthook__(kind, value, trace)
