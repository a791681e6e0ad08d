"""The older path of errors of the artifact store."""

from metaflow.errors.storage import DataException, UnpicklableArtifactException

__all__ = ["DataException", "UnpicklableArtifactException"]
