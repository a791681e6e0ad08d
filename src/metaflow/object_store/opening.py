"""Which store an address stands for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from metaflow.object_store.addresses import parse_address

if TYPE_CHECKING:
    from metaflow.protocols.object_store import ObjectStore
    from metaflow.settings.load import Settings


def load_ahead(url: str) -> None:
    """Load what it takes to open a store, and open nothing; for a process that is going to fork.

    Parameters
    ----------
    url : str
        The address of the store.
    """
    if parse_address(url) is not None:
        from metaflow.object_store.library import library

        import_module("metaflow.object_store.cloud")
        library.load_ahead()


def open_object_store(url: str, settings: Settings) -> ObjectStore:
    """Open the store at an address; nothing is read or written yet.

    Parameters
    ----------
    url : str
        `s3://bucket/prefix`, `gs://bucket/prefix`, `azure://container/prefix`, or the absolute
        path of a folder.
    settings : Settings
        The settings of this process.

    Returns
    -------
    ObjectStore
        The store. It may be used on both sides of a fork: the child's first use opens it
        again.

    Raises
    ------
    ObjectStoreAddressInvalid
        The address is none.
    ObjectLibraryMissing
        The library that talks to clouds is not installed.
    SettingInvalid
        A setting for clouds is not what it should be.
    """
    address = parse_address(url)
    if address is None:
        from metaflow.object_store.local import LocalObjects

        return LocalObjects(url)
    from metaflow.object_store.cloud import CloudObjects
    from metaflow.settings.object_store import cloud_settings

    return CloudObjects(address, cloud_settings(settings.raw))
