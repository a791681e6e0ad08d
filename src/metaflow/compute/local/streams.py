"""How a worker's prints reach its pipes: at once, so that no death of the process loses any."""

from __future__ import annotations

import builtins
import io
import sys
from typing import Any


def open_output() -> None:
    """Put fresh text streams on the file descriptors 1 and 2, and print in one call."""
    for number, name, errors in (
        (1, "stdout", "surrogateescape"),
        (2, "stderr", "backslashreplace"),
    ):
        raw: Any = io.FileIO(number, "w", closefd=False)
        text = io.TextIOWrapper(
            raw, encoding="utf-8", errors=errors, newline="\n", write_through=True
        )
        setattr(sys, name, text)
        setattr(sys, f"__{name}__", text)
    _print_at_once(sys.stdout)


def _print_at_once(output: io.TextIOWrapper | Any) -> None:
    """Let a plain `print` make one system call; by itself it writes line and newline apart."""
    original = builtins.print

    def print(*values: object, **options: Any) -> None:  # noqa: A001 - it takes that name's place
        if options or sys.stdout is not output:
            original(*values, **options)
        else:
            output.write(" ".join([str(value) for value in values]) + "\n")

    print.__module__, print.__qualname__, print.__doc__ = "builtins", "print", original.__doc__
    builtins.print = print
