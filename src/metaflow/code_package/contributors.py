"""Who adds to a package: decorators and mutators, and modules that ask to be packed."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final

from metaflow.authoring.steps import step_functions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

POLICY: Final = "METAFLOW_PACKAGE_POLICY"
"""A module that sets this to `include` is packed wherever it is."""

LIBRARY: Final = "metaflow"
NOTHING_ADDED: Final = frozenset(
    {"metaflow.authoring.custom_base", "metaflow.decorators.plugin_steps"}
)
"""Modules whose `add_to_package` is there to be overridden and adds nothing."""


def contributors_to(flow: type, folder: str) -> tuple[list[Any], dict[str, ModuleType]]:
    """Find out who adds to the package of a flow.

    Parameters
    ----------
    flow : type
        The flow class, with all decorators attached.
    folder : str
        Folder of the flow's file; modules below it are packed anyway.

    Returns
    -------
    tuple of list and dict
        Decorators and mutators that have a method `add_to_package`; and by name the modules
        that define those of the flow, or that set the policy.
    """
    adding = []
    modules = {
        name: module
        for name, module in list(sys.modules.items())
        if getattr(module, "__dict__", {}).get(POLICY) == "include"
    }
    for decorator in decorators_of(flow):
        home = _top_module(decorator)
        if home is not None:
            modules[home.__name__] = home
        add = getattr(decorator, "add_to_package", None)
        if callable(add) and getattr(add, "__module__", "") not in NOTHING_ADDED:
            adding.append(decorator)
    inside = os.path.join(folder, "")
    return adding, {
        name: module
        for name, module in modules.items()
        if not (getattr(module, "__file__", None) or "").startswith(inside)
    }


def decorators_of(flow: type) -> Iterator[Any]:
    """Go through everything that stands above a flow's class or one of its steps."""
    # A flow can have none if nobody has ever asked for the modules.
    mutation: Any = sys.modules.get("metaflow.authoring.mutation")
    above: Any = sys.modules.get("metaflow.authoring.flow_decorators")
    yield from () if mutation is None else mutation.flow_mutators(flow)
    yield from () if above is None else above.flow_decorators(flow)
    for _, function in step_functions(flow):
        for decorator in function.decorators:
            # What a user wrote stands behind an adapter.
            yield getattr(decorator, "custom", decorator)


def _top_module(decorator: Any) -> ModuleType | None:
    """Find the outermost package of the user's that a decorator is defined in.

    None for decorators of the framework and of the flow's own file.
    """
    top = str(type(decorator).__module__).partition(".")[0]
    return None if top in {LIBRARY, "__main__", "builtins"} else sys.modules.get(top)
