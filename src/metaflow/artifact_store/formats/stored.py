"""What a format tells of a value that it has put into a batch."""

from __future__ import annotations

from typing import Any, TypeAlias

Stored: TypeAlias = tuple[str, list[str], int, dict[str, Any] | None]
"""The encoding, the digests of all parts, how many of them are the stream, and what is told
of the value to those who do not load it."""
