"""The key that seals what this user stores: one file, made on first use, read by nobody else."""

from __future__ import annotations

import os
import stat
from typing import Final

from metaflow.errors.storage import SealingKeyUnusable
from metaflow.settings.load import profile_path

KEY_FILE: Final = "sealing.key"
KEY_BYTES: Final = 32


def sealing_key() -> bytes:
    """Return the user's key; make one if there is none.

    It lies beside the profiles, in `~/.metaflowconfig` or in METAFLOW_HOME. Whoever copies
    it to another machine is the same user there.

    Returns
    -------
    bytes
        32 bytes.

    Raises
    ------
    SealingKeyUnusable
        It cannot be read or written, is none, or can be read by others.
    """
    path = os.path.join(os.path.dirname(profile_path(os.environ, None)), KEY_FILE)
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise SealingKeyUnusable(path, error.strerror or str(error)) from error
    try:
        _make(path)
        return _read(path)
    except OSError as error:
        raise SealingKeyUnusable(path, error.strerror or str(error)) from error


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        facts = os.fstat(descriptor)
        if facts.st_uid != os.getuid() or stat.S_IMODE(facts.st_mode) & 0o077:
            raise SealingKeyUnusable(path, "others could read or replace it")
        key = file.read(KEY_BYTES + 1)
    if len(key) != KEY_BYTES:
        raise SealingKeyUnusable(path, f"it has {len(key)} bytes, not {KEY_BYTES}")
    return key


def _make(path: str) -> None:
    """Make a key, unless another process is quicker; never is there half a key."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    temporary = f"{path}.{os.getpid()}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(os.urandom(KEY_BYTES))
        os.link(temporary, path)
    except FileExistsError:
        return
    finally:
        os.unlink(temporary)
