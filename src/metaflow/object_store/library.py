"""The library that talks to clouds: loaded when a cloud is used, anew after a fork.

Once the library has worked, threads of its own run, which a fork does not copy. A child that
used it as it is would wait forever, or disturb its parent, with which it shares the kernel's
object that its sockets are registered with. A second copy of the same file, however, is a
library of its own to the loader: with its own state, and threads in the process that it is
in. It takes 15 ms.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from threading import Lock
from typing import Any, Final

from metaflow.errors.object_store import ObjectLibraryMissing

NAME: Final = "obstore"
NATIVE: Final = "_obstore"
"""Name of the compiled part, which is all that we use: the rest is 20 ms of Python."""
FULL_NAME: Final = f"{NAME}.{NATIVE}"


class Library:
    """The compiled library as this process may use it; the module has one instance."""

    __slots__ = ("_ahead", "_kept", "_lock", "_module", "_pid")

    def __init__(self) -> None:
        self._lock = Lock()
        """Held while the library is loaded: it can't be loaded twice at the same time."""
        self._ahead: Any = None
        """Loaded, and not used yet."""
        self._module: Any = None
        self._pid = 0
        """The process that has used the module."""
        self._kept: list[Any] = []
        """What belongs to a parent's copy: it is never touched again, nor taken apart."""

    def use(self, url: str, extra: str) -> Any:
        """Return the library for this process.

        Parameters
        ----------
        url : str
            What it is needed for.
        extra : str
            The extra of our distribution that brings it.

        Raises
        ------
        ObjectLibraryMissing
            It is not installed, or can't be loaded here.
        """
        if self._pid != os.getpid():
            with self._lock:
                if self._pid != os.getpid():
                    self._load(url, extra)
        return self._module

    def load_ahead(self) -> None:
        """Load the compiled part and use nothing of it: children that are forked then have it."""
        with suppress(ImportError, OSError):  # whoever uses it is told
            if FULL_NAME not in sys.modules:
                self._ahead = _load(_path_of_native())

    def _load(self, url: str, extra: str) -> None:
        try:
            path = _path_of_native()
            # What somebody else has loaded may have been used before a fork.
            is_fresh = self._module is None and sys.modules.get(FULL_NAME) is self._ahead
            module = _load(path) if is_fresh else _load_copy(path)
        except (ImportError, OSError) as error:
            raise ObjectLibraryMissing(url, extra, str(error)) from error
        self._kept.append(self._module)
        self._module = module
        self._pid = os.getpid()

    def keep(self, belongs_to_parent: object) -> None:
        """Never destroy an object of the copy that the parent process uses."""
        self._kept.append(belongs_to_parent)

    def forked(self) -> None:
        """Forget, in a new child, that another thread of the parent may be loading."""
        self._lock = Lock()


library: Final = Library()
os.register_at_fork(after_in_child=library.forked)


def _path_of_native() -> str:
    spec = find_spec(NAME)
    folders = [] if spec is None else spec.submodule_search_locations or []
    for folder in folders:
        for suffix in EXTENSION_SUFFIXES:
            path = os.path.join(folder, NATIVE + suffix)
            if os.path.exists(path):
                return path
    raise ImportError(f"no module `{NAME}` is installed")


def _load(path: str) -> Any:
    """Load the compiled part as `import obstore` finds it later, should it be imported."""
    loaded = sys.modules.get(FULL_NAME)
    if loaded is None:
        loaded = sys.modules[FULL_NAME] = _module_from(FULL_NAME, path)
    return loaded


def _load_copy(path: str) -> Any:
    """Load the compiled part from a copy, which leaves no trace among the modules."""
    before = {name: sys.modules[name] for name in sys.modules if _is_ours(name)}
    try:
        with _Copy(path) as copy:
            return _module_from(f"{NAME}_{os.getpid()}.{NATIVE}", copy)
    finally:
        for name in [name for name in sys.modules if _is_ours(name)]:
            del sys.modules[name]
        sys.modules.update(before)


def _is_ours(name: str) -> bool:
    return name == NAME or name.startswith(f"{NAME}.")


def _module_from(name: str, path: str) -> Any:
    spec = spec_from_file_location(name, path, loader=ExtensionFileLoader(name, path))
    if spec is None or spec.loader is None:
        raise ImportError(f"`{path}` can't be loaded")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class _Copy:
    """A copy of a file for as long as it is being loaded: in memory, where that can be."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1
        self._file = ""

    def __enter__(self) -> str:
        if hasattr(os, "memfd_create"):
            self._fd = os.memfd_create(NAME)
            path = f"/proc/self/fd/{self._fd}"
        else:
            import tempfile

            self._fd, path = tempfile.mkstemp(suffix=EXTENSION_SUFFIXES[-1])
            self._file = path
        with open(self._path, "rb") as source:
            while piece := source.read(1 << 20):
                os.write(self._fd, piece)
        return path

    def __exit__(self, *_failure: object) -> None:
        os.close(self._fd)
        if self._file:
            os.unlink(self._file)
