"""How older versions keep bytes: under their SHA-1, gzipped unless a note beside says otherwise."""

from __future__ import annotations

import json
import zlib
from hashlib import sha1
from typing import TYPE_CHECKING, Final

from metaflow.errors.storage import ArtifactCorrupt, ArtifactMissing, DataException

if TYPE_CHECKING:
    from metaflow.protocols.file_tree import FileTree

GZIP: Final = zlib.MAX_WBITS | 16
VERSION: Final = 1
"""The only version of the layout of blobs that there is."""


def blob_path(flow: str, digest: str) -> str:
    """Say where a blob is, relative to the root."""
    return f"{flow}/data/{digest[:2]}/{digest}"


def read_blob(files: FileTree, path: str, where: str = "") -> bytes:
    """Read a blob, and check that its content is what its name says.

    Parameters
    ----------
    files : FileTree
        Where it is.
    path : str
        Its path; the last part is its digest.
    where : str, optional
        The root, for messages.

    Raises
    ------
    ArtifactMissing
        There is no such file.
    ArtifactCorrupt
        The content is not what was stored.
    DataException
        A later version has stored it, in a way that this one does not know.
    """
    digest = path.rpartition("/")[2]
    shown = f"{where}/{path}" if where else path
    data = files.read(path)
    if data is None:
        raise ArtifactMissing(shown, digest)
    is_gzip = data.startswith(b"\x1f\x8b")
    if not is_gzip or (files.notes_beside and not _is_gzipped(files, path, shown)):
        content = data
    elif not files.notes_beside and _digest(data) == digest:
        content = data  # stored as it is, and gzipped by its maker
    else:
        content = gunzip(data, shown, digest)
    if _digest(content) != digest:
        raise ArtifactCorrupt(shown, digest, "the content does not match the digest")
    return content


def _digest(data: bytes) -> str:
    return sha1(data, usedforsecurity=False).hexdigest()


def gunzip(data: bytes, path: str, digest: str) -> bytes:
    """Decompress what was gzipped.

    Raises
    ------
    ArtifactCorrupt
        It is cut off or was changed.
    """
    reader = zlib.decompressobj(GZIP)
    try:
        content = reader.decompress(data) + reader.flush()
    except zlib.error as error:
        raise ArtifactCorrupt(path, digest, str(error)) from error
    if not reader.eof:
        raise ArtifactCorrupt(path, digest, "the file is too short")
    return content


def _is_gzipped(files: FileTree, path: str, shown: str) -> bool:
    """Tell whether the store has compressed a blob; the user's bytes may be gzipped themselves."""
    note = files.read(f"{path}_meta")
    if note is None:  # the oldest versions have compressed everything
        return True
    try:
        told = json.loads(note)
        version, raw = told.get("cas_version"), bool(told.get("cas_raw"))
    except (ValueError, AttributeError) as error:
        digest = path.rpartition("/")[2]
        raise ArtifactCorrupt(f"{shown}_meta", digest, str(error)) from error
    if version != VERSION:
        raise DataException(
            f"`{shown}` is stored in version {version!r} of the older layout; "
            f"this version of Metaflow knows version {VERSION}.",
            hint="a later version may have written it.",
        )
    return not raw
