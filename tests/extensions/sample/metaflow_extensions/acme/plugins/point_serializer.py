"""Stores points, which refuse to be pickled, as text."""

# ruff: noqa: A002 - the keyword of the contract

import json

from metaflow.datastore.artifacts import (
    ArtifactSerializer,
    SerializationMetadata,
    SerializedBlob,
)


class PointSerializer(ArtifactSerializer):
    TYPE = "acme-point"

    @classmethod
    def setup_imports(cls):
        cls.lazy_import("acme_points")

    @classmethod
    def can_serialize(cls, obj):
        return isinstance(obj, cls.acme_points.Point)

    @classmethod
    def can_deserialize(cls, metadata):
        return metadata.encoding == "acme-json"

    @classmethod
    def serialize(cls, obj, format):
        data = json.dumps([obj.x, obj.y]).encode()
        info = {"version": 1}
        return [SerializedBlob(data)], SerializationMetadata(
            "acme.Point", len(data), "acme-json", info
        )

    @classmethod
    def deserialize(cls, data, metadata, format):
        assert metadata.serializer_info == {"version": 1}
        return cls.acme_points.Point(*json.loads(data[0]))
