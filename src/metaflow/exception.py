"""Under which names programs catch the framework's errors: `metaflow.exception`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from metaflow.errors.base import MetaflowException, MetaflowInternalError
from metaflow.errors.definition import (
    InvalidDecoratorAttribute,
    MissingInMergeArtifactsException,
    UnhandledInMergeArtifactsException,
)
from metaflow.errors.input import (
    CommandException,
    MetaflowUnknownUser,
    ParameterFieldFailed,
    ParameterFieldTypeMismatch,
)
from metaflow.errors.metadata import (
    MetaflowInvalidPathspec,
    MetaflowNamespaceMismatch,
    MetaflowNotFound,
    MetaflowTaggingError,
)
from metaflow.errors.runner import RunFailed, RunNotStarted, RunTimedOut
from metaflow.errors.storage import MetaflowDataMissing
from metaflow.errors.task import MetaflowExceptionWrapper

if TYPE_CHECKING:
    from metaflow.authoring.shell import ExternalCommandFailed

METAFLOW_EXIT_DISALLOW_RETRY: Final = 202
"""A step that ends its process with this exit code is not tried again."""
METAFLOW_EXIT_ALLOW_RETRY: Final = 203
"""A step that ends its process with this exit code is tried again if it has retries left."""

__all__ = [
    "METAFLOW_EXIT_ALLOW_RETRY",
    "METAFLOW_EXIT_DISALLOW_RETRY",
    "CommandException",
    "ExternalCommandFailed",
    "InvalidDecoratorAttribute",
    "MetaflowDataMissing",
    "MetaflowException",
    "MetaflowExceptionWrapper",
    "MetaflowInternalError",
    "MetaflowInvalidPathspec",
    "MetaflowNamespaceMismatch",
    "MetaflowNotFound",
    "MetaflowTaggingError",
    "MetaflowUnknownUser",
    "MissingInMergeArtifactsException",
    "ParameterFieldFailed",
    "ParameterFieldTypeMismatch",
    "RunFailed",
    "RunNotStarted",
    "RunTimedOut",
    "UnhandledInMergeArtifactsException",
]


def __getattr__(name: str) -> Any:
    """Import the one error that lives beside code which starts processes."""
    if name == "ExternalCommandFailed":
        from metaflow.authoring.shell import ExternalCommandFailed

        return ExternalCommandFailed
    from metaflow import registry

    extensions = registry.added.extensions
    if extensions is not None and not name.startswith("__"):
        added = extensions.values("exceptions")
        if name in added:
            return added[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
