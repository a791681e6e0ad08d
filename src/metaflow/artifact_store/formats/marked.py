"""What JSON does not have, written in it: an object with one key that begins with `$`.

Only types of this list come back, so that reading runs nobody's code. Marks are part of the
stored format: one may be added, none changed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from struct import pack
from typing import Any, Final

FEW: Final = 1 << 12
"""A value with more cells than this is written and read far quicker as a pickle."""

SHORT_BYTES: Final = 4 << 10
"""Longer bytes inside a value are better stored as they are, which a pickle does."""

_MARK: Final = "$"
_AS_THEY_ARE: Final = frozenset((int, bool, type(None)))
_NAN: Final = pack("<d", float("nan"))

_encode: Final = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False
).encode


class _Unmarked(Exception):
    """There is something for which there is no mark."""


def encode_marked(value: Any, *, at_any_length: bool) -> bytes | None:
    """Write a value as JSON with marks if it comes back exactly so.

    Parameters
    ----------
    value : Any
        The value.
    at_any_length : bool
        Even if that takes much longer than a pickle.

    Returns
    -------
    bytes or None
        JSON in UTF-8, or None.
    """
    marker = _Marker(None if at_any_length else FEW)
    try:
        return _encode(marker.mark(value)).encode()
    except (_Unmarked, ValueError, RecursionError):
        return None


def decode_marked(data: bytes) -> Any:
    """Make a value of JSON with marks.

    Raises
    ------
    ValueError
        It is no such JSON.
    """
    try:
        return json.JSONDecoder(object_hook=_unmark).decode(data.decode())
    except (TypeError, KeyError, ArithmeticError) as error:
        raise ValueError(f"its marks make no sense: {error}") from error


class _Marker:
    """Turns one value into what JSON has."""

    __slots__ = ("_left", "_seen")

    def __init__(self, cells: int | None) -> None:
        self._left = cells
        self._seen: set[int] = set()

    def mark(self, value: Any) -> Any:
        """Return what stands for a value."""
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise _Unmarked
        kind = type(value)
        if kind in _AS_THEY_ARE:
            return value
        method = _MARKERS.get(kind)
        if method is not None:
            return method(self, value)
        if kind.__module__ == "numpy":
            return {"$numpy": self._number(value)}
        return _mark_named(kind, value)

    def _number(self, value: Any) -> list[Any]:
        numpy = sys.modules["numpy"]
        if not isinstance(value, numpy.generic):
            raise _Unmarked
        dtype = value.dtype
        if dtype.kind not in "biuf" or numpy.dtype(dtype.str).type is not type(value):
            raise _Unmarked
        plain = value.item()
        if type(plain) not in {bool, int, float}:  # such as a number of 128 bits
            raise _Unmarked
        return [dtype.str, self.mark(plain)]

    def _once(self, value: Any) -> None:
        if id(value) in self._seen:
            raise _Unmarked
        self._seen.add(id(value))

    def _str(self, value: str) -> Any:
        if _is_text(value):
            return value
        return {"$str": _base64(value.encode("utf-8", "surrogatepass"))}

    def _float(self, value: float) -> Any:
        if value - value == 0:
            return value
        if value != value and pack("<d", value) != _NAN:  # noqa: PLR0124 - that is: not a number
            raise _Unmarked
        return {"$float": repr(value)}

    def _complex(self, value: complex) -> Any:
        return {"$complex": [self._float(value.real), self._float(value.imag)]}

    def _list(self, value: list[Any]) -> Any:
        self._once(value)
        return [self.mark(cell) for cell in value]

    def _tuple(self, value: tuple[Any, ...]) -> Any:
        return {"$tuple": [self.mark(cell) for cell in value]}

    def _dict(self, value: dict[Any, Any]) -> Any:
        self._once(value)
        if all(type(key) is str and _is_key(key) for key in value):
            return {key: self.mark(cell) for key, cell in value.items()}
        return {"$dict": [[self.mark(key), self.mark(cell)] for key, cell in value.items()]}

    def _set(self, value: set[Any]) -> Any:
        self._once(value)
        # The order of a set is no part of its value; sorted, equal sets are stored alike.
        return {"$set": sorted(map(self.mark, value), key=_encode)}

    def _frozenset(self, value: frozenset[Any]) -> Any:
        return {"$frozenset": sorted(map(self.mark, value), key=_encode)}

    def _bytes(self, value: bytes) -> Any:
        if self._left is not None and len(value) > SHORT_BYTES:
            raise _Unmarked
        return {"$bytes": _base64(value)}

    def _bytearray(self, value: bytearray) -> Any:
        self._once(value)
        if self._left is not None and len(value) > SHORT_BYTES:
            raise _Unmarked
        return {"$bytearray": _base64(value)}

    def _range(self, value: range) -> Any:
        return {"$range": [value.start, value.stop, value.step]}


_MARKERS: Final[dict[type, Callable[[_Marker, Any], Any]]] = {
    str: _Marker._str,  # noqa: SLF001 - a table of its own methods, as all these are
    float: _Marker._float,  # noqa: SLF001
    complex: _Marker._complex,  # noqa: SLF001
    list: _Marker._list,  # noqa: SLF001
    tuple: _Marker._tuple,  # noqa: SLF001
    dict: _Marker._dict,  # noqa: SLF001
    set: _Marker._set,  # noqa: SLF001
    frozenset: _Marker._frozenset,  # noqa: SLF001
    bytes: _Marker._bytes,  # noqa: SLF001
    bytearray: _Marker._bytearray,  # noqa: SLF001
    range: _Marker._range,  # noqa: SLF001
}


def _is_text(text: str) -> bool:
    """Tell whether a text can be written in UTF-8."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_key(text: str) -> bool:
    return not text.startswith(_MARK) and _is_text(text)


