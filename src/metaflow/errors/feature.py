"""What programs import and this version does not have, or needs a library for."""

from __future__ import annotations

from metaflow.errors.base import MetaflowException


class NotAvailableYet(MetaflowException, ImportError):
    """A documented name that this version does not have yet.

    Parameters
    ----------
    name : str
        The name as programs import it, such as `metaflow.cards.Markdown`.
    what : str
        What it belongs to, such as `cards`.
    """

    headline = "Not available yet"

    def __init__(self, name: str, what: str) -> None:
        self.feature: str = what
        super().__init__(
            f"`{name}` is not there: this version of Millrace does not have {what} yet.",
            hint="docs/compatibility.md lists what is where, and what is not there yet",
        )
        self.name: str | None = name


class LibraryMissing(MetaflowException, ImportError):
    """A library that is not installed is needed for something that was imported.

    Parameters
    ----------
    library : str
        The module that could not be imported.
    package : str
        Name of the package that brings it.
    wanted_by : str
        What needs it.
    """

    headline = "Library missing"

    def __init__(self, library: str, package: str, wanted_by: str) -> None:
        self.package: str = package
        self.wanted_by: str = wanted_by
        super().__init__(
            f"`{wanted_by}` needs the library `{library}`, which is not installed.",
            hint=f"`pip install {package}` installs it",
        )
        self.name: str | None = library
