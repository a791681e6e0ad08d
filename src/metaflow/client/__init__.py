"""Look at what runs have done: `Metaflow`, `Flow`, `Run`, `Step`, `Task`, `DataArtifact`."""

from metaflow.client.artifact import DataArtifact, MetaflowData
from metaflow.client.base import MetaflowObject
from metaflow.client.code import MetaflowCode
from metaflow.client.flow import Flow, Metaflow
from metaflow.client.run import Run
from metaflow.client.scope import (
    default_metadata,
    default_namespace,
    get_metadata,
    get_namespace,
    inspect_spin,
    metadata,
    namespace,
)
from metaflow.client.step import Step
from metaflow.client.task import Metadata, Task

__all__ = [
    "DataArtifact",
    "Flow",
    "Metadata",
    "Metaflow",
    "MetaflowCode",
    "MetaflowData",
    "MetaflowObject",
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
