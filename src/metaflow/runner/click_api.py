"""The commands of a flow as functions: each checks its keywords and returns command words."""

from __future__ import annotations

import os
import subprocess
import sys
from inspect import Parameter
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import click

from metaflow import registry
from metaflow.runner.arguments import (
    JSON,
    click_to_python_types,
    command_words,
    keywords,
    python_type,
)
from metaflow.runner.loading import beside, load_flow, loaded_modules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from metaflow.authoring.flowspec import FlowSpec

__all__ = [
    "JSON",
    "CommandParameters",
    "MetaflowAPI",
    "click_to_python_types",
    "extract_all_params",
    "loaded_modules",
]


class CommandParameters(NamedTuple):
    """What a command takes, by the names of keyword arguments."""

    arguments: dict[str, Parameter]
    """Positional ones on the command line."""
    options: dict[str, Parameter]
    params: dict[str, click.Parameter]
    """All of them, as they are defined for the command line."""
    annotations: dict[str, Any]
    defaults: dict[str, Any]


def extract_all_params(cmd_obj: click.Command) -> CommandParameters:
    """Describe what a command takes.

    Parameters
    ----------
    cmd_obj : click.Command
        The command.

    Returns
    -------
    CommandParameters
        Signatures of arguments, signatures of options, the definitions of both, their types and
        their defaults, each by the names of keywords.
    """
    found = CommandParameters({}, {}, {}, {}, {})
    for option in cmd_obj.params:
        name = keywords(option)[0]
        kind = python_type(option)
        if option.multiple if isinstance(option, click.Option) else option.nargs != 1:
            kind = list[kind]  # type: ignore[valid-type]  # made for readers of the signature
        # The definition itself has a mark of click's in the place of a default that there is not.
        default = option.to_info_dict().get("default")
        has_default = not option.required
        signature = Parameter(
            name,
            Parameter.KEYWORD_ONLY,
            default=default if has_default else Parameter.empty,
            annotation=kind,
        )
        where = found.arguments if isinstance(option, click.Argument) else found.options
        where[name] = signature
        found.params[name] = option
        found.annotations[name] = kind
        if has_default:
            found.defaults[name] = default
    return found


class MetaflowAPI:
    """A flow's command line for programs.

    Call it with top-level options, then a command by its name:
    `api(metadata="local").run(alpha=3)` returns the words of the command line.

    Parameters
    ----------
    flow : type of FlowSpec
        The flow class.
    program : sequence of str
        Words that start its command line.
    start : click.Group, optional
        Top level to use in place of the flow's own.
    environ : mapping of str to str, optional
        Environment in which the commands will run; this process's by default.
    cwd : str, optional
        Directory in which they will run; this process's by default.
    """

    def __init__(
        self,
        flow: type[FlowSpec],
        program: Sequence[str],
        start: click.Group | None = None,
        environ: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> None:
        self.flow = flow
        self._program = tuple(program)
        self._start = start
        self._environ = os.environ if environ is None else environ
        self._cwd = cwd
        self._words: list[str] = []
        self._group, self._context = self._tree({})

    @classmethod
    def from_cli(
        cls,
        flow_file: str,
        start: click.Group | None = None,
        environ: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> Self:
        """Make the functions for a flow's file, which is imported to learn its parameters.

        Parameters
        ----------
        flow_file : str
            The file.
        start : click.Group, optional
            Top level to use in place of the flow's own.
        environ : mapping of str to str, optional
            Environment in which the commands will run; this process's by default.
        cwd : str, optional
            Directory in which they will run; this process's by default.

        Returns
        -------
        MetaflowAPI
            Functions that make command lines.

        Raises
        ------
        FlowFileNotFound
            There is no such file.
        FlowNotUnique
            It has no flow or several.
        """
        flow = load_flow(flow_file)
        return cls(flow, [*interpreter(), os.path.abspath(flow_file)], start, environ, cwd)

    def __call__(self, **options: Any) -> Self:
        """Set top-level options; those that are not known are refused.

        Raises
        ------
        UnknownArgument
            There is no such top-level option.
        ArgumentTypeWrong
            A value is of the wrong type.
        """
        made = type(self)(self.flow, self._program, self._start, self._environ, self._cwd)
        group, made._context = made._tree(options)  # noqa: SLF001 - a copy of this object
        made._group = group  # noqa: SLF001 - likewise
        made._words = command_words(  # noqa: SLF001 - likewise
            os.path.basename(self._program[-1]), group.params, options, self._environ
        )
        return made

    @property
    def words(self) -> tuple[str, ...]:
        """Words of the command line up to and with the top-level options."""
        return (*self._program, *self._words)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return the function of a command."""
        command = None if name.startswith("_") else self.command(name)
        if command is None:
            raise AttributeError(
                f"The flow `{self.flow.__name__}` has no command `{name}`; it has "
                + ", ".join(f"`{one}`" for one in self.commands())
            )
        return _function(command, [*self.words, str(command.name)], self._context, self._environ)

    def __dir__(self) -> list[str]:
        """Names of attributes and commands."""
        return [*object.__dir__(self), *(name.replace("-", "_") for name in self.commands())]

    def commands(self) -> list[str]:
        """Names of all commands."""
        return list(self._group.list_commands(self._context))

    def command(self, name: str) -> click.Command | None:
        """Return a command by its name, in which `_` may stand for `-`.

        Raises
        ------
        ConfigInvalid
            The flow's parameters depend on configs, and these can't be used.
        """
        with beside(self.flow):
            found = self._group.get_command(self._context, name)
            return found or self._group.get_command(self._context, name.replace("_", "-"))

    def takes(self, name: str) -> bool:
        """Say whether there is a top-level option of this name."""
        return any(name in keywords(option) for option in self._group.params)

    def _tree(self, options: Mapping[str, Any]) -> tuple[click.Group, click.Context]:
        given: list[Any] = [options.get(name) or [] for name in ("config", "config_value")]
        with beside(self.flow):
            group, context = registry.load("face", "command_tree")(
                self.flow,
                self._environ,
                tuple(list(pairs.items() if hasattr(pairs, "items") else pairs) for pairs in given),
                self._cwd,
            )
        return (group if self._start is None else self._start), context


def _function(
    command: click.Command,
    words: list[str],
    context: click.Context,
    environ: Mapping[str, str],
) -> Callable[..., Any]:
    def call(**given: Any) -> Any:
        made = words + command_words(
            str(command.name),
            command.params,
            given,
            environ,
            loose=bool(command.context_settings.get("ignore_unknown_options")),
        )
        return _Group(command, made, context, environ) if _is_group(command) else made

    call.__name__ = str(command.name).replace("-", "_")
    call.__doc__ = command.help
    return call


def _is_group(command: click.Command) -> bool:
    return isinstance(command, click.Group)


class _Group:
    """A command that has commands of its own."""

    def __init__(
        self,
        group: Any,
        words: list[str],
        context: click.Context,
        environ: Mapping[str, str],
    ) -> None:
        self._group = group
        self._words = words
        self._context = context
        self._environ = environ

    def __getattr__(self, name: str) -> Callable[..., Any]:
        command = self._group.get_command(self._context, name) or self._group.get_command(
            self._context, name.replace("_", "-")
        )
        if command is None:
            raise AttributeError(f"`{self._group.name}` has no command `{name}`")
        return _function(command, [*self._words, command.name], self._context, self._environ)


def interpreter() -> list[str]:
    """Words that start a Python like this one."""
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001 - what multiprocessing uses as well
    return [sys.executable, *flags]
