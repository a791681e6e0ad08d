"""A program that runs the command line of a flow whose file does not do so by itself.

It imports the module under its own name. Workers that start as fresh interpreters are started
as the same program, with `_worker` as the first argument.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from metaflow import registry
from metaflow.authoring.flowspec import FlowSpec
from metaflow.errors.runner import FlowNotImportable
from metaflow.runner.loading import UNIQUE, importing

if TYPE_CHECKING:
    from types import ModuleType

PROGRAM: Final = "from metaflow.runner.entry import main; main()"


class Target(NamedTuple):
    """Where a flow class is found by another process."""

    folder: str
    """What has to be on the search path for imports."""
    module: str
    file: str
    """The module's file."""
    name: str
    """Qualified name of the class in the module."""


def words_of(flow: type[FlowSpec]) -> list[str]:
    """Words, behind those that start Python, by which a program runs a flow's command line.

    Parameters
    ----------
    flow : type of FlowSpec
        A class at the top level of a module.

    Returns
    -------
    list of str
        Arguments of Python.

    Raises
    ------
    FlowNotImportable
        Another process cannot find the class.
    """
    return ["-c", PROGRAM, *_target_of(flow)]


def _target_of(flow: type[FlowSpec]) -> Target:
    module = sys.modules.get(flow.__module__)
    file = getattr(module, "__file__", None)
    if module is None or file is None:
        raise FlowNotImportable(flow.__name__, "its source is not in a file")
    if _found(module, flow.__qualname__) is not flow:
        raise FlowNotImportable(
            flow.__name__, f"`{flow.__qualname__}` is not a name of module `{flow.__module__}`"
        )
    file = os.path.abspath(file)
    name = _importable_name(module, file)
    folder = os.path.dirname(file)
    if os.path.basename(file) == "__init__.py":
        folder = os.path.dirname(folder)
    for _ in range(name.count(".")):
        folder = os.path.dirname(folder)
    return Target(folder, name, file, flow.__qualname__)


def _importable_name(module: ModuleType, file: str) -> str:
    """Name by which another process imports a module that may be this one's main program."""
    name = module.__name__
    if name == "__main__":
        spec = getattr(module, "__spec__", None)
        name = "" if spec is None else spec.name
    if not name or UNIQUE in name:
        return os.path.splitext(os.path.basename(file))[0]
    return name


def main() -> NoReturn:
    """Be the command line, or a worker, of the flow that the first arguments name."""
    target = Target(*sys.argv[1:5])
    program: Any = sys.modules["__main__"]
    program.__flow_command__ = ["-c", PROGRAM, *target]
    sys.argv = [target.file, *sys.argv[5:]]
    # As if the flow's file were the program; `python -c` begins with the working directory.
    if sys.path[:1] == [""]:
        del sys.path[0]
    sys.path.insert(0, target.folder)
    flow = _load(target)
    face = "worker" if sys.argv[1:2] == ["_worker"] else "command_line"
    registry.load("face", face)(object.__new__(flow), is_last=True)
    sys.exit()


def _load(target: Target) -> type[FlowSpec]:
    with importing(target.file):
        module = import_module(target.module)
    found = getattr(module, "__file__", None)
    if found is None or not os.path.samefile(found, target.file):
        raise FlowNotImportable(
            target.name,
            f"`{target.module}` is the name of another module, `{found}`",
            "give the flow's file a name that no installed module has",
        )
    flow = _found(module, target.name)
    if not (isinstance(flow, type) and issubclass(flow, FlowSpec)):
        raise FlowNotImportable(
            target.name, f"the module `{target.module}` does not define it when it is imported"
        )
    return flow


def _found(module: ModuleType, name: str) -> Any:
    value: Any = module
    for part in name.split("."):
        value = getattr(value, part, None)
    return value
