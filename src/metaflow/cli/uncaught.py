"""What is told of a program that has ended before it had a command line, and why that may be."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from metaflow.cli.console import Console, body, headline
from metaflow.cli.outcome import is_users, read_settings
from metaflow.errors.base import MetaflowException

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

FUNCTION = 0x1
"""Bit in a code's flags; bodies of classes and of modules do not have it."""


def show(error: MetaflowException, trace: TracebackType | None) -> None:
    """Print an error of a class that is being defined.

    Parameters
    ----------
    error : MetaflowException
        What nobody has caught.
    trace : TracebackType or None
        The way it came.
    """
    console = Console()
    with contextlib.suppress(MetaflowException):
        read_settings(console)
    way = "".join(f"\nreached from {file}, line {line}" for file, line in _way(error, trace))
    console.failure(headline(error), body(error) + way)


def tell_unstarted(flow: type, argv: list[str]) -> None:
    """Tell who asked for a command that the file defines a flow, but does not start it.

    Parameters
    ----------
    flow : type of FlowSpec
        The flow class.
    argv : list of str
        The program and its arguments.
    """
    from metaflow.cli.flow import COMMANDS

    command = next((word for word in argv[1:] if not word.startswith("-")), None)
    if command in COMMANDS:
        name = flow.__name__
        Console().failure(
            "Flow not started:",
            f"`{argv[0]}` defines the flow `{name}`, but does not start it, so there is nothing "
            f"that could do `{command}`.\n"
            f'hint: end the file with `if __name__ == "__main__":` and, indented, `{name}()`',
        )


def _way(error: MetaflowException, trace: TracebackType | None) -> Iterator[tuple[str, int]]:
    """List the user's lines that led to the error, if they are elsewhere, the outermost first."""
    while trace is not None:
        place, following = _place(trace), trace.tb_next
        if (
            is_users(place[0])
            and place != (error.source_file, error.line_no)
            and not (following is not None and _is_class_body(following, place[0]))
        ):
            yield place
        trace = following


def _place(trace: TracebackType) -> tuple[str, int]:
    return trace.tb_frame.f_code.co_filename, trace.tb_lineno


def _is_class_body(trace: TracebackType, file: str) -> bool:
    code = trace.tb_frame.f_code
    return code.co_filename == file and not code.co_flags & FUNCTION
