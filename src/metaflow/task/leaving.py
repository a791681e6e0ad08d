"""What the end of a normal program does, done before a forked process leaves without it.

A forked worker ends by `os._exit`, which neither joins threads nor runs exit handlers nor
flushes files. All of that belongs to the task, and so does what it prints.
"""

import _thread
import atexit
import gc
import io
import os
import sys
import threading
from collections.abc import Iterable
from typing import Any


def lowest_free_descriptor() -> int:
    """Find the number that the next file to be opened would get."""
    try:
        number = os.dup(0)
    except OSError:  # somebody has closed standard input
        return 0
    os.close(number)
    return number


def leave_like_a_program(module_globals: dict[str, Any], free_before: int = -1) -> None:
    """Join threads, run exit handlers and flush files.

    Parameters
    ----------
    module_globals : dict
        Names in the flow's module; files opened there are older than the fork.
    free_before : int, optional
        The lowest free descriptor when the task began. If it still is, the task has left no
        file open, and there is none to look for.
    """
    if _thread._count():  # noqa: SLF001 - threads besides the main one; counting is cheap
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - joins those that are no daemons
    if atexit._ncallbacks():  # noqa: SLF001 - likewise
        atexit._run_exitfuncs()  # noqa: SLF001 - what a normal interpreter exit runs
    flush_files(module_globals.values())
    if lowest_free_descriptor() != free_before:
        # Objects from before the fork are frozen, so this lists only what the task has made.
        flush_files(gc.get_objects())
    flush_output()


def flush_files(objects: Iterable[Any]) -> None:
    """Write out what open files among these objects still hold back."""
    for value in list(objects):
        if type(value) in _WRITERS and not value.closed:
            _flush(value)


def flush_output() -> None:
    """Write out what the user's code has printed so far, as far as that still works."""
    for stream in (sys.stdout, sys.stderr):
        _flush(stream)


_WRITERS = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)


def _flush(stream: Any) -> None:
    try:
        stream.flush()
    except (OSError, ValueError, AttributeError):
        # A stream that the step has closed or replaced has nothing to say any more.
        return
