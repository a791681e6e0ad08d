"""The path of what talks to other systems: `metaflow.integrations`; extensions add to it."""

from typing import Any

from metaflow import registry
from metaflow.publishing.argo import ArgoEvent

__all__ = ["ArgoEvent"]


def __getattr__(name: str) -> Any:
    """Import what an extension offers under this name, when it is first asked for."""
    extensions = registry.added.extensions
    make = None if extensions is None else extensions.values("alias").get(name)
    if make is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return make()