def _mark_named(kind: type, value: Any) -> Any:
    """Mark a value of a type of the standard library that this process has imported."""
    name = kind.__name__
    writer = _NAMED.get(name)
    if writer is None:
        raise _Unmarked
    module, mark, write = writer
    home = sys.modules.get(module)
    if home is None or getattr(home, name, None) is not kind:
        raise _Unmarked
    return {mark: write(value)}


def _moment(value: Any) -> str:
    from datetime import UTC

    if value.fold or value.tzinfo not in {None, UTC}:
        raise _Unmarked
    return str(value.isoformat())


def _uuid(value: Any) -> str:
    if value.is_safe.value is not None:
        raise _Unmarked
    return str(value.hex)


def _failure(value: Any) -> dict[str, str]:
    told = vars(value)
    if told.keys() != {"type", "exception", "stacktrace"} or value.args:
        raise _Unmarked
    if any(type(text) is not str for text in told.values()):
        raise _Unmarked
    # A message may hold what is no text; it is there to be read by people.
    return {key: text.encode(errors="replace").decode() for key, text in told.items()}


_NAMED: Final[dict[str, tuple[str, str, Callable[[Any], Any]]]] = {
    "datetime": ("datetime", "$datetime", _moment),
    "date": ("datetime", "$date", lambda value: value.isoformat()),
    "time": ("datetime", "$time", _moment),
    "timedelta": (
        "datetime",
        "$timedelta",
        lambda value: [value.days, value.seconds, value.microseconds],
    ),
    "Decimal": ("decimal", "$decimal", str),
    "Fraction": ("fractions", "$fraction", lambda value: [value.numerator, value.denominator]),
    "UUID": ("uuid", "$uuid", _uuid),
    "PosixPath": ("pathlib", "$path", str),
    "MetaflowExceptionWrapper": ("metaflow.errors.task", "$failure", _failure),
}
"""By name of the type: where it must be, its mark, and what is written."""


def _unmark(found: dict[str, Any]) -> Any:
    if len(found) != 1:
        return found
    ((mark, content),) = found.items()
    if not mark.startswith(_MARK):
        return found
    reader = _READERS.get(mark)
    if reader is None:
        raise ValueError(f"its mark `{mark}` is unknown to this version")
    return reader(content)


def _base64(data: bytes | bytearray) -> str:
    from binascii import b2a_base64

    return b2a_base64(data, newline=False).decode()


def _unbase64(text: str) -> bytes:
    from binascii import a2b_base64

    return a2b_base64(text)


def _read_dated(name: str) -> Callable[[Any], Any]:
    def read(content: Any) -> Any:
        import datetime as dt

        if name == "timedelta":
            return dt.timedelta(*content)
        return getattr(dt, name).fromisoformat(content)

    return read


def _read_of_numpy(content: Any) -> Any:
    import numpy as np

    dtype, plain = content
    return np.dtype(dtype).type(plain)


def _read_number(module: str, name: str) -> Callable[[Any], Any]:
    def read(content: Any) -> Any:
        from importlib import import_module

        arguments = content if isinstance(content, list) else [content]
        return getattr(import_module(module), name)(*arguments)

    return read


def _read_failure(content: dict[str, str]) -> Any:
    from metaflow.errors.task import MetaflowExceptionWrapper

    failure = MetaflowExceptionWrapper()
    failure.type = content["type"]
    failure.exception = content["exception"]
    failure.stacktrace = content["stacktrace"]
    return failure


_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "$str": lambda content: _unbase64(content).decode("utf-8", "surrogatepass"),
    "$float": float,
    "$complex": lambda content: complex(*content),
    "$tuple": tuple,
    "$dict": dict,
    "$set": set,
    "$frozenset": frozenset,
    "$bytes": _unbase64,
    "$bytearray": lambda content: bytearray(_unbase64(content)),
    "$range": lambda content: range(*content),
    "$datetime": _read_dated("datetime"),
    "$date": _read_dated("date"),
    "$time": _read_dated("time"),
    "$timedelta": _read_dated("timedelta"),
    "$decimal": _read_number("decimal", "Decimal"),
    "$fraction": _read_number("fractions", "Fraction"),
    "$uuid": _read_number("uuid", "UUID"),
    "$numpy": _read_of_numpy,
    "$path": _read_number("pathlib", "Path"),
    "$failure": _read_failure,
}
