"""Which address in an object store is the root of a run's artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from metaflow.errors.input import DatastoreRootInvalid, DatastoreRootMissing
from metaflow.settings.object_store import ROOTS

if TYPE_CHECKING:
    from metaflow.settings.load import Settings

SCHEMES: Final = {"s3": "s3://", "gs": "gs://", "azure": "azure://"}
"""What addresses begin with, for each kind of object store."""
FILES: Final = "file://"
"""Begins the address of a folder that is used as if it were an object store."""
EXAMPLES: Final = {
    "s3": "s3://bucket/prefix",
    "gs": "gs://bucket/prefix",
    "azure": "container/prefix",
}


def artifact_root(datastore: str, settings: Settings, given: str | None = None) -> str:
    """Say where artifacts go.

    Parameters
    ----------
    datastore : str
        `s3`, `gs` or `azure`; any other keeps artifacts beside the facts.
    settings : Settings
        Has the roots.
    given : str, optional
        A root that was asked for by name.

    Returns
    -------
    str
        The address of the root; empty where artifacts are beside the facts.

    Raises
    ------
    DatastoreRootMissing
        Nothing names the root.
    DatastoreRootInvalid
        It is no address of this kind of store.
    """
    scheme = SCHEMES.get(datastore)
    if scheme is None:
        return ""
    setting = ROOTS[datastore]
    url = (given or settings.raw.get(setting) or "").rstrip("/")
    if not url:
        raise DatastoreRootMissing(datastore, setting, EXAMPLES[datastore])
    if datastore == "azure" and "://" not in url:
        # Metaflow writes these without a scheme.
        url = scheme + url
    begin = FILES if url.startswith(FILES) else scheme
    rest = url.removeprefix(begin)
    if not url.startswith(begin) or not rest or "//" in rest:
        source = "--datastore-root" if given else setting
        raise DatastoreRootInvalid(url, source, EXAMPLES[datastore])
    return url


def datastore_of(root: str) -> str:
    """Name the kind of store that the address of a root belongs to."""
    for datastore, scheme in SCHEMES.items():
        if root.startswith(scheme):
            return datastore
    return "local"
