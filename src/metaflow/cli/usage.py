"""What a user is told who has misspelled, misplaced or not finished something on a command line."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from metaflow.errors.definition import closest

if TYPE_CHECKING:
    from collections.abc import Iterator


def explained(error: click.ClickException, scope: Any = None) -> click.ClickException:
    """Say more about a usage error, where more is known.

    Parameters
    ----------
    error : click.ClickException
        What click has to say.
    scope : Scope, optional
        The flow, if it is about one.

    Returns
    -------
    click.ClickException
        The same error, or one that tells what to do about it.
    """
    if isinstance(error, click.BadOptionUsage):
        more = _truth_value(error.option_name, getattr(scope, "flow", None))
    elif not isinstance(error, click.UsageError) or error.ctx is None:
        return error
    elif isinstance(error, click.BadParameter):
        more = _variable_behind(error, error.ctx)
        if more is not None:
            text = f"{error.message} {more}"
            return click.BadParameter(text, error.ctx, error.param, error.param_hint)
    elif isinstance(error, click.NoSuchOption):
        more = _right_place(error.option_name, error.ctx)
        if more is not None:
            # What else click would suggest is misleading now.
            return click.UsageError(f"No such option '{error.option_name}' here: {more}", error.ctx)
    else:
        more = _command_meant(error.message, error.ctx)
    return error if more is None else click.UsageError(f"{error.message} {more}", error.ctx)


def _variable_behind(error: click.BadParameter, ctx: click.Context) -> str | None:
    """Say which variable a bad value comes from, if it is not on the command line."""
    param = error.param
    if param is None:
        return None
    if ctx.get_parameter_source(param.name or "") is not ParameterSource.ENVIRONMENT:
        return None
    own = param.envvar or f"{ctx.auto_envvar_prefix}_{(param.name or '').upper()}"
    names = [own] if isinstance(own, str) else own
    variable = next((name for name in names if os.environ.get(name)), None)
    return None if variable is None else f"(The value is that of the variable {variable}.)"


def _right_place(option: str, ctx: click.Context) -> str | None:
    """Say where an option belongs that stands on the wrong side of the command."""
    if ctx.parent is not None:
        if option not in _options(ctx.parent.command):
            return None
        return (
            "it concerns all commands, so it stands before the command, as in "
            f"`{ctx.parent.info_name} {option} … {ctx.info_name}`."
        )
    flow = getattr(ctx.obj, "flow", None)
    if flow is None or option not in _options_of_run(flow):
        return None
    return f"it belongs to `run` and stands behind it, as in `{ctx.info_name} run {option} …`."


def _options(command: click.Command) -> set[str]:
    return {word for param in command.params for word in (*param.opts, *param.secondary_opts)}


def _options_of_run(flow: type) -> Iterator[str]:
    from metaflow.authoring.parameters import declared_parameters
    from metaflow.cli.run_options import common_options

    for parameter in declared_parameters(flow).values():
        yield f"--{parameter.name}"
    for option in common_options():
        yield from option.opts


def _truth_value(option: str, flow: type | None) -> str | None:
    """Say how a parameter is given that is no flag, although its values are true and false."""
    if flow is None:
        return None
    from metaflow.authoring.parameters import declared_parameters

    for parameter in declared_parameters(flow).values():
        if f"--{parameter.name}" == option and parameter.value_type is bool:
            return f"It is a truth value: write `{option} True` or `{option} False`."
    return None


def _command_meant(message: str, ctx: click.Context) -> str | None:
    """Say which command a misspelled one may be."""
    found = re.match(r"No such command '(.+)'", message)
    if found is None or not isinstance(ctx.command, click.Group):
        return None
    meant = closest(found[1], ctx.command.list_commands(ctx))
    return None if meant is None else f"Did you mean '{meant}'?"
