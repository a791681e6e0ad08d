"""Which top-level options a flow has whose mutators may add decorators that bring some.

Mutators run once configs are known, and configs are options themselves. So the configs are
looked for first; then the flow is composed, and its decorators tell their options.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from metaflow import registry
from metaflow.authoring.flow_decorators import FlowDecorator
from metaflow.cli.flow_facts import BroughtOption, decorator_options, options_of
from metaflow.cli.outcome import ENV_PREFIX
from metaflow.errors.base import MetaflowException

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from metaflow.cli.scope import Scope

HELP: Final = "--help"
CONFIGS: Final = ("--config", "--config-value", "--local-config-file")


class TopLevel:
    """The words of a command line up to the command."""

    __slots__ = ("command", "of_configs", "options", "unknown")

    def __init__(self) -> None:
        self.of_configs: list[str] = []
        """Options of configs, with their values."""
        self.options: list[str] = []
        """All options, without their values."""
        self.unknown: list[str] = []
        """Options that nobody but a mutator can have brought."""
        self.command: str | None = None


def add_options(
    params: list[click.Parameter], scope: Scope, args: list[str], of_earlier_runs: frozenset[str]
) -> list[click.Parameter]:
    """List the top-level options of a flow with mutators.

    Parameters
    ----------
    params : list of click.Parameter
        The options that do not depend on mutators.
    scope : Scope
        The flow; it is composed, if that is possible.
    args : list of str
        Arguments, without the program's name.
    of_earlier_runs : frozenset of str
        Commands for which the flow is composed with the configs of an earlier run.

    Returns
    -------
    list of click.Parameter
        With those that the flow's decorators bring.

    Raises
    ------
    click.UsageError
        The configs cannot be used, so that the options cannot be known.
    MetaflowException
        A mutator has failed.
    """
    top = read_top_level(args, params)
    scope.console.quiet = "--quiet" in top.options
    if top.command in of_earlier_runs and HELP not in top.options:
        return [*params, *possible_options(params)]
    try:
        _take_configs(params, scope, top.of_configs)
        scope.begin()
    except (click.UsageError, MetaflowException):
        # Whoever asks for something else is told of it in time, if it matters at all.
        if top.unknown and HELP not in top.options:
            raise
        return params
    return with_options_of(scope.flow, params)


def with_options_of(flow: type, params: Sequence[click.Parameter]) -> list[click.Parameter]:
    """List options with those that the decorators of a composed flow bring, and no others'."""
    kept = [param for param in params if not isinstance(param, BroughtOption)]
    return [*kept, *decorator_options(flow)]


def read_top_level(args: Sequence[str], params: Sequence[click.Parameter]) -> TopLevel:
    """Part a command line, although not all of its options are known.

    Parameters
    ----------
    args : sequence of str
        Arguments, without the program's name.
    params : sequence of click.Parameter
        The options that are known.
    """
    taken = {HELP: 0} | dict(_taken(params))
    possible: Mapping[str, int] | None = None
    top = TopLevel()
    place = 0
    while place < len(args):
        word, _, joined = args[place].partition("=")
        if not word.startswith("-") or word == "--":
            top.command = next(iter(args[place + (word == "--") :]), None)
            break
        count = taken.get(word)
        if count is None:
            if possible is None:
                possible = dict(_taken(possible_options(params)))
            top.unknown.append(word)
            following = args[place + 1 : place + 2]
            guess = 0 if following and following[0].startswith("-") else 1
            count = possible.get(word, guess)
        end = place + 1 + max(0, count - bool(joined))
        top.options.append(word)
        if word in CONFIGS:
            top.of_configs.extend(args[place:end])
        place = end
    return top


def _taken(params: Sequence[click.Parameter]) -> Iterator[tuple[str, int]]:
    """List how many words follow each option."""
    for param in params:
        count = 0 if getattr(param, "is_flag", False) else param.nargs
        for word in (*param.opts, *param.secondary_opts):
            yield word, count


def _take_configs(params: Sequence[click.Parameter], scope: Scope, words: list[str]) -> None:
    """Let the options of configs be read as they are read later, by their own functions."""
    own = [param for param in params if {*param.opts} & {*CONFIGS}]
    if own:
        command = click.Command("flow", params=own)
        name = os.path.basename(scope.script)
        command.make_context(name, list(words), obj=scope, auto_envvar_prefix=ENV_PREFIX)


def possible_options(params: Sequence[click.Parameter]) -> list[click.Parameter]:
    """Make options of all flow decorators there are, besides those that are known."""
    known = {param.name for param in params}
    made = [option for option in options_of(_all_decorators()) if option.name not in known]
    for option in made:
        option.callback = _note_given
    return made


def _note_given(ctx: click.Context, option: click.Parameter, value: Any) -> Any:
    if ctx.get_parameter_source(str(option.name)) is click.core.ParameterSource.COMMANDLINE:
        ctx.obj.given_loosely = (*ctx.obj.given_loosely, option.opts[0])
    return value


def _all_decorators() -> list[type[FlowDecorator]]:
    """List the classes of all flow decorators that a mutator could add by name or by class."""
    for name in registry.names("flow_decorator"):
        try:
            registry.load("flow_decorator", name)
        except MetaflowException:  # of an extension that is broken: nobody can add it
            continue
    found: list[type[FlowDecorator]] = []
    waiting = [FlowDecorator]
    while waiting:
        kind = waiting.pop()
        found.append(kind)
        waiting += kind.__subclasses__()
    return found
