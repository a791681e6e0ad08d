"""What decorators, mutators and modules add to a package, beyond the files below the flow's."""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from metaflow.code_package.content_type import FOLDERS, ContentType
from metaflow.code_package.contents import CODE, Contents, Made
from metaflow.code_package.finding import Found, find_files
from metaflow.errors.package import PackageEntryInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PAIR, TRIPLE = 2, 3


def add_contributions(
    contents: Contents,
    decorators: Sequence[Any],
    modules: Mapping[str, ModuleType],
    folder: str,
    suffixes: Sequence[str],
) -> None:
    """Add the files that a flow's decorators and mutators ask for, and the modules of both.

    Parameters
    ----------
    contents : Contents
        What the package has so far.
    decorators : sequence
        They have a method `add_to_package`.
    modules : mapping of str to module
        They define decorators of the flow, or ask to be packed; by name.
    folder : str
        Folder of the flow's file; modules below it are packed already.
    suffixes : sequence of str
        Which files of a package of modules belong to it.

    Raises
    ------
    PackageEntryInvalid
        An `add_to_package` yields something else than it may.
    NonUniqueFileNameToFilePathMappingException
        Two different files are to have one name.
    """
    for decorator in decorators:
        owner = getattr(decorator, "name", None) or type(decorator).__name__
        for entry in decorator.add_to_package() or ():
            _add_entry(contents, str(owner), entry, suffixes)
    for name in sorted(modules):
        add_module(contents, name, modules[name], suffixes, outside=folder)


def add_module(
    contents: Contents,
    name: str,
    module: ModuleType,
    suffixes: Sequence[str],
    *,
    outside: str = "",
) -> None:
    """Add the files of a module, or of a package with all below it.

    Parameters
    ----------
    contents : Contents
        Where to.
    name : str
        Full name of the module.
    module : module
        The module.
    suffixes : sequence of str
        Which files of a package belong to it.
    outside : str, optional
        Leave out what is below this folder.
    """
    place = f"{CODE}/{name.replace('.', '/')}"
    folders = list(getattr(module, "__path__", ()))
    if folders:
        for folder in folders:
            if not _is_below(folder, outside):
                for found in find_files(os.path.abspath(folder), suffixes):
                    contents.add_file(found.renamed(f"{place}/{found.name}"))
    else:
        path = getattr(module, "__file__", None)
        if path and not _is_below(path, outside):
            _add_path(contents, place + os.path.splitext(path)[1], os.path.abspath(path))
    _add_parents(contents, name, outside)


def _add_parents(contents: Contents, name: str, outside: str) -> None:
    """Add what makes the packages around a module importable."""
    while "." in name:
        name = name.rpartition(".")[0]
        path = getattr(sys.modules.get(name), "__file__", None)
        if path and not _is_below(path, outside):
            _add_path(contents, f"{CODE}/{name.replace('.', '/')}/__init__.py", path)


def _add_entry(contents: Contents, owner: str, entry: Any, suffixes: Sequence[str]) -> None:
    if not isinstance(entry, tuple) or len(entry) not in {PAIR, TRIPLE}:
        raise PackageEntryInvalid(owner, entry, "it is no tuple of two or three parts")
    what, name, *rest = entry
    kind = rest[0] if rest else ContentType.CODE_CONTENT
    if not isinstance(kind, ContentType):
        raise PackageEntryInvalid(owner, entry, "its third part is no `ContentType`")
    if kind is ContentType.MODULE_CONTENT or isinstance(what, ModuleType):
        if not isinstance(what, ModuleType):
            raise PackageEntryInvalid(owner, entry, "its first part is no module")
        add_module(contents, what.__name__, what, suffixes)
        return
    if not isinstance(name, str) or _leaves(name):
        raise PackageEntryInvalid(owner, entry, "its second part is no relative path")
    place = FOLDERS[kind] + os.path.normpath(name).replace(os.sep, "/")
    if isinstance(what, bytes):
        contents.add_made(Made(place, what, owner))
    elif isinstance(what, str) and os.path.isfile(what):
        _add_path(contents, place, os.path.abspath(what))
    else:
        raise PackageEntryInvalid(owner, entry, "there is no such file")


def _leaves(name: str) -> bool:
    parts = os.path.normpath(name).split(os.sep)
    return not name or os.path.isabs(name) or parts[0] in {"..", "."}


def _add_path(contents: Contents, name: str, path: str) -> None:
    contents.add_file(Found(name, path, os.stat(path)))


def _is_below(path: str, folder: str) -> bool:
    if not folder:
        return False
    real, top = os.path.realpath(path), os.path.realpath(folder)
    return real == top or real.startswith(top + os.sep)
