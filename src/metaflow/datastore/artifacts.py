"""The path of what serializers of plug-ins are made of: `metaflow.datastore.artifacts`."""

from metaflow.artifact_store.serializers import (
    ArtifactSerializer,
    SerializationFormat,
    SerializationMetadata,
    SerializedBlob,
    SerializerState,
    SerializerStore,
    list_serializer_status,
)

__all__ = [
    "ArtifactSerializer",
    "SerializationFormat",
    "SerializationMetadata",
    "SerializedBlob",
    "SerializerState",
    "SerializerStore",
    "list_serializer_status",
]
