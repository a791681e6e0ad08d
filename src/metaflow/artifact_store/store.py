"""Values in, references out, and back: what all artifact stores do alike."""

from __future__ import annotations

import sys
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final

from metaflow import registry
from metaflow.artifact_store.formats.choosing import save_values
from metaflow.artifact_store.formats.labels import BYTES, TEXT
from metaflow.artifact_store.formats.loading import READERS, load_value
from metaflow.artifact_store.formats.pickles import Pickles
from metaflow.artifact_store.hashing import digest_of, digest_of_parts
from metaflow.artifact_store.items import (
    CHECKED_RANGE,
    ENTRY,
    RANGE,
    decode_item,
    encode_items,
    placed_item,
    short_digest,
    unpickle_item,
)
from metaflow.errors.storage import UnknownEncoding
from metaflow.model.artifact import RAW, ArtifactRef, ItemsRef, Part

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from metaflow.artifact_store.batch import Batch
    from metaflow.artifact_store.parts import BlobStore, PartSource
    from metaflow.artifact_store.serializers import SerializerStore
    from metaflow.errors.base import MetaflowException
    from metaflow.protocols.file_tree import FileTree

PLUGGED: Final = "serializer"
"""Stored by a plug-in; how it is to be read follows a colon."""

FILE_PIECE: Final = 8 << 20
"""So much of a file is in memory while it is stored."""

_NOTHING_KNOWN: Final[Mapping[str, ArtifactRef]] = MappingProxyType({})


