"""A root in an object store as one process reaches it: opened late, read through the cache."""

from __future__ import annotations

import os
from threading import Lock
from typing import TYPE_CHECKING, Final

from blake3 import blake3

from metaflow.artifact_store.cache import ByteCache
from metaflow.artifact_store.hashing import BLOBS
from metaflow.artifact_store.private_folder import private_folder
from metaflow.artifact_store.transfers import in_order
from metaflow.errors.storage import ArtifactCorrupt, ArtifactMissing, ObjectMissing
from metaflow.settings.artifact_roots import FILES
from metaflow.settings.client_cache import cache_settings
from metaflow.settings.load import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from metaflow.protocols.object_store import ObjectStore
    from metaflow.settings import Settings


PIECE: Final = 8 << 20
"""Bytes that are asked for at a time: half as much memory as an object store itself would take."""
PIECES_AHEAD: Final = 4
"""How many pieces of one object are under way."""


class RemotePlace:
    """One root in an object store.

    Parameters
    ----------
    url : str
        Its address.
    settings : Settings, optional
        How this installation behaves; read when needed if not given.
    """

    __slots__ = ("_cache", "_objects", "_opening", "_settings", "url")

    def __init__(self, url: str, settings: Settings | None = None) -> None:
        self.url: Final = url
        self._settings = settings
        self._objects: ObjectStore | None = None
        self._cache: ByteCache | None = None
        self._opening: Final = Lock()

    @property
    def objects(self) -> ObjectStore:
        """The objects, opened when first asked for, by whichever thread; a fork may follow."""
        if self._objects is None:
            with self._opening:
                if self._objects is None:
                    self._objects = self._open()
        return self._objects

    def load_ahead(self) -> None:
        """Load what it takes to open the objects, and the settings; open nothing but the cache."""
        from metaflow.object_store.opening import load_ahead

        load_ahead(self.url.removeprefix(FILES))
        _ = self.cache

    @property
    def cache(self) -> ByteCache:
        """Copies of objects on this machine."""
        if self._cache is None:
            self._cache = open_cache(self._known_settings())
        return self._cache

    def close(self) -> None:
        """Let go of connections; what is asked for next opens them again."""
        if self._objects is not None:
            self._objects.close()
        self._objects = None

    def without_cache(self) -> RemotePlace:
        """Give the same root as it is in the object store, whatever copies there are."""
        bare = RemotePlace(self.url, self._settings)
        bare._objects, bare._cache = self.objects, ByteCache("", -1)
        return bare

    def path(self, key: str) -> str:
        """Say where an object is, for people."""
        return f"{self.url}/{key}"

    def copy_name(self, key: str) -> str:
        """Name of an object's copy in the cache."""
        if key.startswith(f"{BLOBS}/"):
            # Named by its content: the same in all stores.
            return key.rpartition("/")[2]
        return blake3(self.path(key).encode()).hexdigest() + ".record"

    def file(self, key: str, size: int) -> int:
        """Open a copy of a blob, fetched if need be; what is not compressed is checked.

        Returns
        -------
        int
            A descriptor to be closed by the caller; -1 when the cache has no room for it.

        Raises
        ------
        ArtifactMissing
            There is no such object.
        ArtifactCorrupt
            It is not what its name says.
        """
        name = self.copy_name(key)
        fd = self.cache.open(name, size)
        if fd >= 0:
            return fd
        entry = self.cache.begin(name, size)
        if entry is None:
            return -1
        try:
            self.fetch(key, size, entry.write)
            return entry.commit()
        finally:
            entry.give_up()

    def fetch(self, key: str, size: int, sink: Callable[[bytes], object]) -> None:
        """Hand the content of a blob to a sink, in order; what is not compressed is checked.

        Raises
        ------
        ArtifactMissing
            There is no such object.
        ArtifactCorrupt
            It is not what its name says; the sink has got something else.
        """
        digest, dot, _ = key.rpartition("/")[2].partition(".")
        hasher = blake3()
        count = 0
        for piece in self.pieces(key, size):
            if not dot:
                hasher.update(piece)
            sink(piece)
            count += len(piece)
        if count != size:
            raise ArtifactCorrupt(self.path(key), digest, "the object has another length")
        if not dot and hasher.hexdigest() != digest:
            raise ArtifactCorrupt(self.path(key), digest, "the content does not match the digest")

    def pieces(self, key: str, size: int) -> Iterator[bytes]:
        """Read an object of a known size in order; some pieces are fetched ahead.

        Raises
        ------
        ArtifactMissing
            There is no such object.
        """
        objects = self.objects

        def read(start: int) -> bytes:
            return objects.get(key, start, min(PIECE, size - start))

        try:
            yield from in_order(read, range(0, size, PIECE), PIECES_AHEAD)
        except ObjectMissing as error:
            digest = key.rpartition("/")[2].partition(".")[0]
            raise ArtifactMissing(self.path(key), digest) from error

    def _open(self) -> ObjectStore:
        from metaflow.object_store.opening import open_object_store

        return open_object_store(self.url.removeprefix(FILES), self._known_settings())

    def _known_settings(self) -> Settings:
        if self._settings is None:
            self._settings = load_settings()
        return self._settings


def open_cache(settings: Settings) -> ByteCache:
    """Open the cache that the settings name; one without any room if there can be none.

    Raises
    ------
    SettingInvalid
        A setting is not what it should be.
    """
    wanted = cache_settings(settings.raw)
    folder = None
    if wanted.limit_bytes:
        folder = private_folder(wanted.path, shared=wanted.is_shared)
    return ByteCache(folder or wanted.path, wanted.limit_bytes if folder else -1)


def open_remote_file(url: str, name: str) -> int:
    """Open for reading a copy of an object of a root in an object store.

    Parameters
    ----------
    url : str
        The root.
    name : str
        The object's name in it: that of a blob or of a record of a pack.

    Returns
    -------
    int
        A descriptor to be closed by the caller.

    Raises
    ------
    FileNotFoundError
        There is no such object.
    """
    place = RemotePlace(url)
    fd = place.cache.open(place.copy_name(name))
    if fd >= 0:
        return fd
    try:
        size = place.objects.size(name)
        if size is None:
            raise FileNotFoundError(name)
        is_blob = name.startswith(f"{BLOBS}/")
        fd = place.file(name, size) if is_blob else -1
        return fd if fd >= 0 else _spooled(place, name, size)
    finally:
        place.close()


def open_blob_at(address: str) -> int:
    """Open for reading a copy of the blob at an address that a run has recorded.

    Raises
    ------
    ArtifactMissing
        There is no such blob.
    """
    url, _, name = address.rpartition(f"/{BLOBS}/")
    try:
        return open_remote_file(url, f"{BLOBS}/{name}")
    except FileNotFoundError as error:
        raise ArtifactMissing(address, address.rpartition("/")[2]) from error


def _spooled(place: RemotePlace, name: str, size: int) -> int:
    """Fetch an object into a file that has no name and goes when it is closed."""
    from tempfile import TemporaryFile

    with TemporaryFile(buffering=0) as file:
        for piece in place.pieces(name, size):
            file.write(piece)
        file.seek(0)
        return os.dup(file.fileno())
