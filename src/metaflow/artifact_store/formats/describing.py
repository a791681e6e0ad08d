"""What is told of a value without loading it: its shape, its columns, how long it is.

Never what it holds: names of columns are told, cells are not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ROOM: Final = 150
"""So many characters are for the names and types of columns."""

_LENGTHY: Final = frozenset((str, bytes, bytearray, list, tuple, dict, set, frozenset, range))
_SHAPED: Final = frozenset(("numpy", "pandas", "polars", "pyarrow", "scipy", "torch"))
"""Libraries whose values may be asked for their shape: that runs no code of the user."""


def type_name(value: object) -> str:
    """Return the qualified name of a value's type."""
    cls = type(value)
    return f"{cls.__module__}.{cls.__qualname__}"


def about_columns(value: Any) -> dict[str, Any] | None:
    """Tell the shape of a table, and the names and types of its first columns."""
    try:
        told: dict[str, Any] = {"shape": [int(side) for side in value.shape]}
        columns = _columns(value)
    except Exception:  # a description is worth no failure
        return None
    shown = told_pairs(columns)
    return {**told, "columns": shown} if shown else told


def told_pairs(pairs: Iterable[tuple[str, str]]) -> list[list[str]]:
    """List the first of some names and types, as many as there is room for."""
    room = _ROOM
    shown = []
    for name, kind in pairs:
        room -= len(name) + len(kind) + 6
        if room < 0:
            break
        shown.append([name, kind])
    return shown


def _columns(value: Any) -> Iterator[tuple[str, str]]:
    schema = getattr(value, "schema", None)
    if getattr(value, "ndim", 2) == 1:
        return iter([(str(value.name), str(value.dtype))])
    if schema is None:  # pandas
        pairs = zip(value.columns, value.dtypes, strict=True)
    elif hasattr(schema, "types"):  # Arrow
        pairs = zip(schema.names, schema.types, strict=True)
    else:
        pairs = zip(schema.keys(), schema.values(), strict=True)
    return ((str(name), str(dtype)) for name, dtype in pairs)


def about_pickled(value: Any) -> dict[str, Any] | None:
    """Tell what is known of a value that has no format of its own."""
    kind = type(value)
    if kind in _LENGTHY:
        return {"len": len(value)}
    if kind.__module__.partition(".")[0] not in _SHAPED:
        return None
    if hasattr(value, "columns"):
        return about_columns(value)
    try:
        about: dict[str, Any] = {"shape": [int(side) for side in value.shape]}
        dtype = getattr(value, "dtype", None)
        if dtype is not None:
            about["dtype"] = str(dtype)
    except Exception:  # a description is worth no failure
        return None
    return about
