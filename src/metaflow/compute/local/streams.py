"""How a worker's prints reach its pipes: line by line, and nothing is held back at its death.

A line costs one system call. What has no newline yet waits in the process, so everything by
which Python code can end it at once, or copy it, writes that out first.
"""

from __future__ import annotations

import functools
import io
import os
import sys
from collections.abc import Callable
from typing import Any

from metaflow.task.leaving import flush_output


def open_output() -> None:
    """Put fresh text streams on the file descriptors 1 and 2, and guard what they hold."""
    for number, name, errors in (
        (1, "stdout", "surrogateescape"),
        (2, "stderr", "backslashreplace"),
    ):
        raw: Any = io.FileIO(number, "w", closefd=False)
        text = io.TextIOWrapper(
            raw, encoding="utf-8", errors=errors, newline="\n", line_buffering=True
        )
        setattr(sys, name, text)
        setattr(sys, f"__{name}__", text)
    os.register_at_fork(before=flush_output)
    for function in ("_exit", "abort", "kill", "killpg"):
        setattr(os, function, _after_flush(getattr(os, function)))


def _after_flush(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a call that may end this process write out first what is printed."""

    @functools.wraps(function)
    def flushed(*args: Any) -> Any:
        flush_output()
        return function(*args)

    return flushed
