"""Reads the framework's own notes out of pickles without running anything that they name.

Older versions have pickled flags, transitions and stacks of foreachs beside the user's values.
An index needs these few, and must not import a user's classes for them: each class that a
pickle names becomes a `Stand`, which only remembers what it was given.
"""

from __future__ import annotations

import io
import pickle
from typing import Any


class Stand:
    """What stands for an object of any class: the arguments it was made with, and its state."""

    __slots__ = ("args", "state")

    args: tuple[Any, ...]
    state: Any

    def __new__(cls, *args: Any) -> Stand:  # noqa: PYI034 - pickles call it with a class of their own
        """Remember the arguments, whatever they are."""
        stand = object.__new__(Stand)
        stand.args = args
        stand.state = {}
        return stand

    def __setstate__(self, state: Any) -> None:
        """Remember the state."""
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        """Take an item of a mapping; nobody asks for it."""

    def append(self, value: Any) -> None:
        """Take an item of a list; nobody asks for it."""


class _Reader(pickle.Unpickler):
    def find_class(self, _module: str, _name: str) -> Any:
        return Stand


def read_plain(data: bytes) -> Any:
    """Unpickle plain data; objects in it become `Stand`s.

    Parameters
    ----------
    data : bytes
        The pickle.

    Returns
    -------
    object
        The value.

    Raises
    ------
    ValueError
        It is no pickle that can be read like this.
    """
    try:
        return _Reader(io.BytesIO(data)).load()
    except Exception as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
