"""How contents become the bytes of a package, with the descriptions that go with them."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

from metaflow.code_package.archive import pack
from metaflow.code_package.contents import INSTALL, LAYOUT, META, Contents, Made
from metaflow.code_package.environment import as_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OWNER = "the framework"


def add_descriptions(
    contents: Contents, info: Mapping[str, Any], configs: Mapping[str, Any]
) -> None:
    """Add the files that describe a package: environment, configs and layout."""
    contents.add_made(Made(f"{META}/INFO", as_json(info), OWNER))
    contents.add_made(Made(f"{META}/CONFIG", as_json(configs), OWNER))
    contents.add_made(Made(INSTALL, json.dumps(LAYOUT).encode(), OWNER))


def make_package(contents: Contents, within_s: float | None = None) -> tuple[bytes, bool]:
    """Read and compress all files.

    Parameters
    ----------
    contents : Contents
        What to pack.
    within_s : float, optional
        Give up after so many seconds.

    Returns
    -------
    tuple of bytes and bool
        The package, and whether all files were still as they had been found.

    Raises
    ------
    PackageTimeout
        It took too long.
    OSError
        A file cannot be read.
    """
    reader = _Reader(contents, within_s)
    return pack(reader.files()), reader.unchanged


class _Reader:
    __slots__ = ("_contents", "_deadline", "_within_s", "unchanged")

    def __init__(self, contents: Contents, within_s: float | None) -> None:
        self._contents = contents
        self._within_s = within_s
        self._deadline = None if within_s is None else time.monotonic() + within_s
        self.unchanged = True

    def files(self) -> Iterator[tuple[str, bytes, bool]]:
        for name in self._contents.names():
            if self._deadline is not None and time.monotonic() > self._deadline:
                from metaflow.errors.package import PackageTimeout

                raise PackageTimeout(self._within_s or 0.0)
            made = self._contents.made.get(name)
            if made is not None:
                yield name, made.data, False
                continue
            found = self._contents.files[name]
            with open(found.path, "rb", buffering=0) as file:
                data = file.readall()
                status = os.fstat(file.fileno())
            if (status.st_size, status.st_mtime_ns) != (found.size, found.mtime_ns):
                self.unchanged = False
            yield name, data, found.executable