class ArtifactStore:
    """Stores values and loads them again; where their bytes are is up to those who derive.

    A store may be made before a fork and used on both sides of it; it is not meant for
    several threads.

    Parameters
    ----------
    blobs : BlobStore
        Large parts.
    parts : PartSource
        Reads parts of any size.
    """

    def __init__(self, blobs: BlobStore, parts: PartSource) -> None:
        self._blobs = blobs
        self._parts = parts
        self._pickles = Pickles()

    def batch(self, pack: str) -> Batch:
        """Begin to store parts that are encoded already.

        Parameters
        ----------
        pack : str
            Name of the run's pack, relative to the root.
        """
        return self._batch(pack, _NOTHING_KNOWN)

    def _batch(self, pack: str, known: Mapping[str, ArtifactRef]) -> Batch:
        """Begin to store some parts."""
        raise NotImplementedError

    def save(
        self,
        objects: Mapping[str, object],
        pack: str,
        known: Mapping[str, ArtifactRef] = _NOTHING_KNOWN,
    ) -> tuple[dict[str, ArtifactRef], dict[str, MetaflowException]]:
        """Store values; what is stored already is not stored again.

        Parameters
        ----------
        objects : Mapping[str, object]
            Values by artifact name.
        pack : str
            Name of the run's pack, relative to the root.
        known : Mapping[str, ArtifactRef]
            References that the values may equal, usually the predecessor's.

        Returns
        -------
        tuple[dict[str, ArtifactRef], dict[str, MetaflowException]]
            The references of what was stored, and for each other name the reason.

        Raises
        ------
        StorageFull
            There is no room; nothing refers to what was written so far.
        StorageUnavailable
            A file of the store cannot be written.
        """
        batch = self._batch(pack, known)
        serializers = plugged_serializers()
        if serializers is not None:
            from metaflow.artifact_store.plugged import save_plugged

            refs, errors, objects = save_plugged(serializers, batch, objects, known)
            rest, more = save_values(batch, objects, known, self._pickles)
            return {**refs, **rest}, {**errors, **more}
        return save_values(batch, objects, known, self._pickles)

    def save_file(self, path: str, pack: str, text_encoding: str | None = None) -> ArtifactRef:
        """Store the content of a file, piece by piece; it loads as bytes or as text.

        Parameters
        ----------
        path : str
            The file.
        pack : str
            Name of the run's pack, relative to the root.
        text_encoding : str, optional
            Name of the encoding that makes text of it; None for bytes.

        Raises
        ------
        OSError
            The file cannot be read.
        StorageFull
            There is no room.
        """
        encoding = BYTES if text_encoding is None else f"{TEXT}:{text_encoding}"
        batch = self._batch(pack, _NOTHING_KNOWN)
        digests: list[str] = []
        with open(path, "rb", buffering=0) as file:
            while piece := file.read(FILE_PIECE):
                digests.append(batch.add_stream(piece))
        digests = digests or [batch.add_stream(b"")]
        batch.flush()
        parts = tuple([batch.placed[digest] for digest in digests])
        digest = digests[0] if len(digests) == 1 else digest_of_parts(encoding, digests)
        type_ = "builtins.bytes" if text_encoding is None else "builtins.str"
        size = sum([part.size for part in parts])
        return ArtifactRef(digest, type_, size, encoding, len(parts), parts)

    def save_blob(self, data: bytes) -> Part:
        """Store bytes as a file of their own, as they are, unless they are stored already.

        Raises
        ------
        StorageFull
            There is no room.
        """
        digest = digest_of(data)
        if self.has_blob(digest, len(data)):
            return Part(digest, len(data), RAW, len(data))
        return self._blobs.write(digest, len(data), RAW, (data,))

    def has_blob(self, digest: str, size: int) -> bool:
        """Tell whether bytes are stored as a file of their own."""
        part = self._blobs.find(digest, size)
        return part is not None and part.codec == RAW

    def load(self, ref: ArtifactRef) -> object:
        """Load a value.

        Large buffers inside it are mapped: they may be written to without any effect on
        what is stored.

        Raises
        ------
        ArtifactMissing
            A file or an object of the store is gone.
        ArtifactCorrupt
            What is stored is not what was saved.
        UnknownEncoding
            This version cannot read it.
        PickleRefused
            It is a pickle, and the settings say that it must not be loaded.
        """
        loader = self._LOADERS.get(ref.encoding.partition(":")[0])
        if loader is None:
            raise UnknownEncoding(ref.encoding, ref.type, tuple(self._LOADERS))
        return loader(self, ref)

    def load_ahead(self) -> None:
        """Load what saving and loading take, and open nothing; for a process that will fork."""

    def check_access(self) -> None:
        """Find out before work starts whether the store can be used at all.

        Raises
        ------
        DataException
            It can't be reached, does not exist, or refuses to be written to.
        """

    def export(self, ref: ArtifactRef, path: str) -> str:
        """Write a value into a file that other programs read.

        Parameters
        ----------
        ref : ArtifactRef
            The value.
        path : str
            Path of the file without its suffix.

        Returns
        -------
        str
            The path with its suffix, which tells the format.

        Raises
        ------
        OSError
            The file cannot be written.
        PickleRefused
            It is a pickle, and the settings say that it must not be loaded.
        """
        from metaflow.artifact_store.formats.exporting import export_value

        return export_value(self._parts, ref, self.load, path)

    def save_items(self, items: Sequence[object], pack: str) -> ItemsRef | None:
        """Store the items of a foreach one by one.

        Returns
        -------
        ItemsRef | None
            None when the items are too large for this, or one cannot be stored alone; then
            each task has to load the whole artifact.

        Raises
        ------
        StorageFull
            There is no room.
        """
        encoded = encode_items(items, self._pickles)
        if encoded is None:
            return None
        count, data = encoded
        return ItemsRef(count, self._batch(pack, _NOTHING_KNOWN).add_raw(data), with_digests=1)

    def load_item(self, items: ItemsRef, index: int) -> object:
        """Load one item, counted from 0, without reading the others.

        Raises
        ------
        IndexError
            There is no such item.
        ArtifactMissing
            A file of the store is gone.
        ArtifactCorrupt
            What is stored is not what was saved.
        """
        if not 0 <= index < items.count:
            raise IndexError(index)
        entry, table = (ENTRY.size, CHECKED_RANGE) if items.with_digests else (8, RANGE)
        place = self._parts.range(items.part, index * entry, table.size)
        try:
            start, length, digest, is_json = placed_item(place, items)
        except ValueError as error:
            raise self._parts.corrupt(items.part, "the table of items makes no sense") from error
        data = self._parts.range(items.part, start, length)
        if digest is not None and short_digest(data) != digest:
            raise self._parts.corrupt(items.part, f"item {index} does not match its digest")
        if not is_json:
            self._pickles.check_items()
            return unpickle_item(data)
        try:
            return decode_item(data)
        except ValueError as error:
            raise self._parts.corrupt(items.part, f"an item makes no sense: {error}") from error

    def verify(self, part: Part) -> None:
        """Read a part whole, and check it.

        Raises
        ------
        ArtifactMissing
            A file of the store is gone.
        ArtifactCorrupt
            What is stored is not what was saved.
        """
        self._parts.content(part)

    def verify_mapped(self, whole: ArtifactRef | None = None) -> None:
        """Check what was mapped into memory unread and has been looked at since.

        A store that checks bytes as it fetches them has nothing left to do.

        Parameters
        ----------
        whole : ArtifactRef, optional
            Check this artifact instead, whether or not anybody has looked at it.

        Raises
        ------
        ArtifactCorrupt
            What is stored is not what was saved.
        """

    def close(self) -> None:
        """Close what is held open; the store stays usable."""
        self._parts.close()

    def _open(self, ref: ArtifactRef) -> object:
        return load_value(self._parts, ref, self._pickles)

    def _plugged(self, ref: ArtifactRef) -> object:
        from metaflow.artifact_store.plugged import load_plugged

        return load_plugged(self._parts, ref)

    def _older(self, ref: ArtifactRef) -> object:
        from metaflow.artifact_store.older.loading import load_older

        if ref.encoding.startswith("gzip+pickle"):
            self._pickles.check(ref)
        return load_older(*self.older_files(), self._parts, ref)

    def older_files(self) -> tuple[FileTree, str]:
        """Give the files that older versions have left in the same root, and its name."""
        raise NotImplementedError

    _LOADERS: ClassVar[dict[str, Callable[[ArtifactStore, ArtifactRef], object]]] = {
        **dict.fromkeys(READERS, _open),
        PLUGGED: _plugged,
        "gzip+included": _older,
        "gzip+pickle": _older,
        "gzip+serializer": _older,
    }
    """How each encoding is read."""


def plugged_serializers() -> SerializerStore | None:
    """Find the serializers of plug-ins; None when there are none, as nearly always."""
    if not _CHECKED:
        # Only what is remembered of the path is read here, and once before workers are forked.
        _CHECKED.append(registry.has_plugged("serializer"))
    if not _CHECKED[0] and "metaflow.artifact_store.serializers" not in sys.modules:
        return None
    from metaflow.artifact_store.serializers import SerializerStore

    return SerializerStore.current() or None


_CHECKED: Final[list[bool]] = []
"""Whether there are serializers of plug-ins, once somebody has looked."""
