"""Which nested value makes an artifact unpicklable, found by pickling its pieces alone."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from metaflow.artifact_store.pickling import Chunk

_MAX_DEPTH: Final = 16
_MAX_CHILDREN: Final = 1000
_MAX_BYTES: Final = 16 << 20


class _TooLarge(Exception):
    """A piece is too large to be tried."""


class _Discard:
    """A sink that keeps nothing and gives up after some bytes."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = _MAX_BYTES

    def write(self, chunk: Chunk) -> None:
        self._left -= len(memoryview(chunk).cast("B"))
        if self._left < 0:
            raise _TooLarge


def find_unpicklable(name: str, value: object) -> str | None:
    """Return an expression for the innermost value that cannot be pickled.

    Parameters
    ----------
    name : str
        Name of the artifact.
    value : object
        Its value, which is known not to pickle.

    Returns
    -------
    str | None
        For example `self.model.cache['lock']`; None when it is the value itself or cannot
        be found with little work.
    """
    path = start = f"self.{name}"
    for _ in range(_MAX_DEPTH):
        failing = next(
            (
                (suffix, child)
                for suffix, child in islice(_children(value), _MAX_CHILDREN)
                if not _pickles(child)
            ),
            None,
        )
        if failing is None:
            break
        path += failing[0]
        value = failing[1]
    return None if path == start else path


def _children(value: object) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, child in value.items():
            yield f"[{key!r}]", child
    elif isinstance(value, list | tuple):
        for position, child in enumerate(value):
            yield f"[{position}]", child
    attributes = getattr(value, "__dict__", None)
    # A flow refuses as a whole, whatever is in it.
    is_flow = isinstance(attributes, dict) and "__state__" in attributes
    if isinstance(attributes, dict) and not isinstance(value, type) and not is_flow:
        for attribute, child in list(attributes.items()):
            yield f".{attribute}", child


def _pickles(value: object) -> bool:
    try:
        pickle.Pickler(_Discard(), 5, buffer_callback=lambda _: False).dump(value)
    except _TooLarge:
        return True
    except Exception:
        return False
    return True
