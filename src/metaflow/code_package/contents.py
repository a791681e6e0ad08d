"""What a package consists of, and which file wins when two have the same name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow.code_package.finding import Found

CODE, META, INSTALL = ".mf_code", ".mf_meta", ".mf_install"
"""Names in a package that are not the user's: modules from elsewhere, descriptions, and the
mark that says how the package is laid out."""

LAYOUT: Final = {"version": 1, "user": ".", "code": CODE, "meta": META}
"""Content of the mark, as JSON."""


class Made:
    """A file of a package whose content was made and is nowhere on the disk.

    Parameters
    ----------
    name : str
        In the package.
    data : bytes
        The content.
    owner : str
        Who has made it, for messages.
    """

    __slots__ = ("data", "name", "owner")

    def __init__(self, name: str, data: bytes, owner: str) -> None:
        self.name: str = name
        self.data: bytes = data
        self.owner: str = owner


class Contents:
    """The files of one package, by name.

    Parameters
    ----------
    walked : iterable of Found
        The user's files, as found below the folder of the flow; nothing replaces them.
    """

    __slots__ = ("_walked", "files", "made")

    def __init__(self, walked: Iterable[Found]) -> None:
        self.files: dict[str, Found] = {file.name: file for file in walked}
        self.made: dict[str, Made] = {}
        self._walked = frozenset(self.files)

    @property
    def user_names(self) -> list[str]:
        """Names of the user's files on the disk, in order."""
        return sorted(name for name in self.files if not is_own(name))

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files.values()) + sum(
            len(made.data) for made in self.made.values()
        )

    def add_file(self, file: Found) -> None:
        """Add a file that was not found below the folder of the flow.

        Raises
        ------
        NonUniqueFileNameToFilePathMappingException
            Another file has the name already.
        """
        if file.name in self._walked:
            return
        known = self.files.get(file.name)
        if known is not None and os.path.realpath(known.path) != os.path.realpath(file.path):
            raise _not_unique(file.name, known.path, file.path)
        made = self.made.get(file.name)
        if made is not None:
            raise _not_unique(file.name, made.owner, file.path)
        self.files[file.name] = file

    def add_made(self, made: Made) -> None:
        """Add a file with given content.

        Raises
        ------
        NonUniqueFileNameToFilePathMappingException
            Another file has the name already.
        """
        if made.name in self._walked:
            return
        known = self.files.get(made.name)
        if known is not None:
            raise _not_unique(made.name, known.path, made.owner)
        other = self.made.get(made.name)
        if other is not None and other.data != made.data:
            raise _not_unique(made.name, other.owner, made.owner)
        self.made[made.name] = made

    def names(self) -> list[str]:
        """List all names, in order."""
        return sorted((*self.files, *self.made))

    def fingerprint(self) -> str:
        """Say in one text what the content depends on, without reading a file."""
        files = [self.files[name].looks() for name in sorted(self.files)]
        return repr([files, [(name, self.made[name].data) for name in sorted(self.made)]])


def is_own(name: str) -> bool:
    """Tell whether a name in a package is not the user's."""
    return name == INSTALL or name.startswith((f"{CODE}/", f"{META}/"))


def _not_unique(name: str, *sources: str) -> Exception:
    from metaflow.errors.package import NonUniqueFileNameToFilePathMappingException

    return NonUniqueFileNameToFilePathMappingException(name, list(sources))
