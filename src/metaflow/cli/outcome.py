"""How a command begins and ends: settings and console, then which report and which exit code."""

from __future__ import annotations

import enum
import os
from typing import TYPE_CHECKING, Any

from metaflow.cli.console import Console
from metaflow.errors.base import MetaflowException
from metaflow.settings.load import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import click

ENV_PREFIX = "METAFLOW"
"""Options read variables that begin with this word."""


class ExitCode(enum.IntEnum):
    """What a command tells the shell."""

    OK = 0
    FAILED = 1
    BAD_USAGE = 2


def read_settings(console: Console) -> Settings:
    """Read the settings, and let the console have its colours as they say.

    Raises
    ------
    MetaflowException
        A setting, or a file of settings, cannot be used.
    """
    settings = load_settings()
    console.color = not settings.no_color
    return settings


def perform(
    begin: Callable[[Console], tuple[click.Command, Any]], args: Sequence[str], *, name: str
) -> int:
    """Run a command line and report whatever goes wrong.

    Parameters
    ----------
    begin : callable
        Makes the top-level command, and what commands find as `ctx.obj`, for a console.
    args : sequence of str
        The arguments.
    name : str
        The program's name, for usage lines.

    Returns
    -------
    int
        The exit code.
    """
    import click

    console = Console()

    def work() -> int:
        command, scope = begin(console)
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
            from metaflow.cli.usage import explained

            explained(error, scope).show()
            return error.exit_code
        return result if isinstance(result, int) else ExitCode.OK

    return guarded(console, work)


def guarded(console: Console, work: Callable[[], int]) -> int:
    """Do a command's work; report what goes wrong, and return the exit code."""
    try:
        return work()
    except MetaflowException as error:
        console.error(error)
    except Exception as error:  # one of the three places that catch everything
        console.failure("Internal error:", trace(error))
    return ExitCode.FAILED


def trace(error: BaseException) -> str:
    """Show where an exception comes from; of the user's code, just the user's frames."""
    import traceback

    first = error.__traceback__
    entry = first
    while entry is not None and not is_users(entry.tb_frame.f_code.co_filename):
        entry = entry.tb_next
    return "".join(traceback.format_exception(type(error), error, entry or first)).rstrip()


def is_users(file: str) -> bool:
    """Tell a file of the user from the framework's, installed packages' and Python's own."""
    framework = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    library = os.path.dirname(os.path.abspath(os.__file__))
    return not (
        file.startswith((framework + os.sep, library + os.sep, "<"))
        or f"{os.sep}site-packages{os.sep}" in file
    )
