"""The artifact store in an object store: each record of a pack is an object, and each blob."""

from __future__ import annotations

import os
from threading import Thread
from typing import TYPE_CHECKING, Final

from metaflow.artifact_store.batch import BLOB_FROM, Batch
from metaflow.artifact_store.hashing import blob_name
from metaflow.artifact_store.mapped import MappedBlobs
from metaflow.artifact_store.pack import encode_record, place_parts
from metaflow.artifact_store.remote_place import RemotePlace
from metaflow.artifact_store.remote_reading import RemoteParts
from metaflow.artifact_store.store import ArtifactStore
from metaflow.artifact_store.transfers import HELD_BYTES, Transfers
from metaflow.model.artifact import RAW, Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from metaflow.artifact_store.cache import CacheEntry
    from metaflow.model.artifact import ArtifactRef
    from metaflow.protocols.file_tree import FileTree
    from metaflow.settings import Settings

LAYOUT_FILE: Final = "millrace.json"
LAYOUT: Final = b'{"layout": 1}\n'
"""An object that tells which layout the others have."""
ASKED_FROM: Final = 1 << 20
"""Below this many bytes, sending a blob once more costs no more than asking whether it is there."""
EMPTY_RATIO: Final = 8
"""A buffer that is compressed at all shrinks to so small a part of it, or smaller."""


class RemoteArtifactStore(ArtifactStore):
    """Stores values in an object store and loads them again.

    Parameters
    ----------
    url : str
        Address of its root, such as `s3://bucket/prefix`.
    settings : Settings, optional
        How this installation behaves; read when needed if not given.
    """

    def __init__(self, url: str, settings: Settings | None = None) -> None:
        self.place: Final = RemotePlace(url, settings)
        """The root, for what is no artifact."""
        self._remote = RemoteBlobs(self.place)
        self._mapped = MappedBlobs()
        self._bare: tuple[RemotePlace, RemoteParts] | None = None
        super().__init__(self._remote, RemoteParts(self.place, self._mapped))

    def older_files(self) -> tuple[FileTree, str]:
        """Give the files that older versions have left in the same root, and its address."""
        from metaflow.artifact_store.older.trees import Bucket

        return Bucket(self.place.objects), self.place.url

    def _batch(self, pack: str, known: Mapping[str, ArtifactRef]) -> Batch:
        parts = [part for ref in known.values() for part in ref.parts]
        return RemoteBatch(self.place, pack, self._remote, self._mapped, parts)

    def load_ahead(self) -> None:
        """Load what saving and loading take, and open nothing; for a process that will fork."""
        self.place.load_ahead()

    def check_access(self) -> None:
        """Find out before work starts whether the store can be used at all.

        Raises
        ------
        DataException
            It can't be reached, does not exist, or refuses to be written to.
        """
        self.place.objects.put(LAYOUT_FILE, LAYOUT)

    def verify(self, part: Part) -> None:
        """Read a part from the object store itself, and check it; a large one in little memory."""
        if self._bare is None:
            bare = self.place.without_cache()
            self._bare = bare, RemoteParts(bare, self._mapped)
        place, parts = self._bare
        if part.pack or part.codec != RAW:
            parts.content(part)
        else:
            place.fetch(blob_name(part.digest, part.codec), part.stored, len)

    def has_blob(self, digest: str, size: int) -> bool:
        """Tell whether bytes are stored as an object of their own."""
        return self.place.objects.size(blob_name(digest, RAW)) == size


