"""Takes values that older versions have stored into a store of ours, without unpickling them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow.artifact_store.formats.labels import BYTES, TEXT
from metaflow.artifact_store.hashing import digest_of_parts
from metaflow.artifact_store.older.loading import INCLUDED, included_bytes, older_bytes
from metaflow.artifact_store.pickling import PART_BYTES
from metaflow.model.artifact import ArtifactRef

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow.artifact_store.store import ArtifactStore
    from metaflow.protocols.file_tree import FileTree


def copy_older(
    store: ArtifactStore,
    source: tuple[FileTree, str],
    refs: Mapping[str, ArtifactRef],
    pack: str,
) -> dict[str, ArtifactRef]:
    """Store the bytes of older values anew.

    Parameters
    ----------
    store : ArtifactStore
        The store that gets them.
    source : tuple of FileTree and str
        Where they are, and its name.
    refs : mapping of str to ArtifactRef
        References by name.
    pack : str
        Name of the run's pack.

    Returns
    -------
    dict of str to ArtifactRef
        References to the copies.

    Raises
    ------
    DataException
        Something is lost or damaged, or there is no room.
    """
    batch = store.batch(pack)
    files, root = source
    made: dict[str, tuple[str, str, int, list[str]]] = {}
    for name, ref in refs.items():
        data, encoding, kind = older_bytes(files, root, ref), ref.encoding, ref.type
        if encoding == INCLUDED:
            data, text = included_bytes(files, root, ref.parts[0], data)
            encoding = BYTES if text is None else f"{TEXT}:{text}"
            kind = "builtins.bytes" if text is None else "builtins.str"
        view = memoryview(data)
        starts = range(0, max(1, len(data)), PART_BYTES)
        digests = [batch.add_stream(view[start : start + PART_BYTES]) for start in starts]
        made[name] = encoding, kind, len(data), digests
    batch.flush()
    copies = {}
    for name, (encoding, kind, size, digests) in made.items():
        parts = tuple(batch.placed[digest] for digest in digests)
        digest = digests[0] if len(digests) == 1 else digest_of_parts(encoding, digests)
        copies[name] = ArtifactRef(digest, kind, size, encoding, len(parts), parts)
    return copies
