"""Where a user keeps copies of what others must not read or change: in a folder of one's own."""

from __future__ import annotations

import os
import stat
from contextlib import suppress


def private_folder(path: str, *, shared: bool) -> str | None:
    """Make the folder that is this user's own in a place for caches.

    Parameters
    ----------
    path : str
        The place.
    shared : bool
        All users of the machine shall find room there.

    Returns
    -------
    str or None
        None when the folder cannot be made, or is not this user's alone.
    """
    folder = f"{path}/{os.getuid()}"
    try:
        if not os.path.isdir(folder):
            _make_place(path, shared=shared)
            with suppress(FileExistsError):
                os.mkdir(folder, 0o700)
        found = os.lstat(folder)
    except OSError:
        return None
    is_private = not stat.S_IMODE(found.st_mode) & 0o077
    return (
        folder
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and is_private
        else None
    )


def _make_place(path: str, *, shared: bool) -> None:
    if os.path.isdir(path):
        return
    os.makedirs(path, exist_ok=True)
    if shared:
        with suppress(OSError):
            # As in a folder for temporary files, everybody may add to it and nobody may
            # touch what others have there.
            os.chmod(path, 0o1777)  # noqa: S103 - as said
