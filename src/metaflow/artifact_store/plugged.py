"""How artifacts that serializers of plug-ins take are stored and come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from metaflow.artifact_store.hashing import digest_of_parts
from metaflow.artifact_store.pickling import PART_BYTES
from metaflow.artifact_store.serializers import SerializerStore
from metaflow.model.artifact import ArtifactRef

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow.artifact_store.batch import Batch
    from metaflow.artifact_store.parts import PartSource
    from metaflow.errors.base import MetaflowException


def save_plugged(
    serializers: SerializerStore,
    batch: Batch,
    objects: Mapping[str, object],
    known: Mapping[str, ArtifactRef],
) -> tuple[dict[str, ArtifactRef], dict[str, MetaflowException], dict[str, object]]:
    """Store the values that a serializer takes.

    Parameters
    ----------
    serializers : SerializerStore
        Who is asked.
    batch : Batch
        Where parts go.
    objects : mapping of str to object
        Values by artifact name.
    known : mapping of str to ArtifactRef
        References that the values may equal.

    Returns
    -------
    tuple of dict, dict and dict
        References of what was stored, errors, and the values that nobody takes.
    """
    from metaflow.errors.base import MetaflowException

    made: dict[str, tuple[list[str], int, str, str]] = {}
    errors: dict[str, MetaflowException] = {}
    rest: dict[str, object] = {}
    for name, value in objects.items():
        try:
            taken = serializers.serialize(name, value)
        except MetaflowException as error:
            errors[name] = error
            continue
        if taken is None:
            rest[name] = value
            continue
        data, encoding, kind = taken
        view = memoryview(data)
        starts = range(0, max(1, len(data)), PART_BYTES)
        digests = [batch.add_stream(view[start : start + PART_BYTES]) for start in starts]
        made[name] = digests, len(data), encoding, kind
    batch.flush()
    refs: dict[str, ArtifactRef] = {}
    for name, (digests, size, encoding, kind) in made.items():
        digest = digest_of_parts(encoding, digests)
        ref = known.get(name)
        if ref is None or ref.digest != digest or ref.encoding != encoding:
            parts = tuple(batch.placed[part] for part in digests)
            ref = ArtifactRef(digest, kind, size, encoding, len(parts), parts)
        refs[name] = ref
    return refs, errors, rest


def load_plugged(parts: PartSource, ref: ArtifactRef) -> Any:
    """Load a value that a serializer of a plug-in has stored.

    Raises
    ------
    SerializerMissing
        Nobody here can read it.
    """
    data = b"".join(parts.contents(ref.parts))
    return SerializerStore.current().deserialize(ref.encoding, ref.type, data)
