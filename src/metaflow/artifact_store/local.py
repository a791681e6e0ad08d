"""The artifact store of one local root directory: packs and blobs are files in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow.artifact_store.batch import Batch
from metaflow.artifact_store.blobs import BlobFiles
from metaflow.artifact_store.mapped import MappedBlobs
from metaflow.artifact_store.reading import PartReader
from metaflow.artifact_store.store import ArtifactStore
from metaflow.model.artifact import RAW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow.model.artifact import ArtifactRef, Part
    from metaflow.protocols.file_tree import FileTree


class LocalArtifactStore(ArtifactStore):
    """Stores values under a root directory and loads them again.

    Parameters
    ----------
    root : str
        Root directory; files and folders in it are made as needed.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._files = BlobFiles(root)
        self._mapped = MappedBlobs()
        self._reader = PartReader(root, self._files, self._mapped)
        super().__init__(self._files, self._reader)

    def verify(self, part: Part) -> None:
        """Read a part whole, in little memory, and check it."""
        if part.pack or part.codec != RAW:
            super().verify(part)
        else:
            self._reader.verify_blob(part)

    def verify_mapped(self, whole: ArtifactRef | None = None) -> None:
        """Check the blobs that are mapped into memory and have been looked at since."""
        for part in self._mapped.unverified(whole):
            self._reader.verify_blob(part)
            self._mapped.mark_verified(part)

    def older_files(self) -> tuple[FileTree, str]:
        """Give the files that older versions have left in the same root, and its name."""
        from metaflow.artifact_store.older.folder import Folder

        return Folder(self._root), self._root

    def _batch(self, pack: str, known: Mapping[str, ArtifactRef]) -> Batch:
        parts = [part for ref in known.values() for part in ref.parts]
        return Batch(self._root, pack, self._files, self._mapped, parts)
