"""How a value comes back from each format: the table of readers, by encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from metaflow.artifact_store.formats.labels import (
    ARROW,
    BYTEARRAY,
    BYTES,
    JSON,
    MARKED,
    NPY,
    PICKLE,
    SAFETENSORS,
    TEXT,
)
from metaflow.artifact_store.formats.plain import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from metaflow.artifact_store.formats.pickles import Pickles
    from metaflow.artifact_store.parts import PartSource
    from metaflow.model.artifact import ArtifactRef


def load_value(parts: PartSource, ref: ArtifactRef, pickles: Pickles) -> Any:
    """Load a value in one of the formats of `READERS`.

    Raises
    ------
    ArtifactCorrupt
        What is stored is not what was saved.
    PickleRefused
        It is a pickle that must not be loaded.
    """
    if ref.encoding == PICKLE:
        pickles.check(ref)
        return _unpickle(parts, ref, verified=pickles.sealed)
    try:
        return READERS[ref.encoding.partition(":")[0]](parts, ref)
    except ValueError as error:
        raise parts.corrupt(ref.parts[0], f"it is no {ref.encoding}: {error}") from error


def _joined(parts: PartSource, ref: ArtifactRef) -> bytes:
    if len(ref.parts) == 1:
        return parts.content(ref.parts[0])
    return b"".join(parts.contents(ref.parts))


def _json(parts: PartSource, ref: ArtifactRef) -> Any:
    return decode(_joined(parts, ref))


def _marked(parts: PartSource, ref: ArtifactRef) -> Any:
    from metaflow.artifact_store.formats.marked import decode_marked

    return decode_marked(_joined(parts, ref))


def _bytearray(parts: PartSource, ref: ArtifactRef) -> bytearray:
    return bytearray(_joined(parts, ref))


def _text(parts: PartSource, ref: ArtifactRef) -> str:
    return _joined(parts, ref).decode(ref.encoding.partition(":")[2])


def _npy(parts: PartSource, ref: ArtifactRef) -> Any:
    from metaflow.artifact_store.formats.npy import load_npy

    return load_npy(parts, ref)


def _arrow(parts: PartSource, ref: ArtifactRef) -> Any:
    from metaflow.artifact_store.formats.frames import load_arrow

    return load_arrow(parts, ref)


def _arrays(parts: PartSource, ref: ArtifactRef) -> Any:
    from metaflow.artifact_store.formats.tensors import load_arrays

    return load_arrays(parts, ref)


def _unpickle(parts: PartSource, ref: ArtifactRef, *, verified: bool = False) -> Any:
    import pickle

    stream, rest = ref.parts[: ref.stream], ref.parts[ref.stream :]
    buffers: Sequence[Any] = ()
    if rest:
        # What is mapped is not compared with its digest.
        buffers = list(map(bytearray, parts.contents(rest))) if verified else parts.buffers(rest)
    if len(stream) == 1:
        return pickle.loads(parts.content(stream[0]), buffers=buffers)
    from metaflow.artifact_store.pickling import StreamReader

    reader = StreamReader(parts.contents(stream))
    return pickle.Unpickler(reader, buffers=buffers).load()


READERS: Final[dict[str, Callable[[PartSource, ArtifactRef], Any]]] = {
    PICKLE: _unpickle,
    JSON: _json,
    MARKED: _marked,
    NPY: _npy,
    ARROW: _arrow,
    SAFETENSORS: _arrays,
    BYTES: _joined,
    BYTEARRAY: _bytearray,
    TEXT: _text,
}
"""What reads each encoding, by its name up to a colon."""
