"""Which attributes a flow class has been given beyond what its author wrote.

Composing a flow changes its steps' decorators and its parameters. These changes are laid over
the one class that is composed: what other classes inherit, and what a later composition
starts from, is what the author wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

NAME: Final = "__overlay__"
ABSENT: Final = object()
"""Stands for an attribute that the class did not have."""


def declared(cls: type) -> Mapping[str, Any]:
    """List the attributes of one class, without its bases, as its author wrote them."""
    changes: dict[str, Any] | None = vars(cls).get(NAME)
    if not changes:
        return vars(cls)
    attributes = {name: changes.get(name, value) for name, value in vars(cls).items()}
    return {name: value for name, value in attributes.items() if value is not ABSENT}


def visible(flow: type) -> dict[str, Any]:
    """List the attributes of a flow and its bases, as composed for this flow.

    Parameters
    ----------
    flow : type
        The flow class.

    Returns
    -------
    dict
        Values by name, in the order of definition, those of base classes first.
    """
    found: dict[str, Any] = {}
    for base in reversed(flow.__mro__):
        for name, value in declared(base).items():
            found.pop(name, None)
            found[name] = value
    for name in vars(flow).get(NAME, ()):
        found[name] = vars(flow)[name]
    return found


def put(flow: type, name: str, value: Any) -> None:
    """Give a flow class an attribute that `restore` takes away again."""
    changes: dict[str, Any] | None = vars(flow).get(NAME)
    if changes is None:
        changes = {}
        type.__setattr__(flow, NAME, changes)
    changes.setdefault(name, vars(flow).get(name, ABSENT))
    type.__setattr__(flow, name, value)


def restore(flow: type) -> None:
    """Make a flow class what its author wrote."""
    changes: dict[str, Any] = vars(flow).get(NAME) or {}
    for name, value in changes.items():
        if value is ABSENT:
            type.__delattr__(flow, name)
        else:
            type.__setattr__(flow, name, value)
    changes.clear()
