"""How a command ends: which exception becomes which report and exit code."""

from __future__ import annotations

import enum
import os
from typing import TYPE_CHECKING, Any

import click

from metaflow.errors.base import MetaflowException

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metaflow.cli.console import Console

ENV_PREFIX = "METAFLOW"
"""Options read variables that begin with this word."""


class ExitCode(enum.IntEnum):
    """What a command tells the shell."""

    OK = 0
    FAILED = 1
    BAD_USAGE = 2


def perform(
    command: click.Command, args: Sequence[str], console: Console, *, name: str, scope: Any
) -> int:
    """Run a command line and report whatever goes wrong.

    Parameters
    ----------
    command : click.Command
        The top-level command.
    args : sequence of str
        Its arguments.
    console : Console
        Where reports go.
    name : str
        The program's name, for usage lines.
    scope : Any
        What commands find as `ctx.obj`.

    Returns
    -------
    int
        The exit code.
    """
    try:
        result = command.main(
            list(args),
            prog_name=name,
            standalone_mode=False,
            obj=scope,
            auto_envvar_prefix=ENV_PREFIX,
        )
    except click.Abort:
        console.say("Aborted!")
        return ExitCode.FAILED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except MetaflowException as error:
        console.error(error)
        return ExitCode.FAILED
    except Exception as error:  # one of the three places that catch everything
        console.failure("Internal error:", trace(error))
        return ExitCode.FAILED
    return result if isinstance(result, int) else ExitCode.OK


def trace(error: BaseException) -> str:
    """Show where an exception comes from; of the user's code, just the user's frames."""
    import traceback

    first = error.__traceback__
    entry = first
    while entry is not None and not _is_users(entry.tb_frame.f_code.co_filename):
        entry = entry.tb_next
    return "".join(traceback.format_exception(type(error), error, entry or first)).rstrip()


def _is_users(file: str) -> bool:
    """Tell a file of the user from the framework's, installed packages' and Python's own."""
    framework = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    library = os.path.dirname(os.path.abspath(os.__file__))
    return not (
        file.startswith((framework + os.sep, library + os.sep, "<"))
        or f"{os.sep}site-packages{os.sep}" in file
    )
