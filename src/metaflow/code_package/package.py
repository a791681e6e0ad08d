"""A whole package as it is sent to other machines: the user's files and the framework's."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from metaflow.code_package.collecting import collect
from metaflow.code_package.environment import environment_info
from metaflow.code_package.library import add_library
from metaflow.code_package.packing import add_descriptions, make_package
from metaflow.code_package.repository import repository_of
from metaflow.code_package.snapshot import plain_configs

if TYPE_CHECKING:
    from metaflow.code_package.contents import Contents
    from metaflow.model.package import PackageOrder


class MetaflowPackage:
    """The code of a flow with everything that another machine needs to run it.

    Parameters
    ----------
    order : PackageOrder
        Where the user's files are and which ones count.
    flow : type
        The flow class, with all decorators attached.
    timeout_s : float, optional
        Give up packing after so many seconds.

    Raises
    ------
    MetaflowException
        There is too much, or what decorators add is not valid.
    """

    def __init__(self, order: PackageOrder, flow: type, timeout_s: float | None = None) -> None:
        self._order = order
        self._flow = flow
        self._timeout_s = timeout_s

    @cached_property
    def contents(self) -> Contents:
        """The files, found but not read yet."""
        contents = collect(self._order, self._flow)
        names = contents.user_names
        add_library(contents)
        add_descriptions(contents, self._info(names), plain_configs(self._flow))
        return contents

    def _info(self, names: list[str]) -> dict[str, Any]:
        git = repository_of(self._order.folder)
        if git is None:
            return environment_info(self._order, None, uncommitted=None)
        from metaflow.code_package.git import has_uncommitted_changes

        changed = has_uncommitted_changes(git, self._order.folder, names)
        return environment_info(self._order, git, uncommitted=changed)

    @cached_property
    def blob(self) -> bytes:
        """The package, a gzipped tar file.

        Raises
        ------
        PackageTimeout
            It takes too long.
        OSError
            A file cannot be read.
        """
        return make_package(self.contents, self._timeout_s)[0]

    @cached_property
    def digest(self) -> str:
        """Digest of the package; equal contents have an equal one."""
        from metaflow.artifact_store.hashing import digest_of

        return digest_of(self.blob)

    def paths(self) -> list[tuple[str, str]]:
        """List all files in the order of the package.

        Returns
        -------
        list of tuple of str and str
            Path on the disk, or `<generated>`; and name in the package.
        """
        files = self.contents.files
        return [
            (files[name].path if name in files else "<generated>", name)
            for name in self.contents.names()
        ]
