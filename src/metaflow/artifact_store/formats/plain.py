"""Which plain data is stored as JSON: what comes back with the same types, and shares nothing.

A list that stands in a value twice would come back as two lists, a tuple as a list, a subclass
as its base: such values are left to others.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MANY: Final = 1 << 16
"""A value with more cells than this is written and read far quicker as a pickle."""

LARGE: Final = 1 << 20
"""So is one whose text is longer than this; and unchanged pieces of a pickle are shared."""

_SCALARS: Final = frozenset((str, int, float, bool, type(None)))
_CONTAINERS: Final = frozenset((list, dict))
_PLAIN: Final = _SCALARS | _CONTAINERS
_TEXTS: Final = {str}

_slowly: Final = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False
).encode
_text: Final = json.encoder.encode_basestring
_decode: Final = json.JSONDecoder().raw_decode


def _encoder() -> Callable[[Any], str]:
    """Return the encoder that `json` makes anew for each value, made once."""
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    try:
        chunks = make(None, None, _text, None, ":", ",", False, False, False)
        if "".join(chunks({"a": [1.5, None]}, 0)) == '{"a":[1.5,null]}':
            return lambda value: "".join(chunks(value, 0))
    except TypeError:  # an interpreter that has none, or another one
        pass
    return _slowly


_encode: Final = _encoder()


def encode_scalar(value: Any) -> bytes | None:
    """Write None, a truth value, a number or a short text as JSON.

    Parameters
    ----------
    value : None, bool, int, float or str
        The value; of exactly such a type.

    Returns
    -------
    bytes or None
        JSON in UTF-8; None for numbers that JSON does not have and for texts that are none.
    """
    kind = type(value)
    try:
        if kind is str:
            return _text(value).encode()
        if kind is int:
            return str(value).encode()
        if kind is float:
            # What is neither infinite nor not a number is nothing when taken from itself.
            return repr(value).encode() if value - value == 0 else None
    except ValueError:  # surrogates, or more digits than Python converts
        return None
    if value is None:
        return b"null"
    return b"true" if value else b"false"


def encode_container(value: list[Any] | dict[Any, Any], *, at_any_length: bool) -> bytes | None:
    """Write a list or a dictionary as JSON if it comes back exactly so.

    Parameters
    ----------
    value : list or dict
        The value; of exactly such a type.
    at_any_length : bool
        Even if that takes much longer than a pickle.

    Returns
    -------
    bytes or None
        JSON in UTF-8, or None.
    """
    if not _is_exact(value, None if at_any_length else MANY):
        return None
    try:
        text = _encode(value)
        return text.encode() if at_any_length or len(text) <= LARGE else None
    except (ValueError, RecursionError):  # not a number, surrogates, nested too deeply
        return None


def decode(data: bytes) -> Any:
    """Make a value of its JSON.

    Raises
    ------
    ValueError
        It is no JSON.
    """
    text = data.decode()
    value, end = _decode(text)
    if end != len(text):
        raise ValueError("there is something behind the JSON")
    return value


def _is_exact(value: list[Any] | dict[Any, Any], cells: int | None) -> bool:
    """Tell whether a value has plain types only, few enough cells, and nothing twice."""
    seen: set[int] = set()
    waiting: list[Any] = [value]
    left = cells
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            return False
        seen.add(id(one))
        if left is not None:
            left -= len(one)
            if left < 0:
                return False
        inner = one
        if type(one) is dict:
            if one and set(map(type, one)) != _TEXTS:
                return False
            inner = one.values()
        kinds = set(map(type, inner))
        if not kinds <= _SCALARS:
            if not kinds <= _PLAIN:
                return False
            waiting.extend([cell for cell in inner if type(cell) in _CONTAINERS])
    return True
