"""A folder as a store: one file per object, which appears under its name when it is whole.

A file is written into a folder for unfinished ones, and then renamed, or linked where there
must not be an earlier one. What a crash leaves behind is in that folder and nowhere else.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, TypeVar

from metaflow.errors.object_store import ObjectKeyInvalid
from metaflow.errors.storage import (
    ObjectIncomplete,
    ObjectMissing,
    StorageFull,
    StorageUnavailable,
)
from metaflow.object_store.addresses import check_key, check_prefix
from metaflow.protocols.object_store import StoredObject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")

UNFINISHED: Final = ".unfinished"
"""Folder of files that are being written; no key begins with this name."""
PIECE: Final = 4 << 20
"""So many bytes are read or written at a time."""

_KIND, _PLAIN_FILE = 0o170000, 0o100000  # the module `stat` is not worth an import
_FULL: Final = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
_NO_OBJECT: Final = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class LocalObjects:
    """The objects below one folder; satisfies `metaflow.protocols.object_store.ObjectStore`.

    May be used on both sides of a fork.

    Parameters
    ----------
    root : str
        Absolute path of the folder; it is made when the first object is.
    """

    def __init__(self, root: str) -> None:
        self.url: str = root.rstrip("/") or "/"

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Read an object or a range of it."""
        return b"".join(self.get_pieces(key, start, length))

    def get_pieces(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Read an object or a range of it in pieces."""
        path = self._path(key)
        with _translated(path):
            fd = self._open(key, path)
            try:
                size = os.fstat(fd).st_size
                stop = size if length is None else min(size, start + length)
                while start < stop:
                    piece = os.pread(fd, min(PIECE, stop - start), start)
                    if not piece:
                        raise ObjectIncomplete(self.url, key, "the file has become shorter")
                    start += len(piece)
                    yield piece
            finally:
                os.close(fd)

    def put(self, key: str, data: bytes | bytearray | memoryview, *, replace: bool = True) -> bool:
        """Write an object."""
        return self.put_pieces(key, (data,), replace=replace) is not None

    def put_pieces(
        self,
        key: str,
        pieces: Iterable[bytes | bytearray | memoryview],
        *,
        replace: bool = True,
    ) -> int | None:
        """Write an object from pieces."""
        path = self._path(key)
        if not replace and os.path.lexists(path):
            return None
        unfinished = f"{self.url}/{UNFINISHED}/{os.getpid()}-{os.urandom(8).hex()}"
        try:
            with _translated(path):
                fd = _in_folder(unfinished, lambda: os.open(unfinished, _NEW_FILE, 0o644))
            try:
                written = 0
                for piece in pieces:
                    with _translated(path):
                        written += _write(fd, piece)
            finally:
                os.close(fd)
            with _translated(path):
                is_new = self._finish(key, unfinished, path, replace=replace)
            return written if is_new else None
        finally:
            with suppress(OSError):
                os.unlink(unfinished)

    def size(self, key: str) -> int | None:
        """Size of an object."""
        path = self._path(key)
        with _translated(path):
            try:
                status = os.stat(path)
            except _NO_OBJECT:
                return None
        return status.st_size if _is_file(status) else None

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """All objects below a prefix, one folder's names in memory at a time."""
        prefix = check_prefix(self.url, prefix)
        yield from self._below(f"{prefix}/" if prefix else "")

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects."""
        for key in keys:
            path = self._path(key)
            with _translated(path), suppress(*_NO_OBJECT):
                os.unlink(path)

    def close(self) -> None:
        """Nothing is held."""

    def _path(self, key: str) -> str:
        check_key(self.url, key)
        if key.partition("/")[0] == UNFINISHED:
            raise ObjectKeyInvalid(self.url, key, f"`{UNFINISHED}` is for unfinished files")
        return f"{self.url}/{key}"

    def _open(self, key: str, path: str) -> int:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except _NO_OBJECT as error:
            raise ObjectMissing(self.url, key) from error
        if not _is_file(os.fstat(fd)):
            os.close(fd)
            raise ObjectMissing(self.url, key)
        return fd

    def _finish(self, key: str, unfinished: str, path: str, *, replace: bool) -> bool:
        """Give a file its name; False if there is one and it must not be replaced."""
        finish = os.replace if replace else os.link
        try:
            _in_folder(path, lambda: finish(unfinished, path))
        except (NotADirectoryError, IsADirectoryError) as error:
            reason = "it, or a part of it, is the name of a folder or of another object"
            raise ObjectKeyInvalid(self.url, key, reason) from error
        except FileExistsError as error:
            if os.path.isfile(path):
                return False
            reason = "it, or a part of it, is the name of a folder or of another object"
            raise ObjectKeyInvalid(self.url, key, reason) from error
        return True

    def _below(self, prefix: str) -> Iterator[StoredObject]:
        folder = f"{self.url}/{prefix}"
        with _translated(folder):
            for name, is_folder in _names(folder):
                if is_folder:
                    if prefix or name != f"{UNFINISHED}/":
                        yield from self._below(prefix + name)
                    continue
                try:
                    status = os.stat(folder + name)
                except FileNotFoundError:
                    continue  # deleted since its folder was read
                yield StoredObject(prefix + name, status.st_size, status.st_mtime)


_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def _names(folder: str) -> list[tuple[str, bool]]:
    """What is in a folder, in the order of keys; names of folders end with `/`."""
    try:
        with os.scandir(folder) as entries:
            found = [
                (f"{entry.name}/", True) if entry.is_dir(follow_symlinks=False)
                else (entry.name, False)
                for entry in entries
            ]  # fmt: skip
    except _NO_OBJECT:
        return []
    found.sort(key=lambda pair: os.fsencode(pair[0]))
    return found


def _is_file(status: os.stat_result) -> bool:
    return status.st_mode & _KIND == _PLAIN_FILE


def _in_folder(path: str, make: Callable[[], T]) -> T:
    """Make something at a path; its folder too, however often others remove it."""
    while True:
        try:
            return make()
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)


def _write(fd: int, piece: bytes | bytearray | memoryview) -> int:
    view = memoryview(piece).cast("B")
    position, end = 0, len(view)
    while position < end:
        position += os.write(fd, view[position : position + PIECE])
    return end


@contextmanager
def _translated(path: str) -> Iterator[None]:
    """Say in our words what the operating system says about a file."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        if error.errno in _FULL:
            raise StorageFull(path, reason) from error
        raise StorageUnavailable(path, reason) from error
