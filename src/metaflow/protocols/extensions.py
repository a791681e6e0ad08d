"""What the adapter for extension packages promises to the registry and the older paths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol


class Extensions(Protocol):
    """What all extension packages together add; later ones have the last word."""

    def plugins(self, kind: str) -> Mapping[str, Callable[[], Any] | None]:
        """Implementations of a kind by name, to be made when called; None if switched off."""
        ...

    def values(self, point: str) -> Mapping[str, Any]:
        """Names that extensions define for one of the package's modules.

        Parameters
        ----------
        point : str
            `config`, `exceptions`, `toplevel` or `alias`.
        """
        ...
