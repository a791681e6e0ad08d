"""Which implementations installed distributions offer, found by their entry points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUPS: Final = {
    "flow_decorator": "metaflow.flow_hook",
    "serializer": "metaflow.serializer",
    "step_decorator": "metaflow.step_hook",
}
"""Kind of implementation -> group of entry points."""


def offered(kind: str) -> dict[str, EntryPoint]:
    """List what is offered of a kind, by name; asking takes some milliseconds."""
    group = GROUPS.get(kind)
    if group is None:
        return {}
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=group)}


def load(kind: str, name: str) -> Any:
    """Import what a distribution offers under a name.

    Raises
    ------
    KeyError
        Nobody offers that.
    """
    return offered(kind)[name].load()
