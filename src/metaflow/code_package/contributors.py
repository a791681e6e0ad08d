"""Who adds to a package: decorators and mutators, and modules that ask to be packed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from metaflow.authoring.steps import step_functions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

POLICY: Final = "METAFLOW_PACKAGE_POLICY"
"""A module that sets this to `include` is packed wherever it is."""

LIBRARY: Final = "metaflow"
DECORATOR_LISTS: Final = ("__flow_decorators__", "__mutators__")
"""Attributes of a flow that hold what stands above its class."""


def contributors_to(flow: type) -> tuple[list[Any], dict[str, ModuleType]]:
    """Find out who adds to the package of a flow.

    Parameters
    ----------
    flow : type
        The flow class, with all decorators attached.

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
        if callable(getattr(decorator, "add_to_package", None)):
            adding.append(decorator)
    return adding, modules


def decorators_of(flow: type) -> Iterator[Any]:
    """Go through everything that stands above a flow's class or one of its steps."""
    for attribute in DECORATOR_LISTS:
        yield from getattr(flow, attribute, ())
    for _, function in step_functions(flow):
        yield from function.decorators


def _top_module(decorator: Any) -> ModuleType | None:
    """Find the outermost package of the user's that a decorator is defined in.

    None for decorators of the framework and of the flow's own file.
    """
    definition = getattr(decorator, "definition", decorator)
    name = getattr(definition, "__module__", None) or type(definition).__module__
    top = str(name).partition(".")[0]
    return None if top in {LIBRARY, "__main__", "builtins"} else sys.modules.get(top)
