"""How values that older versions have stored come back, from where these have left them."""

from __future__ import annotations

import io
import json
import pickle
from hashlib import sha1
from typing import TYPE_CHECKING, Any, Final

from metaflow.artifact_store.older.blobs import gunzip, read_blob
from metaflow.artifact_store.older.folder import Folder
from metaflow.artifact_store.older.plain_pickle import Stand, read_plain
from metaflow.artifact_store.older.trees import tree_at
from metaflow.errors.storage import ArtifactCorrupt, ArtifactMissing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow.artifact_store.parts import PartSource
    from metaflow.model.artifact import ArtifactRef, Part
    from metaflow.protocols.file_tree import FileTree

PICKLE: Final = "gzip+pickle"
"""Encoding of an older pickle, of any protocol."""

INCLUDED: Final = "gzip+included"
"""Encoding of what an older version has stored in place of a file that it has included."""

PLUGGED: Final = "gzip+serializer"
"""Encoding of what a serializer of a plug-in has stored; how it is read follows a colon."""

DESCRIPTORS: Final = frozenset({"uploader-v1", "uploader-v2", "external"})
"""Types of what stands for an included file."""

SHA1_LENGTH: Final = 40


def load_older(files: FileTree, root: str, parts: PartSource, ref: ArtifactRef) -> Any:
    """Load a value that an older version has stored.

    Parameters
    ----------
    files : FileTree
        Files below the store's root.
    root : str
        That root, for messages and for files that lie elsewhere.
    parts : PartSource
        Reads what was copied into this store.
    ref : ArtifactRef
        The reference.

    Raises
    ------
    ArtifactMissing
        A file is not there.
    ArtifactCorrupt
        What is stored is not what was saved.
    """
    if len(ref.digest) == SHA1_LENGTH:
        data = older_bytes(files, root, ref)
    else:
        data = b"".join(map(parts.content, ref.parts))
    if ref.encoding == INCLUDED:
        content, text = included_bytes(files, root, ref.parts[0], data)
        return content if text is None else content.decode(text)
    if ref.encoding != PICKLE:
        from metaflow.artifact_store.serializers import PREFIX, SerializerStore

        encoding = PREFIX + ref.encoding.partition(":")[2]
        return SerializerStore.current().deserialize(encoding, ref.type, data)
    return _Unpickler(io.BytesIO(data)).load()


def older_bytes(files: FileTree, root: str, ref: ArtifactRef) -> bytes:
    """Read what was stored of a value, and check it.

    Parameters
    ----------
    files : FileTree
        Files below the store's root.
    root : str
        That root.
    ref : ArtifactRef
        The reference.

    Raises
    ------
    ArtifactMissing
        The file is not there.
    ArtifactCorrupt
        What is stored is not what was saved.
    """
    tree, path, where = place_of(files, root, ref.parts[0].pack)
    return read_blob(tree, path, where)


def read_at(address: str) -> bytes:
    """Read the blob at an address in a bucket.

    Parameters
    ----------
    address : str
        Ends with `<Flow>/data/<xx>/<digest>`.

    Raises
    ------
    ArtifactMissing
        There is none.
    ArtifactCorrupt
        The content is not what was stored.
    """
    root, *rest = address.rsplit("/", 4)
    return read_blob(tree_at(root), "/".join(rest), root)


def place_of(files: FileTree, root: str, path: str) -> tuple[FileTree, str, str]:
    """Say where a file is that a reference names: its tree, its path there, that tree's name.

    Parameters
    ----------
    files : FileTree
        Files below the store's root.
    root : str
        That root.
    path : str
        Relative to the root, or absolute.
    """
    if path.startswith("/"):
        return Folder(""), path[1:], ""
    if files.notes_beside and files.changed_at(path) is None:
        from metaflow.artifact_store.origins import origins_of

        for origin in origins_of(root):
            other = Folder(origin)
            if other.changed_at(path) is not None:
                return other, path, origin
    return files, path, root


class _Unpickler(pickle.Unpickler):
    """Knows where classes are that older versions have kept elsewhere."""

    def find_class(self, module: str, name: str) -> Any:
        if name == "ForeachFrame":
            from metaflow.model.foreach_frame import ForeachFrame

            return ForeachFrame
        return super().find_class(module, name)


def descriptor_of(data: bytes) -> Mapping[str, Any] | None:
    """Find what stands for an included file in a pickle, without running anything it names.

    Returns
    -------
    mapping, optional
        The descriptor; None if the pickle holds something else.
    """
    try:
        value = read_plain(data)
    except ValueError:
        return None
    if isinstance(value, Stand) and isinstance(value.state, dict):
        value = value.state.get("_descriptor")
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    if isinstance(value, dict) and value.get("type") in DESCRIPTORS and "url" in value:
        return value
    return None


def included_bytes(files: FileTree, root: str, part: Part, data: bytes) -> tuple[bytes, str | None]:
    """Read an included file.

    Parameters
    ----------
    files : FileTree
        Files below the store's root.
    root : str
        That root.
    part : Part
        Where what stands for the file is, for messages.
    data : bytes
        What stands for the file, pickled.

    Returns
    -------
    tuple of bytes and str or None
        The content, and the encoding that makes text of it if it is text.
    """
    told = descriptor_of(data)
    if told is None:
        raise ArtifactCorrupt(part.pack, part.digest, "it does not name an included file")
    text = str(told.get("encoding") or "utf-8") if told.get("is_text", True) else None
    return _content(*place_of(files, root, part.pack), told), text


def _content(tree: FileTree, beside: str, where: str, told: Mapping[str, Any]) -> bytes:
    """Read an included file; a folder that was moved has taken its files along.

    What stands for the file is at `beside`, which is `Flow/data/xx/digest` below its root.
    """
    url = str(told["url"])
    scheme, is_url, path = url.partition("://")
    digest = path.rpartition("/")[2]
    if not is_url or scheme == "local":
        path = path if is_url else url
        above = "/".join(beside.split("/")[:-4])
        moved = "/".join(filter(None, (above, "data", *path.split("/")[-2:])))
        data = Folder("").read(path.lstrip("/"))
        if data is None:
            data = tree.read(moved)
            path = f"{where}/{moved}"
    else:
        above, name = url.rsplit("/", 1)
        data, path = tree_at(above).read(name), url
    if data is None:
        raise ArtifactMissing(path, digest)
    if told.get("type") == "external":
        return data
    content = gunzip(data, path, digest)
    if len(digest) == SHA1_LENGTH and sha1(content, usedforsecurity=False).hexdigest() != digest:
        raise ArtifactCorrupt(path, digest, "the content does not match the digest")
    return content