class RemoteBlobs:
    """The blobs of one root in an object store.

    Parameters
    ----------
    place : RemotePlace
        The root.
    """

    __slots__ = ("_known", "_place")

    def __init__(self, place: RemotePlace) -> None:
        self._place: Final = place
        self._known: Final[dict[str, Part]] = {}
        """What this process has sent or found, by digest."""

    def find(self, digest: str, size: int) -> Part | None:
        """Return the blob with this digest and size if this process has seen it."""
        part = self._known.get(digest)
        return part if part is not None and part.size == size else None

    def write(
        self, digest: str, size: int, codec: int, content: Iterable[bytes | memoryview]
    ) -> Part:
        """Send a blob, unless a large one is there already; keep a copy in the cache.

        Raises
        ------
        DataException
            The store refused it or could not be reached.
        """
        key = blob_name(digest, codec)
        there = self._place.objects.size(key) if size >= ASKED_FROM else None
        if there is not None and (there == size if codec == RAW else there > 0):
            stored = there
        else:
            stored = self._send(key, size if codec == RAW else size // EMPTY_RATIO, content)
        part = Part(digest, size, codec, stored)
        self._known[digest] = part
        return part

    def _send(self, key: str, expected: int, content: Iterable[bytes | memoryview]) -> int:
        place = self._place
        name = place.copy_name(key)
        if isinstance(content, tuple):
            (payload,) = content
            self._send_whole(key, payload)
            return len(payload)
        entry = place.cache.begin(name, expected)
        try:
            stored = place.objects.put_pieces(key, _kept(content, entry))
            assert stored is not None, "blobs replace one another"
            if entry is not None:
                copy = entry.commit()
                if copy >= 0:
                    os.close(copy)
        finally:
            if entry is not None:
                entry.give_up()
        return stored

    def _send_whole(self, key: str, payload: bytes | memoryview) -> None:
        place = self._place

        def keep() -> None:
            place.cache.add(place.copy_name(key), payload)

        if len(payload) < ASKED_FROM:
            place.objects.put(key, payload)
            keep()
            return
        # The copy is made meanwhile.
        copying = Thread(target=keep)
        copying.start()
        try:
            place.objects.put(key, payload)
        finally:
            copying.join()


class RemoteBatch(Batch):
    """The parts of one call of `save`, on their way to an object store.

    Parameters
    ----------
    place : RemotePlace
        The root.
    pack : str
        Name of the run's pack: its records are objects below it.
    blobs : RemoteBlobs
        Large parts.
    mapped : MappedBlobs
        Knows which buffers are blobs.
    known : Iterable[Part]
        Parts that may turn up again.
    """

    __slots__ = ("_place", "_remote", "_transfers")

    def __init__(
        self,
        place: RemotePlace,
        pack: str,
        blobs: RemoteBlobs,
        mapped: MappedBlobs,
        known: Iterable[Part],
    ) -> None:
        super().__init__(place.url, pack, blobs, mapped, known)
        self._place: Final = place
        self._remote: Final = blobs
        self._transfers: Final = Transfers()

    def _put(self, digest: str, size: int, codec: int, payload: bytes | memoryview) -> None:
        stored = len(payload)
        if stored < BLOB_FROM:
            super()._put(digest, size, codec, payload)
            return
        self.placed[digest] = Part(digest, size, codec, stored)
        self._transfers.start(
            lambda: self._remote.write(digest, size, codec, (payload,)),
            min(stored, HELD_BYTES // 2),
        )

    def flush(self) -> None:
        """Send what is pending; afterwards every part is stored."""
        if self._pending:
            entries = self._pending.values()
            name = f"{self._pack}/{os.urandom(12).hex()}"
            record, begin = encode_record(entries)
            for part in place_parts(entries, name, begin):
                self.placed[part.digest] = part
            self._pending.clear()
            self._pending_bytes = 0
            self._transfers.start(lambda: self._send_record(name, record), len(record))
        self._transfers.wait()

    def _send_record(self, name: str, record: bytes) -> None:
        self._place.objects.put(name, record)
        self._place.cache.add(self._place.copy_name(name), record)


def _kept(
    pieces: Iterable[bytes | memoryview], entry: CacheEntry | None
) -> Iterator[bytes | memoryview]:
    """Write to the cache what passes."""
    for piece in pieces:
        if entry is not None:
            entry.write(piece)
        yield piece
