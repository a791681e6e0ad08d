"""Where trees of older files are: folders of this machine, or prefixes of buckets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from metaflow.artifact_store.older.folder import Folder
from metaflow.errors.storage import ObjectMissing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow.protocols.file_tree import FileTree
    from metaflow.protocols.object_store import ObjectStore, StoredObject

AT_ONCE: Final = 32
"""So many small objects are on their way at the same time."""


def tree_at(root: str) -> FileTree:
    """Open the files below a root, as they are now.

    Parameters
    ----------
    root : str
        A directory, or an address such as `s3://bucket/prefix`.
    """
    if "://" not in root:
        return Folder(root)
    from metaflow.object_store.opening import open_object_store
    from metaflow.settings import load_settings
    from metaflow.settings.artifact_roots import FILES

    return Bucket(open_object_store(root.removeprefix(FILES), load_settings()))


class Bucket:
    """Objects below an address, listed once for each flow or run that is asked for.

    Parameters
    ----------
    objects : ObjectStore
        The store at that address.
    """

    __slots__ = ("_fetched", "_folders", "_listed", "_objects", "_stored")

    notes_beside: bool = False

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._folders: dict[str, dict[str, bool]] = {}
        self._stored: dict[str, StoredObject] = {}
        self._listed: set[str] = set()
        self._fetched: dict[str, bytes | None] = {}

    def names(self, folder: str) -> list[tuple[str, bool]]:
        """List one level: each name, and whether it is a folder; nothing if there is no such."""
        self._list("/".join(folder.split("/")[:2]))
        return list(self._folders.get(folder, {}).items())

    def read(self, path: str) -> bytes | None:
        """Read a whole object; None if there is none."""
        if path in self._fetched:
            return self._fetched[path]
        try:
            return self._objects.get(path)
        except ObjectMissing:
            return None

    def size(self, path: str) -> int:
        """Length of an object that is there, in bytes."""
        stored = self._stored.get(path)
        return (self._objects.size(path) or 0) if stored is None else stored.size

    def changed_at(self, path: str) -> float | None:
        """When an object was written; 0 if only that it is there is known."""
        stored = self._stored.get(path)
        if stored is not None:
            return stored.modified_at
        return None if self._objects.size(path) is None else 0.0

    def fetch(self, paths: Iterable[str]) -> None:
        """Get many small objects at once, in place of those that were got before."""
        from concurrent.futures import ThreadPoolExecutor

        self._fetched = {}
        wanted = list(dict.fromkeys(paths))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            self._fetched = dict(zip(wanted, pool.map(self.read, wanted), strict=True))

    def _list(self, prefix: str) -> None:
        """List what is below a prefix, unless more than that was listed."""
        above = prefix.partition("/")[0]
        if {prefix, above, ""} & self._listed:
            return
        self._listed.add(prefix)
        for stored in self._objects.list(prefix):
            parts = stored.key.split("/")
            # Blobs are most of what there is, and are asked for by name.
            depth = 2 if parts[1:2] == ["data"] or parts[0] == "data" else len(parts)
            for end in range(min(depth, len(parts))):
                folder = self._folders.setdefault("/".join(parts[:end]), {})
                folder[parts[end]] = end < len(parts) - 1
            if depth == len(parts):
                self._stored[stored.key] = stored
