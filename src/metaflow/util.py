"""The older path of small functions that programs have come to use: `metaflow.util`."""

from __future__ import annotations

from typing import Any, TypeGuard

from metaflow.graph.description import plain
from metaflow.settings import identity
from metaflow.settings.load import load_settings

__all__ = ["get_username", "is_stringish", "resolve_identity", "to_pod"]


def is_stringish(value: Any) -> TypeGuard[str | bytes]:
    """Tell whether a value is text or bytes."""
    return isinstance(value, str | bytes)


def to_pod(value: Any) -> Any:
    """Reduce a value to plain data: callables to their names, other objects to text."""
    return plain(value)


def get_username() -> str | None:
    """Name of the user of this process, or None when nothing tells it."""
    return identity.get_username(load_settings())


def resolve_identity() -> str:
    """Identity that tags runs, `user:<name>` or `production:<token>`.

    Raises
    ------
    MetaflowUnknownUser
        Nothing tells who the user is.
    """
    return identity.resolve_identity(load_settings())
