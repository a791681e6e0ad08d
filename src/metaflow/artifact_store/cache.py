"""What was fetched from an object store, or has just been sent there, kept as files near by.

An entry appears by a rename when it is complete, and what is not compressed was compared with
its digest before. The modification time of an entry is computed from its name: whoever changes
the file changes that too, and the entry counts as gone. So opening one takes no time, however
large it is.

How much there is in all is told by the length of the file `tally`: whoever adds an entry makes
it longer, by a byte for each page. When it says that the limit is exceeded, one process counts
what there is and removes what was not used for longest.
"""

# No postponed annotations here: a NamedTuple would compile each of them at import.
import fcntl
import os
import time
from contextlib import suppress
from typing import Final, NamedTuple

from blake3 import blake3

from metaflow.artifact_store.writing import SLICE, write_all

TALLY, LOCK, TEMPORARY = "tally", "lock", "tmp-"
PAGE: Final = 4096
NS: Final = 1_000_000_000
USED_WITHIN_S: Final = 60
"""An entry whose last use was noted within this time is not noted again."""
ABANDONED_S: Final = 3600
"""An unfinished file that nobody has written to for so long has no owner any more."""
KEPT: Final = 0.8
"""The part of the limit that is still in use after a clean-up."""
SPARED_BYTES: Final = 256 << 20
"""So much of the disk is left to others."""


class CacheEntry:
    """An entry that is being written; it is there for others once it is committed."""

    __slots__ = ("_cache", "_name", "_path", "_position", "fd")

    def __init__(self, cache: "ByteCache", name: str, path: str, fd: int) -> None:
        self._cache = cache
        self._name = name
        self._path = path
        self._position = 0
        self.fd: int = fd
        """Open for writing and reading; -1 once it was handed out or given up."""

    def write(self, data: bytes | memoryview) -> bool:
        """Append some bytes; False when that did not work and the entry is given up."""
        if self.fd < 0:
            return False
        try:
            write_all(self.fd, data)
        except OSError:
            self.give_up()
            return False
        return True

    def commit(self) -> int:
        """Let others see the entry, if that works, and return a descriptor to read it from.

        Returns
        -------
        int
            At its beginning; to be closed by the caller. -1 if the entry was given up.
        """
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.lseek(fd, 0, os.SEEK_SET)
            try:
                self._cache.publish(fd, self._path, self._name)
            except OSError:
                with suppress(OSError):
                    os.unlink(self._path)
        return fd

    def give_up(self) -> None:
        """Leave nothing behind."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
            with suppress(OSError):
                os.unlink(self._path)


class ByteCache:
    """The cache of one user on one machine, shared by all processes.

    No method raises on what is wrong with the disk: there are fewer entries then.

    Parameters
    ----------
    folder : str
        Where it is; see the module `private_folder`.
    limit : int
        Bytes that it may use.
    """

    __slots__ = ("_folder", "_limit")

    def __init__(self, folder: str, limit: int) -> None:
        self._folder = folder
        self._limit = limit

    def open(self, name: str, size: int | None = None) -> int:
        """Open an entry for reading.

        Parameters
        ----------
        name : str
            Its name.
        size : int, optional
            Its length; an entry of another length counts as gone.

        Returns
        -------
        int
            A descriptor to be closed by the caller; -1 if there is no such entry.
        """
        path = self._path(name)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            return -1
        found = os.fstat(fd)
        seal = _seal(name)
        if found.st_mtime_ns != seal or (size is not None and found.st_size != size):
            os.close(fd)
            self.drop(name)
            return -1
        now = time.time_ns()
        if found.st_atime_ns < now - USED_WITHIN_S * NS:
            with suppress(OSError):
                os.utime(path, ns=(now, seal))
        return fd

    def has(self, name: str, size: int) -> bool:
        """Tell whether there is an entry of this name and length."""
        fd = self.open(name, size)
        if fd >= 0:
            os.close(fd)
        return fd >= 0

    def begin(self, name: str, size: int) -> CacheEntry | None:
        """Begin an entry of so many bytes.

        Returns
        -------
        CacheEntry or None
            None when there is no room for it.
        """
        if size > self._limit:
            return None
        path = f"{self._folder}/{TEMPORARY}{os.getpid()}-{os.urandom(8).hex()}"
        try:
            disk = os.statvfs(self._folder)
            if disk.f_bavail * disk.f_frsize < size + SPARED_BYTES:
                return None
            self._count(size)
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError:
            return None
        return CacheEntry(self, name, path, fd)

    def add(self, name: str, content: bytes | memoryview) -> None:
        """Make an entry of some bytes, unless there is one."""
        if not self.has(name, len(content)):
            entry = self.begin(name, len(content))
            if entry is not None and entry.write(content):
                os.close(entry.commit())

    def publish(self, fd: int, temporary: str, name: str) -> None:
        """Give an entry that is complete its name.

        Raises
        ------
        OSError
            That did not work.
        """
        path = self._path(name)
        os.utime(fd, ns=(time.time_ns(), _seal(name)))
        try:
            os.rename(temporary, path)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
            os.rename(temporary, path)

    def drop(self, name: str) -> None:
        """Remove an entry."""
        with suppress(OSError):
            os.unlink(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name[:2]}/{name}"

    # ── the limit ────────────────────────────────────────────────────────────────────────

    def _count(self, size: int) -> None:
        """Add to the tally, and clean up when it is over the limit."""
        fd = os.open(f"{self._folder}/{TALLY}", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            pages = size // PAGE + 1
            for start in range(0, pages, SLICE):
                write_all(fd, bytes(min(SLICE, pages - start)))
            if os.lseek(fd, 0, os.SEEK_END) * PAGE > self._limit:
                self._clean_up(fd, size)
        finally:
            os.close(fd)

    def _clean_up(self, tally: int, needed: int) -> None:
        """Remove what was not used for longest, unless another process is at it."""
        lock = os.open(f"{self._folder}/{LOCK}", os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return
            before = os.fstat(tally).st_size
            entries = sorted(self._entries())
            pages = sum(entry.pages for entry in entries)
            # What comes next is in the tally and not there yet.
            allowed = (int(self._limit * KEPT) - needed) // PAGE
            for entry in entries:
                if pages <= allowed:
                    break
                with suppress(OSError):
                    os.unlink(entry.path)
                    pages -= entry.pages
            meanwhile = os.fstat(tally).st_size - before
            os.ftruncate(tally, pages + needed // PAGE + 1 + meanwhile)
        finally:
            os.close(lock)

    def _entries(self) -> list["_Found"]:
        """List all entries, and remove what was left behind by processes that were killed."""
        found = []
        abandoned = time.time() - ABANDONED_S
        for outer in _listed(self._folder):
            if not outer.is_dir(follow_symlinks=False):
                with suppress(OSError):
                    is_old = outer.stat(follow_symlinks=False).st_mtime < abandoned
                    if outer.name.startswith(TEMPORARY) and is_old:
                        os.unlink(outer.path)
                continue
            for inner in _listed(outer.path):
                with suppress(OSError):
                    known = inner.stat(follow_symlinks=False)
                    pages = known.st_size // PAGE + 1
                    found.append(_Found(known.st_atime_ns, pages, inner.path))
        return found


class _Found(NamedTuple):
    used_at_ns: int
    pages: int
    path: str


def _listed(folder: str) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []


def _seal(name: str) -> int:
    """Modification time of an intact entry: whole seconds, long ago."""
    return (NS + int.from_bytes(blake3(name.encode()).digest(3))) * NS
