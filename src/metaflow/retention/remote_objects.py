"""What of a run lies in an object store, and which of it may be deleted.

Records and logs are the run's own. Blobs may also belong to runs that other metadata stores know,
so they only go if nobody else uses the place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow.artifact_store.hashing import ENDINGS, blob_name
from metaflow.object_store.opening import open_object_store
from metaflow.retention.references import DIGEST, own_names
from metaflow.settings.artifact_roots import FILES
from metaflow.settings.load import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow.metadata_store.facts import RunToKeep
    from metaflow.protocols.object_store import ObjectStore
    from metaflow.retention.references import References


def open_objects(url: str) -> ObjectStore:
    """Open the place that the fact `ds-root` of a run names."""
    return open_object_store(url.removeprefix(FILES), load_settings())


def objects_of(
    url: str, run: RunToKeep, texts: Iterable[str], used: References, *, exclusive: bool
) -> list[str]:
    """List the objects of a run that nobody else refers to.

    Parameters
    ----------
    url : str
        Where they are.
    run : RunToKeep
        The run.
    texts : iterable of str
        Its facts.
    used : References
        What other runs refer to, as far as this metadata store knows.
    exclusive : bool
        No other metadata store refers to this place.

    Raises
    ------
    MetaflowException
        The place cannot be reached.
    """
    objects = open_objects(url)
    try:
        names = [found.key for name in own_names(run) for found in objects.list(f"{name}/")]
        if exclusive:
            digests = {digest for text in texts for digest in DIGEST.findall(text)}
            unused = sorted(digest for digest in digests if not used.has_digest(digest))
            blobs = (blob_name(digest, codec) for digest in unused for codec in ENDINGS)
            names += [name for name in blobs if objects.size(name) is not None]
    finally:
        objects.close()
    return [name for name in names if not used.has_name(name)]


def delete_objects(url: str, names: Iterable[str]) -> None:
    """Delete objects; those that are gone already do not matter."""
    objects = open_objects(url)
    try:
        objects.delete(names)
    finally:
        objects.close()
