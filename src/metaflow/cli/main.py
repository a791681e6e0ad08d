"""Where the command line of a flow file begins: a plain run at once, all else through click."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from metaflow.authoring.flowspec import FlowSpec


def main(flow: FlowSpec, *, is_last: bool) -> NoReturn:
    """Run the command line of a flow and end the process.

    Parameters
    ----------
    flow : FlowSpec
        What the last line of the flow's file has made.
    is_last : bool
        Nothing follows this call in the file, so the process may end without taking itself
        apart, which costs more than a short task.
    """
    # Collections during start-up find nothing and take a tenth of it, so they are off before
    # anything else is loaded; what runs for long turns them on again.
    gc.disable()
    from metaflow.cli.console import open_missing_streams
    from metaflow.task.leaving import leave_like_a_program

    open_missing_streams()
    code = run_command_line(type(flow), sys.argv[1:])
    if not is_last or sys.flags.interactive:
        sys.exit(code)
    leave_like_a_program(vars(sys.modules[type(flow).__module__]))
    os._exit(code)


def run_command_line(flow: type[FlowSpec], args: list[str]) -> int:
    """Do what the arguments ask of a flow.

    Parameters
    ----------
    flow : type of FlowSpec
        The flow class.
    args : list of str
        Arguments, without the program's name.

    Returns
    -------
    int
        The exit code.
    """
    from metaflow.cli import plain_run

    plain = plain_run.read(flow, args, os.environ)
    if plain is not None:
        return plain_run.perform(flow, plain)

    from metaflow.cli.flow import perform_any

    return perform_any(flow, args)
