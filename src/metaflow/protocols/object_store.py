"""What a home for named bytes promises: a folder, or a bucket of a cloud."""

# No postponed annotations here: a NamedTuple would compile each of them at import.
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol


class StoredObject(NamedTuple):
    """One object as a listing tells of it."""

    key: str
    """Relative to the address of the store."""
    size: int
    """In bytes."""
    modified_at: float
    """When it was written, in seconds since 1970."""


class ObjectStore(Protocol):
    """Objects by key: written whole or not at all, read back whole or in ranges.

    A key consists of one or more names with a `/` between them. No name is empty, `.` or `..`,
    or has a backslash or control characters, and what has keys below it is no key itself.

    All methods may be called from several threads. The stores that we ship may be opened
    before a fork and used on both sides of it; of others, a process should open its own.

    Every method may raise what `metaflow.errors.object_store` holds: the store refuses, is
    not there, or can't be reached within the time that its settings allow.
    """

    @property
    def url(self) -> str:
        """Address: `s3://bucket/prefix`, `gs://…`, `azure://container/prefix` or a path."""
        ...

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Read an object, or the range of it that begins at `start`.

        A range may go past the object's end or begin there: what there is of it is returned,
        as of a slice. What was lost on the way is an error or asked for again.

        Raises
        ------
        ObjectMissing
            There is no such object.
        ObjectIncomplete
            Fewer bytes have arrived than the store has announced.
        """
        ...

    def get_pieces(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Read as `get` does, in pieces of any size, in order and in bounded memory.

        Raises
        ------
        ObjectMissing
            There is no such object; found out when the first piece is asked for.
        ObjectIncomplete
            The object ends early, or another one took its place while it was read.
        """
        ...

    def put(self, key: str, data: bytes | bytearray | memoryview, *, replace: bool = True) -> bool:
        """Write an object in one go; readers see the earlier one or this one, nothing between.

        Parameters
        ----------
        key : str
            Where.
        data : bytes, bytearray or memoryview
            The content; it must not change during the call.
        replace : bool
            False: only if there is none yet. Of several that write at the same time, also
            from several machines, one succeeds.

        Returns
        -------
        bool
            False if there is one that was not to be replaced.
        """
        ...

    def put_pieces(
        self,
        key: str,
        pieces: Iterable[bytes | bytearray | memoryview],
        *,
        replace: bool = True,
    ) -> int | None:
        """Write an object of any size in bounded memory; it is there only when it is whole.

        What the iterable raises is passed on, and then nothing is written.

        Parameters
        ----------
        key : str
            Where.
        pieces : iterable of bytes, bytearray or memoryview
            The content, in order.
        replace : bool
            False: only if there is none when the writing begins. Of several that write at
            the same time, one stays, and the others may not be told: for content that is
            named by its digest.

        Returns
        -------
        int or None
            How many bytes were written; None if there is one that was not to be replaced.
        """
        ...

    def size(self, key: str) -> int | None:
        """Size of an object in bytes, or None if there is none."""
        ...

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """All objects below a prefix, at any depth, ordered by the UTF-8 bytes of their keys.

        Parameters
        ----------
        prefix : str
            Leading names of keys; a whole number of them: `a/b` finds `a/b/c`, and neither
            `a/bc` nor `a/b` itself. Empty for all objects.
        """
        ...

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; those that are not there are no error."""
        ...

    def close(self) -> None:
        """Let go of connections and threads; nothing may be called afterwards."""
        ...
