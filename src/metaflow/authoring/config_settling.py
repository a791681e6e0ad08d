"""Where the values of a flow's configs come from when it is launched, and what they are."""

# No postponed annotations here: a NamedTuple would compile each of them at import.
import json
import os
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NamedTuple, Self

from metaflow.authoring.config_value import unwrap
from metaflow.authoring.configs import Facts, collect_configs, normalized
from metaflow.authoring.deploy_time import ParameterContext
from metaflow.errors.config import ConfigInvalid


class GivenConfigs(NamedTuple):
    """What a user has given for configs, by name."""

    paths: Mapping[str, str] = {}
    """Files to read."""
    texts: Mapping[str, Any] = {}
    """Texts to parse, or mappings to take as they are."""
    settled: Mapping[str, Any] = {}
    """Values that take the place of defaults, parsed already."""

    def over(self, others: Self) -> Self:
        """Add what others say of names that this says nothing of."""
        own = {normalized(name) for name in (*self.paths, *self.texts)}
        return self._replace(
            paths={n: v for n, v in others.paths.items() if normalized(n) not in own}
            | {**self.paths},
            texts={n: v for n, v in others.texts.items() if normalized(n) not in own}
            | {**self.texts},
        )


class Unusable(Exception):
    """A config has no usable value; the argument says why."""


def settle(flow: type, given: GivenConfigs, context: ParameterContext) -> dict[str, Any]:
    """Find the values of all configs of a flow.

    Parameters
    ----------
    flow : type
        The flow class.
    given : GivenConfigs
        What the user has given; it beats defaults.
    context : ParameterContext
        What functions that compute defaults are told.

    Returns
    -------
    dict
        Plain values by attribute name.

    Raises
    ------
    ConfigInvalid
        With all problems of all configs.
    """
    declared = collect_configs(flow)
    known = {normalized(facts.name): facts.name for _, facts in declared}
    problems = [_unknown(name, known) for name in _strangers(given, known)]
    by_key = GivenConfigs(*({normalized(n): v for n, v in kind.items()} for kind in given))
    values: dict[str, Any] = {}
    for attribute, facts in declared:
        try:
            values[attribute] = _value(facts, by_key, context)
        except Unusable as problem:
            problems.append(f"Config `{facts.name}`: {problem}.")
    if problems:
        raise ConfigInvalid(problems)
    return values


def _value(facts: Facts, given: GivenConfigs, context: ParameterContext) -> Any:
    key = normalized(facts.name)
    if key in given.paths and key in given.texts:
        raise Unusable("`--config` and `--config-value` are both given: use one of them")
    if key in given.paths:
        return _parse(facts, *_read(given.paths[key]))
    if key in given.texts:
        return _use(facts, given.texts[key], "the text given")
    if key in given.settled:
        return _checked(facts, given.settled[key], "the value given")
    return _default(facts, context._replace(parameter_name=facts.name))


def _strangers(given: GivenConfigs, known: Mapping[str, str]) -> list[str]:
    names = dict.fromkeys((*given.paths, *given.texts))
    return [name for name in names if normalized(name) not in known]


def _unknown(name: str, known: Mapping[str, str]) -> str:
    names = ", ".join(f"`{other}`" for other in known.values())
    return f"The flow has no config `{name}`; it has {names or 'none'}."


def _default(facts: Facts, context: ParameterContext) -> Any:
    if facts.default is not None:
        path = _call(facts, "default", context)
        if not isinstance(path, str | os.PathLike):
            raise Unusable(f"its default is of type `{type(path).__name__}`, not a path")
        return _parse(facts, *_read(os.fspath(path)))
    if facts.default_value is not None:
        return _use(facts, _call(facts, "default_value", context), "its default value")
    if facts.required:
        raise Unusable(
            f"a value is required: give a file with `--config {facts.name} FILE` or a text with "
            f"`--config-value {facts.name} TEXT`"
        )
    return None


def _call(facts: Facts, field: str, context: ParameterContext) -> Any:
    given = getattr(facts, field)
    if not callable(given):
        return given
    try:
        return given(context)
    except Exception as error:
        raise Unusable(f"the function given as `{field}` raised {_named(error)}") from error


def _read(path: str) -> tuple[str, str]:
    try:
        with open(os.path.expanduser(path), encoding="utf-8") as file:
            return file.read(), f"file `{path}`"
    except OSError as error:
        raise Unusable(f"file `{path}` cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Unusable(f"file `{path}` is not text in UTF-8") from error


def _use(facts: Facts, given: Any, source: str) -> Any:
    if isinstance(given, str):
        return _parse(facts, given, source)
    return _checked(facts, given, source)


def _parse(facts: Facts, text: str, source: str) -> Any:
    if facts.parser is not None:
        parser = _parser(facts.parser)
        try:
            return _checked(facts, parser(text), f"what its parser makes of {source}")
        except Unusable:
            raise
        except Exception as error:
            raise Unusable(f"its parser cannot read {source}: {_named(error)}") from error
    if facts.plain:
        return text
    try:
        return _checked(facts, json.loads(text), source)
    except ValueError as error:
        raise Unusable(f"{source} is not valid JSON: {error}") from error


def _checked(facts: Facts, value: Any, source: str) -> Any:
    if not facts.plain and value is not None and not isinstance(value, Mapping):
        raise Unusable(f"{source} is of type `{type(value).__name__}`, not a mapping")
    return unwrap(value)


def _parser(named: str | Callable[[str], Any]) -> Callable[[str], Any]:
    if not isinstance(named, str):
        return named
    path = f"metaflow{named}" if named.startswith(".") else named
    module, _, function = path.rpartition(".")
    try:
        parser: Callable[[str], Any] = getattr(import_module(module or "builtins"), function)
    except (ImportError, AttributeError) as error:
        raise Unusable(f"its parser `{named}` cannot be imported: {error}") from error
    return parser


def _named(error: Exception) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
