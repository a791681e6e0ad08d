"""Which types a parameter can have, and how text becomes a value of one."""

from __future__ import annotations

from typing import Any, Final

TRUE_WORDS: Final = frozenset({"1", "true", "t", "yes", "y", "on"})
FALSE_WORDS: Final = frozenset({"0", "false", "f", "no", "n", "off"})


class JSONTypeClass:
    """Type of a parameter whose text is JSON; `JSONType` is its only instance."""

    name = "JSON"

    def parse(self, text: str) -> Any:
        """Read a JSON text.

        Parameters
        ----------
        text : str
            One JSON value.

        Returns
        -------
        Any
            What the text stands for.

        Raises
        ------
        ValueError
            The text is not JSON.
        """
        import json

        return json.loads(text)

    def __repr__(self) -> str:
        return "JSONType"


JSONType: Final = JSONTypeClass()
"""Use as `Parameter(..., type=JSONType)` to take any JSON value."""


def is_json(kind: Any) -> bool:
    """Tell whether a parameter's type is JSON: `JSONType`, or its class given in its place."""
    return kind is JSONTypeClass or isinstance(kind, JSONTypeClass)


def convert_value(value: Any, kind: Any) -> Any:
    """Turn text, or a value given by a program, into a value of a type.

    Parameters
    ----------
    value : Any
        Text, or a Python value.
    kind : Any
        `str`, `int`, `float`, `bool`, `JSONType`, an object with click's `convert`, or a
        function from text to value.

    Returns
    -------
    Any
        The value.

    Raises
    ------
    ValueError
        The value does not fit; the message says why.
    """
    if is_json(kind):
        return _read_json(value)
    if hasattr(kind, "convert"):
        return kind.convert(value, None, None)
    if kind not in (str, int, float, bool):
        return kind(value) if isinstance(value, str) else value
    if isinstance(value, str):
        return _read_text(value, kind)
    if isinstance(value, bool) == (kind is bool) and (
        isinstance(value, kind) or (kind is float and isinstance(value, int))
    ):
        return kind(value)
    raise ValueError(f"`{value!r}` is of type `{type(value).__name__}`, not `{kind.__name__}`")


def _read_text(text: str, kind: Any) -> Any:
    if kind is str:
        return text
    if kind is bool:
        word = text.strip().lower()
        if word in TRUE_WORDS:
            return True
        if word in FALSE_WORDS:
            return False
        raise ValueError(f"`{text}` is not a truth value: use True or False")
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"`{text}` is not {'an integer' if kind is int else 'a number'}") from None


def _read_json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return JSONType.parse(value)
    except ValueError as error:
        raise ValueError(f"`{value}` is not valid JSON: {error}") from error


def split_text(value: Any, separator: str) -> list[str]:
    """Split text at the separator; a list of strings is taken as split already."""
    if isinstance(value, str):
        return value.split(separator)
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return list(value)
    raise ValueError(f"`{value!r}` is neither a string nor a list of strings")
