"""The only three ambient values: the running task, the namespace, the metadata choice.

They are process-wide on purpose: a user who sets a namespace in a notebook expects threads
to see it. Only the public API reads them; the engine and the stores are handed what they
need.
"""

from __future__ import annotations

from typing import Any, Final


class Unset:
    """Type of the marker for «nobody has chosen yet»."""


UNSET: Final = Unset()


class Ambient:
    """Holder of the three values; the module has one instance, `ambient`."""

    __slots__ = ("current", "metadata", "namespace")

    def __init__(self) -> None:
        self.current: dict[str, Any] | None = None
        """What `metaflow.current` shows; None outside a running flow."""
        self.namespace: str | Unset | None = UNSET
        """A tag that filters the client, None for everything, UNSET for the default."""
        self.metadata: str | Unset = UNSET
        """`type@info` of the metadata store that the client reads, UNSET for the default."""


ambient: Final = Ambient()
