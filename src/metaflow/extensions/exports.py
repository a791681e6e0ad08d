"""What extension packages make of the package's own names: `from metaflow import theirs`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from metaflow import registry
from metaflow.authoring.step_decorators import DecoratorSyntax
from metaflow.extensions import loading


def install() -> Callable[[str], Any]:
    """Offer what extension packages add to whoever asks for it; return `export`."""
    loading.install()
    return export


def export(name: str) -> Any:
    """Return what extensions have put under a public name; None when they have not.

    Raises
    ------
    ExtensionBroken
        They have, but it cannot be imported.
    """
    extensions = registry.added.extensions
    if extensions is None:
        return None
    values = extensions.values("toplevel")
    if name in values:
        return values[name]
    make = extensions.plugins("toplevel").get(name)
    if make is not None:
        return make()
    make = extensions.plugins("step_decorator").get(name)
    if make is not None:
        return DecoratorSyntax(make())
    make = extensions.plugins("flow_decorator").get(name)
    if make is not None:
        from metaflow.authoring.flow_decorators import FlowDecoratorSyntax

        return FlowDecoratorSyntax(make())
    return None
