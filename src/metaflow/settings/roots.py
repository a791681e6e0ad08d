"""Which directory is the local store's root."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from metaflow.settings.durability import make_folders
from metaflow.settings.search import LOCAL_DIRECTORY, SPIN_DIRECTORY, nearest_local_directory

if TYPE_CHECKING:
    from metaflow.settings.load import Settings


def find_local_root(
    start_dir: str, settings: Settings, datastore_root: str | None = None
) -> str | None:
    """Find the existing root of the local store.

    Parameters
    ----------
    start_dir : str
        Where to begin the search, usually the working directory.
    settings : Settings
        `datastore_sysroot_local` takes the place of the search.
    datastore_root : str, optional
        A root that was asked for by name; used as it is.

    Returns
    -------
    str, optional
        Absolute path, or None when there is no local store yet.
    """
    named = _named_root(start_dir, settings, datastore_root)
    if named is None:
        return nearest_local_directory(start_dir)
    return named if os.path.isdir(named) else None


def ensure_local_root(
    start_dir: str, settings: Settings, datastore_root: str | None = None
) -> tuple[str, bool]:
    """Find the root of the local store, and create it if there is none.

    Parameters
    ----------
    start_dir : str
        Where to begin the search, and where a new root is made if nothing names another
        place.
    settings : Settings
        `datastore_sysroot_local` takes the place of the search.
    datastore_root : str, optional
        A root that was asked for by name; used as it is.

    Returns
    -------
    tuple of str and bool
        Absolute path, and whether the directory was created by this call.

    Raises
    ------
    StorageUnavailable
        It cannot be created.
    """
    found = find_local_root(start_dir, settings, datastore_root)
    if found is not None:
        return found, False
    path = _named_root(start_dir, settings, datastore_root) or os.path.join(
        os.path.abspath(start_dir), LOCAL_DIRECTORY
    )
    try:
        make_folders(path)
    except OSError as error:
        from metaflow.errors.storage import StorageUnavailable

        raise StorageUnavailable(path, error.strerror or str(error)) from error
    return path, True


def spin_root_beside(local_root: str, start_dir: str, settings: Settings) -> str:
    """Say where the tasks go that are spun from the runs of a store; nothing is created.

    Parameters
    ----------
    local_root : str
        Root of the store that has the runs, absolute.
    start_dir : str
        What a relative setting is relative to, usually the working directory.
    settings : Settings
        `datastore_sysroot_spin` takes the place of the store's neighbourhood.

    Returns
    -------
    str
        Absolute path.
    """
    sysroot = settings.datastore_sysroot_spin
    if sysroot:
        place = os.path.join(start_dir, os.path.expanduser(sysroot), SPIN_DIRECTORY)
        return os.path.abspath(place)
    return os.path.join(os.path.dirname(local_root), SPIN_DIRECTORY)


def _named_root(start_dir: str, settings: Settings, datastore_root: str | None) -> str | None:
    if datastore_root:
        return os.path.abspath(os.path.join(start_dir, os.path.expanduser(datastore_root)))
    if settings.datastore_sysroot_local:
        sysroot = os.path.expanduser(settings.datastore_sysroot_local)
        return os.path.abspath(os.path.join(start_dir, sysroot, LOCAL_DIRECTORY))
    return None
