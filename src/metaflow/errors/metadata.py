"""What can go wrong with facts: the store that holds them, looking them up, tagging runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow.errors.base import MetaflowException

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# --- the store ---


class MetadataStoreFailed(MetaflowException):
    """The metadata store could not do what it was asked."""

    headline = "Metadata store failed"

    def __init__(self, path: str, problem: str, hint: str | None = None) -> None:
        self.path: str = path
        self.problem: str = problem
        super().__init__(f"The metadata store `{path}` {problem}.", hint=hint)


class MetadataStoreFull(MetadataStoreFailed):
    """There is no room left for the metadata store to grow."""

    headline = "Disk full"

    def __init__(self, path: str) -> None:
        super().__init__(
            path,
            "has no room left to record what happened",
            hint="free some space, then `resume` the run",
        )


class MetadataStoreBusy(MetadataStoreFailed):
    """Another process has kept the metadata store locked for too long."""

    headline = "Metadata store busy"

    def __init__(self, path: str, waited_s: float) -> None:
        self.waited_s: float = waited_s
        super().__init__(
            path,
            f"was locked by another process for more than {waited_s:g} seconds",
            hint="look for a stopped process that uses it",
        )


class MetadataStoreDamaged(MetadataStoreFailed):
    """The file is not a readable metadata store."""

    headline = "Metadata store unreadable"

    def __init__(self, path: str, detail: str) -> None:
        self.detail: str = detail
        super().__init__(
            path,
            f"cannot be read: {detail}",
            hint="restore the file from a backup, or move it away to begin a new store",
        )


class MetadataStoreTooNew(MetadataStoreFailed):
    """A newer release has written the metadata store."""

    headline = "Metadata store too new"

    def __init__(self, path: str, found: int, known: int) -> None:
        self.found: int = found
        self.known: int = known
        super().__init__(
            path,
            f"has schema version {found}, but this release knows none after {known}",
            hint="use the newer release here too",
        )


class MetadataStoreMissing(MetadataStoreFailed):
    """There is no metadata store at this place."""

    headline = "Metadata store not found"

    def __init__(self, path: str) -> None:
        super().__init__(path, "does not exist", hint="it is made by the first run of a flow")


class RunExists(MetaflowException):
    """A run of this flow has that id already."""

    headline = "Run exists"

    def __init__(self, flow: str, run_id: str) -> None:
        self.flow: str = flow
        self.run_id: str = run_id
        super().__init__(f"`{flow}/{run_id}` exists already.", hint="choose another run id")


class MetadataTypeUnknown(MetaflowException):
    """No metadata store of this type is available."""

    headline = "Unknown metadata type"

    def __init__(self, spec: str, known: Sequence[str]) -> None:
        self.spec: str = spec
        self.known: tuple[str, ...] = tuple(known)
        super().__init__(
            f"`{spec}` names a type of metadata store that this installation does not have.",
            hint=f"it has {_listed(known)}; write `local@DIR` or a directory",
        )


# --- looking things up ---


class MetaflowNotFound(MetaflowException):
    """There is nothing by this name."""

    headline = "Object not found"


class ObjectNotFound(MetaflowNotFound):
    """There is no flow, run, step, task or artifact with this pathspec.

    Parameters
    ----------
    kind : str
        `flow`, `run`, `step`, `task` or `artifact`.
    pathspec : str
        What was looked for.
    known : iterable of str
        Names that do exist at this place; the likeliest ones become the hint.
    where : str, optional
        The store that was searched.
    """

    def __init__(
        self, kind: str, pathspec: str, known: Iterable[str] = (), where: str | None = None
    ) -> None:
        self.kind: str = kind
        self.pathspec: str = pathspec
        self.where: str | None = where
        super().__init__(_not_found_sentence(kind, pathspec, where))
        self.hint: str | None = _did_you_mean(pathspec.rpartition("/")[2], list(known))


class AttemptNotFound(MetaflowNotFound):
    """A task or artifact has no such attempt."""

    def __init__(self, pathspec: str, attempt: object, known: Sequence[int]) -> None:
        self.pathspec: str = pathspec
        self.attempt: object = attempt
        self.known: tuple[int, ...] = tuple(known)
        super().__init__(
            f"`{pathspec}` has no attempt `{attempt}`.",
            hint=f"it has {_listed([str(number) for number in known])}" if known else None,
        )


class AttemptInvalid(MetaflowNotFound):
    """An attempt was asked for that cannot exist."""

    def __init__(self, pathspec: str, attempt: object, problem: str) -> None:
        self.pathspec: str = pathspec
        self.attempt: object = attempt
        super().__init__(f"`{pathspec}` cannot have an attempt `{attempt!r}`: {problem}.")


class MetaflowNamespaceMismatch(MetaflowException):
    """An object exists, but not in the namespace that the client looks at."""

    headline = "Object not in the current namespace"

    def __init__(self, namespace: str | None, pathspec: str | None = None) -> None:
        self.namespace: str | None = namespace
        self.pathspec: str | None = pathspec
        what = "The object" if pathspec is None else f"`{pathspec}`"
        super().__init__(
            f"{what} is not in the namespace `{namespace}`.",
            hint="`namespace(None)` shows the objects of everybody",
        )


class MetaflowInvalidPathspec(MetaflowException):
    """A pathspec has the wrong number of components."""

    headline = "Invalid pathspec"


class PathspecShapeWrong(MetaflowInvalidPathspec):
    """A class of the client was given a pathspec of another kind of object."""

    def __init__(self, kind: str, shape: str, pathspec: object) -> None:
        self.kind: str = kind
        self.shape: str = shape
        self.pathspec: object = pathspec
        super().__init__(f"`{pathspec}` does not name a {kind}.", hint=f"write `{kind}('{shape}')`")


# --- tags ---


class MetaflowTaggingError(MetaflowException):
    """A change of a run's tags is not possible."""

    headline = "Tagging error"


