"""Where the log of a run is: the file beside the facts, or its copy in an object store."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from metaflow.artifact_store.logs import erase_log, log_path, read_log
from metaflow.artifact_store.opening import is_remote
from metaflow.errors.storage import StorageUnavailable
from metaflow.model.records import ARTIFACT_ROOT

if TYPE_CHECKING:
    from metaflow.artifact_store.remote_logs import RemoteLog
    from metaflow.client.view import RunView


class RunLog:
    """The log of a run: the file beside the facts, or else what was sent to an object store.

    Parameters
    ----------
    path : str
        Where the file is if it is here.
    remote : RemoteLog, optional
        The copy in an object store, if the run has its artifacts there.
    """

    __slots__ = ("_path", "_remote")

    def __init__(self, path: str, remote: RemoteLog | None) -> None:
        self._path: Final = path
        self._remote: Final = remote

    def read(self, offset: int, length: int) -> bytes:
        """Read a range."""
        try:
            return read_log(self._path, offset, length)
        except StorageUnavailable:
            if self._remote is None:
                raise
            return self._remote.read(offset, length)

    def erase(self, offset: int, length: int) -> None:
        """Overwrite a range wherever it is, for good."""
        if self._remote is not None:
            self._remote.erase(offset, length)
            if not os.path.exists(self._path):
                return
        erase_log(self._path, offset, length)


def log_of(run: RunView) -> RunLog:
    """Find the log of a run."""
    run_id = run.facts.run_id
    path = log_path(run.scope.backing.root, run.flow, run_id)
    root = run.metadata.get(ARTIFACT_ROOT, "")
    if not is_remote(root):
        return RunLog(path, None)
    from metaflow.artifact_store.remote_logs import RemoteLog

    return RunLog(path, RemoteLog(root, run.flow, run_id))
