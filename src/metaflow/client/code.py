"""The sources that a run was started from, when it has packed them."""

from __future__ import annotations

import json
import os
import re
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from metaflow.artifact_store.opening import is_remote

if TYPE_CHECKING:
    from tarfile import TarFile, TarInfo
    from tempfile import TemporaryDirectory

PACKAGE: Final = "code-package"
"""Fact of a run or task that holds where its package is, as a JSON object."""

INFO: Final = ".mf_meta/INFO"
"""Member that describes the environment."""

OWN_PREFIXES: Final = (".mf_code/", ".mf_meta/", ".mf_install")
"""Members of a package that are not the user's."""

OLDER_INFO: Final = "INFO"
"""The same in packages of older versions, which have the library beside the user's files."""

OLDER_PREFIXES: Final = ("metaflow/", "metaflow_extensions/", "INFO", "CONFIG_PARAMETERS")


_OLDER_PLACE: Final = re.compile(r"/data/[0-9a-f]{2}/[0-9a-f]{40}$")
"""Where older versions keep packages."""


class MetaflowCode:
    """A code package: a gzip tar of the user's sources and what they ran with.

    Parameters
    ----------
    path : str
        Where the package is: a file, or an address in an object store.
    """

    __slots__ = ("_info", "_members", "path")

    def __init__(self, path: str) -> None:
        self.path: Final = path
        self._info: dict[str, Any] | None = None
        self._members: dict[str, bytes] | None = None

    @property
    def tarball(self) -> TarFile:
        """The package, open for reading."""
        import tarfile

        if not is_remote(self.path):
            return tarfile.open(self.path, "r:gz")
        if _OLDER_PLACE.search(self.path):
            from metaflow.artifact_store.older.loading import read_at

            return tarfile.open(fileobj=BytesIO(read_at(self.path)), mode="r:gz")
        from metaflow.artifact_store.remote_place import open_blob_at

        with open(open_blob_at(self.path), "rb") as file:
            return tarfile.open(fileobj=BytesIO(file.read()), mode="r:gz")

    @property
    def info(self) -> dict[str, Any]:
        """The environment in which the package was made."""
        if self._info is None:
            with self.tarball as package:
                name = OLDER_INFO if _is_older(package) else INFO
                self._info = json.loads(_content(package, name))
        return self._info

    @property
    def script_name(self) -> str:
        """Name of the flow's file."""
        return str(self.info["script"])

    @property
    def flowspec(self) -> str:
        """Source of the flow's file."""
        return self._member(self.script_name).decode()

    def files(self) -> dict[str, bytes]:
        """Read the user's files.

        Returns
        -------
        dict of str to bytes
            Contents by name, in the order of names.
        """
        if self._members is None:
            with self.tarball as package:
                found = [one for one in _users(package) if one.isfile()]
                self._members = {one.name: _content(package, one.name) for one in found}
        return dict(sorted(self._members.items()))

    def extract(self) -> TemporaryDirectory[str]:
        """Unpack the user's files.

        Returns
        -------
        TemporaryDirectory
            Holds the files; they go when it does.
        """
        from tempfile import TemporaryDirectory

        directory = TemporaryDirectory()
        self.extract_to(directory.name)
        return directory

    def extract_to(self, folder: str) -> None:
        """Unpack the user's files into a folder, which is made if it is not there.

        Parameters
        ----------
        folder : str
            Where to.
        """
        with self.tarball as package:
            members = _users(package)
            os.makedirs(folder, exist_ok=True)
            package.extractall(folder, members, filter="data")

    def __repr__(self) -> str:
        return f"<MetaflowCode: {self.script_name}>"

    def _member(self, name: str) -> bytes:
        with self.tarball as package:
            return _content(package, name)


def _is_older(package: TarFile) -> bool:
    names = package.getnames()
    return INFO not in names and OLDER_INFO in names


def _users(package: TarFile) -> list[TarInfo]:
    """List the members that are the user's."""
    prefixes = OLDER_PREFIXES if _is_older(package) else OWN_PREFIXES
    return [one for one in package if not one.name.startswith(prefixes)]


def _content(package: TarFile, name: str) -> bytes:
    member = package.extractfile(name)
    assert member is not None, "sources and descriptions are plain files"
    return member.read()


def code_of(text: str | None, root: str) -> MetaflowCode | None:
    """Find the code package that a fact of a run or task names.

    Parameters
    ----------
    text : str, optional
        The fact: a JSON object whose `location` is the package.
    root : str
        Root of the store, for a location that is relative.
    """
    if not text:
        return None
    location = json.loads(text)["location"]
    if is_remote(location):
        return MetaflowCode(location)
    path = os.path.join(root, location)
    if not os.path.exists(path):
        from metaflow.artifact_store.origins import origins_of

        elsewhere = [os.path.join(origin, location) for origin in origins_of(root)]
        path = next(filter(os.path.exists, elsewhere), path)
    return MetaflowCode(path)