class TagInvalid(MetaflowTaggingError):
    """A tag is not a string of 1 to 500 characters that UTF-8 can hold."""

    def __init__(self, tag: object, problem: str) -> None:
        self.tag: object = tag
        shown = repr(tag)
        super().__init__(f"{shown[:60]}{'…' * (len(shown) > 60)} cannot be a tag: {problem}.")  # noqa: PLR2004 - as much of a tag as fits a line


class TooManyTags(MetaflowTaggingError):
    """A run would have more tags than allowed."""

    def __init__(self, count: int, allowed: int) -> None:
        self.count: int = count
        self.allowed: int = allowed
        super().__init__(
            f"The run would have {count} tags, but at most {allowed} are allowed.",
            hint="remove some tags in the same operation",
        )


class SystemTagRemoved(MetaflowTaggingError):
    """System tags cannot be removed."""

    def __init__(self, tags: Iterable[str]) -> None:
        self.tags: tuple[str, ...] = tuple(sorted(tags))
        super().__init__(f"{_listed(self.tags)} cannot be removed: system tags stay with a run.")


class NoTagsGiven(MetaflowTaggingError):
    """An operation on tags names no tag to add or to remove."""


def _listed(names: Sequence[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def _not_found_sentence(kind: str, pathspec: str, where: str | None) -> str:
    above, _, name = pathspec.rpartition("/")
    if above:
        return f"`{above}` has no {kind} `{name}`."
    return f"There is no {kind} `{name}`" + (f" in `{where}`." if where else ".")


def _did_you_mean(name: str, known: list[str]) -> str | None:
    if not known:
        return None
    from difflib import get_close_matches

    likely = get_close_matches(name, known, 3)
    if likely:
        return f"did you mean {' or '.join(f'`{match}`' for match in likely)}?"
    shown = known[:5]
    return f"there is {_listed(shown)}" + (", …" if len(known) > len(shown) else "")
