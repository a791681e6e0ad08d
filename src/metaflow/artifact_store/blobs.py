"""Blobs: large parts in files of their own, named by digest and never changed.

A blob's name is its digest, with an ending that tells the codec. It is written under a
temporary name and renamed, so a blob that is there is whole.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from metaflow.artifact_store.hashing import BLOBS, ENDINGS, blob_name
from metaflow.artifact_store.writing import storage_error, write_all
from metaflow.errors.storage import ArtifactMissing
from metaflow.model.artifact import RAW, Part
from metaflow.settings.durability import (
    force,
    force_folder,
    force_path,
    make_folders,
    survives_power_loss,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

TEMPORARY: Final = "tmp-"
"""Begins the names of unfinished files; one older than its run is garbage."""


class BlobFiles:
    """The blobs of one store."""

    __slots__ = ("_folder", "_root", "_roots")

    def __init__(self, root: str) -> None:
        self._root = root
        self._folder = f"{root}/{BLOBS}"
        self._roots: tuple[str, ...] | None = None
        """This root and those that it refers to, once that was asked for."""

    def path(self, digest: str, codec: int) -> str:
        """Say where a blob is."""
        return f"{self._root}/{blob_name(digest, codec)}"

    def find(self, digest: str, size: int) -> Part | None:
        """Return the blob with this digest and uncompressed size if it is stored already."""
        for root in self._roots or self._look_for_roots():
            for codec in ENDINGS:
                path = f"{root}/{blob_name(digest, codec)}"
                try:
                    stored = os.stat(path).st_size
                    # A crash of the machine can leave an empty file under a final name.
                    if stored == size if codec == RAW else stored > 0:
                        # Who collects garbage sees that it is in use, or has deleted it.
                        os.utime(path)
                        if survives_power_loss():
                            # Whoever has written it may not have waited for the disk.
                            _force_blob(path)
                        return Part(digest, size, codec, stored)
                except OSError:
                    continue
        return None

    def _look_for_roots(self) -> tuple[str, ...]:
        from metaflow.artifact_store.origins import origins_of

        self._roots = (self._root, *origins_of(self._root))
        return self._roots

    def write(
        self, digest: str, size: int, codec: int, content: Iterable[bytes | memoryview]
    ) -> Part:
        """Store a blob; `content` is what the file shall hold, already compressed.

        Raises
        ------
        StorageFull
            The blob did not fit; nothing of it is left.
        """
        path = self.path(digest, codec)
        temporary = f"{self._folder}/{TEMPORARY}{os.getpid()}-{os.urandom(8).hex()}"
        renamed = False
        try:
            fd = self._create(temporary)
            try:
                stored = 0
                for piece in content:
                    write_all(fd, piece)
                    stored += len(piece)
                force(fd)
            finally:
                os.close(fd)
            self._rename(temporary, path)
            renamed = True
            force_folder(os.path.dirname(path))
        except OSError as error:
            raise storage_error(error, path) from error
        finally:
            if not renamed:
                with suppress(OSError):
                    os.unlink(temporary)
        return Part(digest, size, codec, stored)

    def _create(self, temporary: str) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            return os.open(temporary, flags, 0o644)
        except FileNotFoundError:
            make_folders(self._folder)
            return os.open(temporary, flags, 0o644)

    def _rename(self, temporary: str, path: str) -> None:
        try:
            os.rename(temporary, path)
        except FileNotFoundError:
            make_folders(os.path.dirname(path))
            os.rename(temporary, path)

    def open(self, part: Part) -> int:
        """Open a blob for reading.

        Raises
        ------
        ArtifactMissing
            There is no such blob.
        """
        path = self.path(part.digest, part.codec)
        try:
            return self._open(part, path)
        except FileNotFoundError as error:
            raise ArtifactMissing(path, part.digest) from error
        except OSError as error:
            raise storage_error(error, path) from error

    def _open(self, part: Part, path: str) -> int:
        try:
            return os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            from metaflow.artifact_store.origins import open_in_origins

            return open_in_origins(self._root, blob_name(part.digest, part.codec))


def _force_blob(path: str) -> None:
    try:
        for place in (path, os.path.dirname(path), os.path.dirname(os.path.dirname(path))):
            force_path(place)
    except OSError as error:
        raise storage_error(error, path) from error
