"""How configuration modules of extensions read settings: `metaflow.metaflow_config_funcs`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from metaflow.errors.input import SettingInvalid
from metaflow.settings.load import own_settings

__all__ = ["from_conf", "get_validate_choice_fn"]

Validate = Callable[[str, Any], str | None]


def from_conf(name: str, default: Any = None, validate_fn: Validate | None = None) -> Any:
    """Read a setting from the environment and the configuration files.

    Parameters
    ----------
    name : str
        Name without `METAFLOW_`.
    default : Any, optional
        What it is when nobody has set it; its type is what a text is turned into.
    validate_fn : callable, optional
        Takes the name and the value, and returns what is wrong with it, or None.

    Returns
    -------
    Any
        The value: a number or a truth value where the default is one, what the JSON text says
        where it is a list or a dictionary, else a text.

    Raises
    ------
    SettingInvalid
        The value is not of the default's type, or `validate_fn` refuses it.
    """
    text = own_settings().get(name)
    value = default if text is None else _converted(name, text, default)
    problem = None if validate_fn is None else validate_fn(name, value)
    if problem:
        raise SettingInvalid(name, str(value), problem)
    return value


def get_validate_choice_fn(choices: list[str]) -> Validate:
    """Make a function for `validate_fn` that accepts one of several values."""

    def refuse(name: str, value: Any) -> str | None:
        del name
        return None if value in choices else "one of " + ", ".join(choices)

    return refuse


def _converted(name: str, text: str, default: Any) -> Any:
    if isinstance(default, bool):
        from metaflow.settings.load import truth

        return truth(text)
    if isinstance(default, list | tuple | dict):
        import json

        try:
            return json.loads(text)
        except ValueError as error:
            raise SettingInvalid(name, text, "JSON") from error
    if isinstance(default, int | float):
        try:
            return type(default)(text)
        except ValueError as error:
            raise SettingInvalid(name, text, "a number") from error
    return text
