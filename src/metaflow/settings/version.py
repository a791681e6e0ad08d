"""Which version this is, without the cost of asking the installed package's metadata."""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.1.0"
"""The distribution's version; a test compares it with pyproject.toml."""


def get_version() -> str:
    """Return the version of the installed framework.

    Returns
    -------
    str
        Such as `0.1.0`.
    """
    return VERSION
