"""Errors of the artifact store: what cannot be written, read back or pickled."""

from __future__ import annotations

from metaflow.errors.base import MetaflowException


class DataException(MetaflowException):
    """The artifact store failed."""

    headline = "Data store error"


class StorageFull(DataException):
    """A file of the store could not grow: the disk, a quota or a size limit is used up."""

    headline = "Storage full"

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(
            f"Cannot write `{path}`: {reason}. Nothing refers to the bytes that were not stored.",
            hint="free some space or choose a store on another disk, then `resume` the run.",
        )


class StorageUnavailable(DataException):
    """A file of the store could not be opened, read or written."""

    headline = "Storage unavailable"

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(
            f"Cannot use `{path}`: {reason}.",
            hint="check that the store's folder and its files belong to you.",
        )


class MetaflowDataMissing(MetaflowException):
    """Stored data is not where it should be."""

    headline = "Data missing"


class ArtifactUnreadable(DataException):
    """An artifact can't be read: its stored bytes are gone, or not what they were."""

    headline = "Artifact unreadable"
    artifact: str | None = None
    """Name or pathspec of the artifact, once somebody has told who knows it."""
    digest: str

    def name(self, artifact: str, run: str) -> None:
        """Say which artifact it is, unless that is known, and what to do about it.

        Parameters
        ----------
        artifact : str
            The artifact in words, such as "Artifact `F/1/start/2/x`".
        run : str
            Pathspec of the run that it is read from.
        """
        if self.artifact is not None:
            return
        self.artifact = artifact
        self.reword(
            f"{artifact} can't be read. {self.message}",
            f"`verify {run.rpartition('/')[2]}` lists all that is damaged in the run; restore the "
            "file from a copy, or `resume` the run from the step that makes the artifact.",
        )


class ArtifactMissing(ArtifactUnreadable, MetaflowDataMissing):
    """A file or an object that holds stored bytes is not there."""

    headline = "Artifact missing"

    def __init__(self, path: str, digest: str) -> None:
        self.path = path
        self.digest = digest
        super().__init__(
            f"The stored bytes `{digest}` should be in `{path}`, but that is not there.",
            hint="was part of the store deleted or not copied?",
        )


class ArtifactsNotKept(DataException, MetaflowDataMissing):
    """An artifact of a task that was spun without being told to keep its artifacts."""

    headline = "Artifacts not kept"

    def __init__(self, pathspec: str) -> None:
        self.pathspec = pathspec
        super().__init__(
            f"The artifacts of `{pathspec}` were not kept: the task was spun without `--persist`.",
            hint="spin with `--persist`, or `persist=True` in a program, to read artifacts later",
        )


class ArtifactCorrupt(ArtifactUnreadable):
    """Stored bytes are not what was once written."""

    headline = "Artifact corrupt"

    def __init__(self, path: str, digest: str, reason: str) -> None:
        self.path = path
        self.digest = digest
        self.reason = reason
        super().__init__(
            f"The stored bytes `{digest}` in `{path}` are damaged: {reason}.",
            hint="run the step again, or restore the file from a copy.",
        )


class UnknownEncoding(DataException):
    """An artifact was written in a way that this version cannot read."""

    headline = "Unknown encoding"

    def __init__(self, encoding: str, type_: str, known: tuple[str, ...]) -> None:
        self.encoding = encoding
        self.type = type_
        self.known = known
        readable = ", ".join(f"`{name}`" for name in known)
        super().__init__(
            f"An artifact of type `{type_}` is encoded as `{encoding}`; "
            f"this version reads {readable}.",
            hint="a newer version may have written it.",
        )


class UnpicklableArtifactException(DataException):
    """An artifact cannot be pickled."""

    headline = "Cannot pickle artifact"

    def __init__(
        self,
        artifact: str,
        type_: str,
        cause: str,
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.artifact = artifact
        self.type = type_
        self.cause = cause
        self.where = where
        """Expression of the nested value that fails, such as `self.model['lock']`."""
        place = "" if where is None else f" The value in the way is `{where}`."
        super().__init__(
            f"Artifact `{artifact}` of type `{type_}` cannot be pickled: {cause}.{place}",
            hint=hint
            or "keep it in a local variable instead of on `self`, "
            "or leave out the part that cannot be stored.",
        )


class ObjectMissing(DataException, MetaflowDataMissing):
    """There is no object under a key."""

    headline = "Object missing"

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key
        super().__init__(
            f"There is no object `{key}` in `{url}`.",
            hint="was part of the store deleted or not copied?",
        )


class ObjectIncomplete(DataException):
    """An object could not be read to its end, or has changed while it was read."""

    headline = "Object incomplete"

    def __init__(self, url: str, key: str, reason: str) -> None:
        self.url = url
        self.key = key
        self.reason = reason
        super().__init__(
            f"The object `{key}` in `{url}` was not read to its end: {reason}.",
            hint="try again; if it stays so, restore the object from a copy.",
        )


class PickleDenied(DataException):
    """An artifact can only be pickled, and the settings say that nothing is to be."""

    headline = "Pickle denied"

    def __init__(self, artifact: str, type_: str) -> None:
        self.artifact = artifact
        self.type = type_
        super().__init__(
            f"Artifact `{artifact}` of type `{type_}` can only be stored as a pickle, "
            "and `METAFLOW_PICKLE` is `deny`.",
            hint="store what it consists of: numbers, texts, bytes, dates, lists, tuples, sets "
            "and dictionaries of them, arrays of numpy, tables of pandas, polars or Arrow, "
            "dictionaries of arrays; or give its type a serializer (docs/serializers.md).",
        )


class PickleRefused(DataException):
    """A pickle must not be loaded."""

    headline = "Pickle refused"

    def __init__(self, type_: str, mode: str) -> None:
        self.type = type_
        self.mode = mode
        why = (
            "it bears no seal of this user's key"
            if mode == "trusted"
            else "no pickle is to be loaded"
        )
        super().__init__(
            f"What is asked for is stored as a pickle (`{type_}`), and with "
            f"`METAFLOW_PICKLE={mode}` it is not loaded: {why}.",
            hint="if you trust whoever has written it, load it with `METAFLOW_PICKLE=allow`; "
            "a pickle runs its writer's code.",
        )


class SealingKeyUnusable(DataException):
    """The key that seals pickles cannot be used."""

    headline = "Key unusable"

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(
            f"The key in `{path}`, which seals pickles, cannot be used: {reason}.",
            hint="it has 32 bytes, belongs to you, and nobody else may read it (`chmod 600`); "
            "without the file a new key is made, which trusts no pickle that was sealed before.",
        )
