"""The sources that a run was started from, when it has packed them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from tarfile import TarFile
    from tempfile import TemporaryDirectory

PACKAGE: Final = "code-package"
"""Fact of a run or task that holds where its package is, as a JSON object."""

OWN_PREFIXES: Final = (".mf_code/", ".mf_meta/", ".mf_install")
"""Members of a package that are not the user's."""


class MetaflowCode:
    """A code package: a gzip tar of the user's sources and what they ran with.

    Parameters
    ----------
    path : str
        Where the package is.
    """

    __slots__ = ("_info", "path")

    def __init__(self, path: str) -> None:
        self.path: Final = path
        self._info: dict[str, Any] | None = None

    @property
    def tarball(self) -> TarFile:
        """The package, open for reading."""
        import tarfile

        return tarfile.open(self.path, "r:gz")

    @property
    def info(self) -> dict[str, Any]:
        """The environment in which the package was made."""
        if self._info is None:
            self._info = json.loads(self._member(".mf_meta/INFO"))
        return self._info

    @property
    def script_name(self) -> str:
        """Name of the flow's file."""
        return str(self.info["script"])

    @property
    def flowspec(self) -> str:
        """Source of the flow's file."""
        return self._member(self.script_name).decode()

    def extract(self) -> TemporaryDirectory[str]:
        """Unpack the user's files.

        Returns
        -------
        TemporaryDirectory
            Holds the files; they go when it does.
        """
        from tempfile import TemporaryDirectory

        directory = TemporaryDirectory()
        with self.tarball as package:
            members = [one for one in package if not one.name.startswith(OWN_PREFIXES)]
            package.extractall(directory.name, members, filter="data")
        return directory

    def __repr__(self) -> str:
        return f"<MetaflowCode: {self.script_name}>"

    def _member(self, name: str) -> bytes:
        with self.tarball as package:
            member = package.extractfile(name)
            assert member is not None, "sources and descriptions are plain files"
            return member.read()


def code_of(facts: Mapping[str, Any]) -> MetaflowCode | None:
    """Find the code package that the facts of a run or task name."""
    text = facts.get(PACKAGE)
    return MetaflowCode(json.loads(text)["location"]) if text else None
