"""Look at what runs have done: `Metaflow`, `Flow`, `Run`, `Step`, `Task`, `DataArtifact`."""

from metaflow.client.core import (
    DataArtifact,
    Flow,
    Metadata,
    Metaflow,
    MetaflowCode,
    MetaflowData,
    Run,
    Step,
    Task,
    default_metadata,
    default_namespace,
    get_metadata,
    get_namespace,
    inspect_spin,
    metadata,
    namespace,
)

__all__ = [
    "DataArtifact",
    "Flow",
    "Metadata",
    "Metaflow",
    "MetaflowCode",
    "MetaflowData",
    "Run",
    "Step",
    "Task",
    "default_metadata",
    "default_namespace",
    "get_metadata",
    "get_namespace",
    "inspect_spin",
    "metadata",
    "namespace",
]
