"""Which flow a file has: imported in this process, so that its options can be told."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING, Any, Final

from metaflow.authoring.flowspec import FlowSpec
from metaflow.errors.runner import FlowFileNotFound, FlowNotUnique, RunDuringImport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

loaded_modules: Final[dict[str, ModuleType]] = {}
"""Flow files imported so far, by absolute path."""

UNIQUE: Final = "@"
"""In the names of modules that are imported here, and in no others."""

_VERSIONS: Final[dict[str, tuple[int, int]]] = {}
_LOCK: Final = threading.RLock()
_BEING_IMPORTED: Final[dict[int, str]] = {}
"""Thread -> what it imports for the sake of a flow."""


def load_flow(path: str) -> type[FlowSpec]:
    """Import a flow file, unless that was done and it has not changed, and find its flow.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    type of FlowSpec
        The flow class.

    Raises
    ------
    FlowFileNotFound
        There is no such file.
    FlowNotUnique
        It has no flow or several.
    """
    path = os.path.abspath(path)
    try:
        facts = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise FlowFileNotFound(path) from None
    version = facts.st_mtime_ns, facts.st_size
    with _LOCK:
        if _VERSIONS.get(path) != version:
            loaded_modules[path] = _import(path)
            _VERSIONS[path] = version
        return _flow_of(loaded_modules[path], path)


@contextlib.contextmanager
def importing(name: str) -> Iterator[None]:
    """Mark that a module is imported only to find a flow in it."""
    me = threading.get_ident()
    around = _BEING_IMPORTED.get(me)
    _BEING_IMPORTED[me] = name
    try:
        yield
    finally:
        if around is None:
            del _BEING_IMPORTED[me]
        else:
            _BEING_IMPORTED[me] = around


def refuse_during_import() -> None:
    """Refuse to start a flow from a module that is imported to find one.

    Raises
    ------
    RunDuringImport
        Each process of the run would start another run.
    """
    name = _BEING_IMPORTED.get(threading.get_ident())
    if name is not None:
        raise RunDuringImport(name)


def _import(path: str) -> ModuleType:
    folder, file = os.path.split(path)
    # A name that nothing else has: the same file may be imported by its own name as well.
    name = f"{os.path.splitext(file)[0]}{UNIQUE}{len(loaded_modules)}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise FlowNotUnique(path, [])
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        with importing(path), _on_path(folder):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextlib.contextmanager
def beside(flow: type[FlowSpec]) -> Iterator[None]:
    """Let the flow's code import what lies beside its file, as it can in a run."""
    file = getattr(sys.modules.get(flow.__module__), "__file__", None)
    with _LOCK, _on_path(os.path.dirname(os.path.abspath(file)) if file else ""):
        yield


@contextlib.contextmanager
def _on_path(folder: str) -> Iterator[None]:
    if not folder:
        yield
        return
    before = set(sys.modules)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)
        _forget_neighbours(folder, before)


def _forget_neighbours(folder: str, before: set[str]) -> None:
    """Let the next flow file import its own module of a name that this one's folder has."""
    homes = {top: _home_of(top) for top in {name.partition(".")[0] for name in sys.modules}}
    for name in set(sys.modules) - before:
        top = name.partition(".")[0]
        if top not in before and homes[top] == folder and UNIQUE not in top:
            del sys.modules[name]


def _home_of(top: str) -> str | None:
    """Directory in which a top-level module or package lies."""
    file: str | None = getattr(sys.modules.get(top), "__file__", None)
    if file is None:
        return None
    folder, base = os.path.split(file)
    return os.path.dirname(folder) if base == "__init__.py" else folder


def _flow_of(module: ModuleType, path: str) -> type[FlowSpec]:
    flows: dict[Any, None] = {
        value: None
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, FlowSpec) and value is not FlowSpec
    }
    own = [flow for flow in flows if flow.__module__ == module.__name__]
    candidates = own or list(flows)
    # What another one inherits from is a part of that one.
    leaves = [
        flow
        for flow in candidates
        if not any(other is not flow and issubclass(other, flow) for other in candidates)
    ]
    if len(leaves) != 1:
        raise FlowNotUnique(path, [flow.__name__ for flow in leaves])
    found: type[FlowSpec] = leaves[0]
    return found
