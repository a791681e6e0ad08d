"""The names of encodings, and how a value that is stored in one of them is addressed."""

from __future__ import annotations

from typing import Final

from metaflow.artifact_store.hashing import digest_of_parts

PICKLE: Final = "pickle5"
"""Pickle protocol 5, out-of-band buffers in parts of their own."""

JSON: Final = "json"
"""JSON in UTF-8."""

MARKED: Final = "json-marked"
"""JSON in which objects with one key, such as `$tuple`, stand for what JSON does not have."""

BYTES: Final = "bytes"
BYTEARRAY: Final = "bytearray"
TEXT: Final = "text"
"""The value's bytes as they are; for text, the name of its character encoding follows a colon."""

UTF_8: Final = "text:utf-8"

NPY: Final = "npy"
NPY_READ_ONLY: Final = "npy:read-only"
NPY_SCALAR: Final = "npy:scalar"
NPY_LIST: Final = "npy:list"
"""A file of numpy, cut behind its header: an array, a scalar of numpy, a list of numbers."""

ARROW: Final = "arrow"
"""A schema of Arrow, then buffers; what was a table follows a colon."""

SAFETENSORS: Final = "safetensors"
"""A dictionary of arrays of numpy, cut between them."""

_SELF_DESCRIBING: Final = frozenset((PICKLE, JSON, NPY))
"""No two different values have the same bytes, in whichever of these they are stored."""


def address(encoding: str, digests: list[str]) -> str:
    """Return the digest of a value by the digests of its parts.

    Parameters
    ----------
    encoding : str
        How it is stored.
    digests : list of str
        Those of its parts, in order.
    """
    if len(digests) == 1 and encoding in _SELF_DESCRIBING:
        return digests[0]
    return digest_of_parts(encoding, digests)
