"""How keyword arguments of a program become words of a command line, checked beforehand."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from numbers import Integral, Real
from typing import Any, Final, TypeAlias
from uuid import UUID

import click

from metaflow.authoring.parameter_types import JSONTypeClass, is_json
from metaflow.errors.runner import ArgumentTypeWrong, MissingArgument, UnknownArgument

JSON: TypeAlias = dict[str, Any] | list[Any] | str | int | float | bool | None
"""What a JSON parameter takes."""


class _ByKind(dict[Any, Any]):
    """Types of values by kinds of options, those of kinds that are made from known ones too."""

    def __missing__(self, kind: Any) -> Any:
        """Look for the nearest kind that `kind` is made from; any other takes text."""
        return next((self[base] for base in kind.__mro__ if base in self), str)


click_to_python_types: Final[dict[Any, Any]] = _ByKind(
    {
        click.types.StringParamType: str,
        click.types.IntParamType: int,
        click.types.FloatParamType: float,
        click.types.BoolParamType: bool,
        click.types.UUIDParameterType: UUID,
        click.types.DateTime: datetime,
        click.types.Choice: str,
        click.types.Path: str,
        click.types.File: str,
        JSONTypeClass: JSON,
    }
)
"""Kind of an option -> type of the keyword argument."""

OTHER_NAMES: Final = {
    "config_paths": "config",
    "config_texts": "config_value",
    "namespace": "user_namespace",
}
"""Options whose keyword differs from their name on the command line."""


PAIR: Final = 2
"""Number of words that an option for names with values takes."""


def python_type(option: click.Parameter) -> Any:
    """Tell which type of value an option takes from a program.

    Parameters
    ----------
    option : click.Parameter
        An option or an argument of a command.

    Returns
    -------
    Any
        A type, `JSON`, or `Any` where just the text matters.
    """
    # An option made from a parameter leaves the conversion to the parameter.
    declared = getattr(option.type, "parameter", None)
    kind = option.type if declared is None else declared.value_type
    if is_json(kind):
        return JSON
    if kind in (str, int, float, bool):
        return kind
    for known, result in click_to_python_types.items():
        if isinstance(kind, known):
            return result
    return str if declared is None else Any


def keywords(option: click.Parameter) -> list[str]:
    """List the names by which a program can give an option, the preferred one first."""
    name = str(option.name)
    names = [OTHER_NAMES.get(name, name), name]
    names += [word.lstrip("-").replace("-", "_") for word in option.opts if word.startswith("--")]
    return list(dict.fromkeys(names))


def command_words(
    command: str,
    options: Iterable[click.Parameter],
    given: Mapping[str, Any],
    environ: Mapping[str, str],
    *,
    loose: bool = False,
) -> list[str]:
    """Write keyword arguments as words of a command line.

    Parameters
    ----------
    command : str
        Name of the command, for errors.
    options : iterable of click.Parameter
        What it takes.
    given : mapping of str to Any
        Values by keyword; None stands for «not given».
    environ : mapping of str to str
        Environment of the command, from which it reads what is not given.
    loose : bool, default False
        The command takes more options than are known here: pass the others on as they are.

    Returns
    -------
    list of str
        Options first, then positional arguments behind `--`.

    Raises
    ------
    UnknownArgument
        The command has no such option.
    MissingArgument
        It needs one that is not given.
    ArgumentTypeWrong
        A value is of the wrong type.
    """
    by_keyword = {word: option for option in options for word in keywords(option)}
    values: dict[int, tuple[str, Any]] = {}
    words: list[str] = []
    for word, value in given.items():
        option = by_keyword.get(word)
        if option is None and not loose:
            raise UnknownArgument(word, command, {keywords(one)[0] for one in options})
        if value is None:
            continue
        if option is None:
            words.append(f"--{word.replace('_', '-')}={_free_text(value)}")
        else:
            values[id(option)] = word, value
    positional: list[str] = []
    for option in options:
        if id(option) in values:
            word, value = values[id(option)]
            writer = _Writer(command, word, option)
            (positional if isinstance(option, click.Argument) else words).extend(
                writer.write(value)
            )
        elif option.required and not _is_set(option, environ):
            raise MissingArgument(keywords(option)[0], command)
    return [*words, "--", *positional] if positional else words


def _is_set(option: click.Parameter, environ: Mapping[str, str]) -> bool:
    names = [option.envvar] if isinstance(option.envvar, str) else option.envvar or ()
    return any(environ.get(name) for name in names)


class _Writer:
    """Writes the value of one option."""

    def __init__(self, command: str, word: str, option: click.Parameter) -> None:
        self.command = command
        self.word = word
        self.option = option
        self.kind = python_type(option)
        self.separator = getattr(getattr(option.type, "parameter", None), "separator", None)

    def write(self, value: Any) -> list[str]:
        option = self.option
        if isinstance(option, click.Argument):
            several = option.nargs != 1 and isinstance(value, list | tuple)
            return [self._text(item) for item in (value if several else [value])]
        if isinstance(option, click.Option) and option.is_flag:
            return self._flag(value)
        long = max(option.opts, key=len)
        if not option.multiple:
            return self._one(long, value)
        if isinstance(value, Mapping) and option.nargs == PAIR:
            value = list(value.items())
        if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
            raise self._wrong(value, "a list")
        return [word for item in value for word in self._one(long, item)]

    def _flag(self, value: Any) -> list[str]:
        if not isinstance(value, bool):
            raise self._wrong(value, "`bool`")
        chosen = self.option.opts if value else self.option.secondary_opts
        return [max(chosen, key=len)] if chosen else []

    def _one(self, long: str, value: Any) -> list[str]:
        if self.option.nargs == 1:
            return [f"{long}={self._text(value)}"]
        if not isinstance(value, list | tuple) or len(value) != self.option.nargs:
            raise self._wrong(value, f"a tuple of {self.option.nargs}")
        return [long, *(_structured(part) for part in value)]

    def _text(self, value: Any) -> str:
        if self.separator is not None and isinstance(value, list | tuple):
            if not all(isinstance(item, str) for item in value):
                raise self._wrong(value, "a list of `str`")
            return str(self.separator).join(value)
        if self.kind is JSON:
            return self._json(value)
        return self._plain(value)

    def _json(self, value: Any) -> str:
        if isinstance(value, str) and _is_json_text(value):
            return value
        try:
            return json.dumps(value)
        except (TypeError, ValueError) as error:
            raise self._wrong(value, "what JSON can hold") from error

    def _plain(self, value: Any) -> str:
        kind = self.kind
        if kind is Any:
            return str(value)
        if kind is str and isinstance(value, os.PathLike):
            return str(os.fspath(value))
        accepts, write = _PLAIN[kind]
        if isinstance(value, bool) != (kind is bool) or not isinstance(value, accepts):
            raise self._wrong(value, f"`{kind.__name__}`")
        return write(value)

    def _wrong(self, value: Any, expected: str) -> ArgumentTypeWrong:
        return ArgumentTypeWrong(self.word, self.command, value, expected)


_PLAIN: Final[dict[Any, tuple[Any, Callable[[Any], str]]]] = {
    str: (str, str),
    bool: (bool, str),
    int: (Integral, lambda value: str(int(value))),
    float: (Real, lambda value: repr(float(value))),
    UUID: ((UUID, str), str),
    datetime: ((datetime, str), lambda value: value if isinstance(value, str) else _moment(value)),
}


def _moment(value: datetime) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%S")


def _structured(value: Any) -> str:
    if isinstance(value, os.PathLike):
        return str(os.fspath(value))
    return value if isinstance(value, str) else json.dumps(value)


def _free_text(value: Any) -> str:
    return str(value) if isinstance(value, bool) else _structured(value)


def _is_json_text(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
