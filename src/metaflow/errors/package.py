"""What can be wrong with the files of a code package."""

from __future__ import annotations

from metaflow.errors.base import MetaflowException


class PackageTooLarge(MetaflowException):
    """There are more files, or more bytes, than a code package may have.

    Parameters
    ----------
    folder : str
        Where the files are.
    found : str
        What was found too much of, such as `more than 20 MB of files`.
    hint : str
        How to get along.
    """

    headline = "Code package too large"

    def __init__(self, folder: str, found: str, hint: str) -> None:
        self.folder = folder
        self.found = found
        super().__init__(f"The folder `{folder}` has {found} to be packed.", hint=hint)


class PackageTimeout(MetaflowException):
    """Packing takes longer than it may.

    Parameters
    ----------
    seconds : float
        How long it may take.
    """

    headline = "Code package not made"

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(
            f"The code package was not complete after {seconds:g} seconds.",
            hint="allow more with `--timeout`, or move what is no code to another folder",
        )


class PackageEntryInvalid(MetaflowException):
    """An `add_to_package` yields something that cannot be packed.

    Parameters
    ----------
    owner : str
        Whose method it is.
    entry : object
        What it has yielded.
    problem : str
        What is wrong with it.
    """

    headline = "Invalid code package entry"

    def __init__(self, owner: str, entry: object, problem: str) -> None:
        self.owner = owner
        self.problem = problem
        super().__init__(
            f"`add_to_package` of `{owner}` yields `{entry!r:.200}`, but {problem}.",
            hint="yield `(path, name)` or `(content, name, ContentType.USER_CONTENT)`",
        )


class NonUniqueFileNameToFilePathMappingException(MetaflowException):
    """Two different files are to have the same name in a code package.

    Parameters
    ----------
    name : str
        Name in the package.
    sources : list of str
        Where the files come from.
    """

    headline = "Non-unique file name in the code package"

    def __init__(self, name: str, sources: list[str]) -> None:
        self.name = name
        self.sources = sources
        shown = " and ".join(f"`{source}`" for source in sources)
        super().__init__(
            f"The name `{name}` in the code package stands for different files: {shown}.",
            hint="give one of them another name",
        )


class NoCodePackage(MetaflowException):
    """A run has no code package.

    Parameters
    ----------
    pathspec : str
        The run.
    """

    headline = "No code package"

    def __init__(self, pathspec: str) -> None:
        self.pathspec = pathspec
        super().__init__(
            f"The run `{pathspec}` has no code package.",
            hint="its files were too large, or packing was off (`METAFLOW_CODE_PACKAGE_MB`)",
        )


class TargetExists(MetaflowException):
    """Something would have to be overwritten.

    Parameters
    ----------
    path : str
        What is there already.
    hint : str
        What to do.
    """

    headline = "Already there"

    def __init__(self, path: str, hint: str) -> None:
        self.path = path
        super().__init__(f"`{path}` exists already and is left as it is.", hint=hint)
