"""How a module of an extension is imported under a name of ours.

`import metaflow.plugins.x` gives the extension's module; the one that would be there without
it, if any, is `metaflow.plugins.x._orig`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

ORIGINAL = "._orig"
PROMOTED = "__mf_promote_submodules__"


def promoted_by_source(name: str) -> list[str]:
    """Read which modules a module promotes from its source, so that it need not be imported.

    Parameters
    ----------
    name : str
        Full name of the module.
    """
    import ast
    from importlib.util import find_spec

    try:
        spec = find_spec(name)
    except ImportError:
        return []
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return []
    with open(spec.origin, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == PROMOTED:
            return [str(entry) for entry in ast.literal_eval(node.value)]
    return []


class PromotedModules(MetaPathFinder):
    """Finds modules by the names that extensions have claimed.

    Parameters
    ----------
    aliases : mapping of str to str
        Full name of ours -> full name of the extension's module.
    """

    def __init__(self, aliases: Mapping[str, str]) -> None:
        self._aliases = dict(aliases)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Find a module that an extension stands behind, or that it has replaced."""
        del path, target
        claimed = fullname.removesuffix(ORIGINAL)
        if claimed != fullname and claimed in self._aliases:
            parent = sys.modules[claimed.rpartition(".")[0]]
            spec = PathFinder.find_spec(claimed, parent.__path__)
            if spec is None or spec.origin is None:
                return None
            from importlib.util import spec_from_file_location

            return spec_from_file_location(
                fullname,
                spec.origin,
                submodule_search_locations=spec.submodule_search_locations,
            )
        for ours, theirs in self._aliases.items():
            if fullname == ours or fullname.startswith(f"{ours}."):
                return ModuleSpec(fullname, _Alias(theirs + fullname[len(ours) :]))
        return None


class _Alias(Loader):
    """Gives the module that is imported under another name already."""

    def __init__(self, name: str) -> None:
        self._name = name

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(self._name)
        if not hasattr(module, "__path__"):
            # What it has replaced is imported as a part of it.
            module.__path__ = []
        # The module keeps its own name and place; see `exec_module`.
        self._own = module.__spec__, module.__loader__, module.__package__
        del spec
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__, module.__loader__, module.__package__ = self._own
