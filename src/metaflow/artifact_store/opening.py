"""Which artifact store a root stands for; what a local one does not need is not imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow.artifact_store.local import LocalArtifactStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow.artifact_store.logs import RunLogWriter
    from metaflow.artifact_store.remote_logs import MirroredLog
    from metaflow.artifact_store.store import ArtifactStore
    from metaflow.settings import Settings


def open_artifact_store(root: str, settings: Settings | None = None) -> ArtifactStore:
    """Open the artifact store that a root stands for.

    Parameters
    ----------
    root : str
        A directory, or an address such as `s3://bucket/prefix`.
    settings : Settings, optional
        How this installation behaves; read when needed if not given.
    """
    if is_remote(root):
        from metaflow.artifact_store.remote import RemoteArtifactStore

        return RemoteArtifactStore(root, settings)
    return LocalArtifactStore(root)


def is_remote(root: str) -> bool:
    """Tell whether a root is an address in an object store, and no directory."""
    return "://" in root


def mirrored(
    log: RunLogWriter, artifact_root: str, tell: Callable[[str], None]
) -> RunLogWriter | MirroredLog:
    """Let a log go to an object store as well, if artifacts are in one.

    Parameters
    ----------
    log : RunLogWriter
        The local log.
    artifact_root : str
        Address in the object store; empty if there is none.
    tell : callable
        Is told at the end if some of the log could not be sent there.
    """
    if not artifact_root:
        return log
    from metaflow.artifact_store.remote_logs import MirroredLog

    return MirroredLog(log, artifact_root, tell)
