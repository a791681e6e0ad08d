"""Copies the bytes of older runs into a store of our own, so that their folder may go."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from metaflow.artifact_store.local import LocalArtifactStore
from metaflow.artifact_store.logs import RunLogWriter, log_path
from metaflow.artifact_store.older.blobs import blob_path
from metaflow.metadata_store.facts import OLDER_FILE
from metaflow.model.artifact import ArtifactRef
from metaflow.model.records import AttemptDone, Change, LogWritten, RunMetadata, TaskCreated
from metaflow.older_history.logs import older_lines
from metaflow.older_history.values import copy_older

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow.metadata_store.sqlite.store import SqliteMetadataStore
    from metaflow.protocols.file_tree import FileTree

PACKAGE = "code-package"


class Copier:
    """Copies what the facts of runs refer to.

    Parameters
    ----------
    root : str
        The root that gets the bytes.
    source : str
        The folder or the address that has them.
    files : FileTree
        What is there.
    store : SqliteMetadataStore
        The store that gets the facts.
    """

    def __init__(self, root: str, source: str, files: FileTree, store: SqliteMetadataStore) -> None:
        self._root = root
        self._source = source
        self._files = files
        self._store = store
        self._artifacts = LocalArtifactStore(root)
        self._copied: dict[str, list[Any]] = {}

    def copied(self, run: int, flow: str, run_id: str, changes: list[Change]) -> list[Change]:
        """Copy what a run refers to; return its facts with references to the copies.

        Parameters
        ----------
        run : int
            The run.
        flow, run_id : str
            Its name.
        changes : list of Change
            Facts as they were read.

        Raises
        ------
        DataException
            Something is lost or damaged.
        """
        steps = {one.task_id: one.step for one in changes if isinstance(one, TaskCreated)}
        pack = f"packs/{flow}/{run_id}"
        log = RunLogWriter(log_path(self._root, flow, run_id))
        self._copied.clear()
        found: list[Change] = []
        try:
            for change in changes:
                if isinstance(change, AttemptDone):
                    found.append(self._artifacts_of(change, pack))
                elif isinstance(change, LogWritten) and change.offset == OLDER_FILE:
                    place = f"{self._source}/{flow}/{run_id}/{steps[change.task_id]}"
                    found += self._log(run, change, f"{place}/{change.task_id}", log)
                elif isinstance(change, RunMetadata) and change.name == PACKAGE:
                    found.append(self._package(flow, change))
                else:
                    found.append(change)
        finally:
            log.close()
        return found

    def _artifacts_of(self, change: AttemptDone, pack: str) -> AttemptDone:
        manifest: dict[str, list[Any]] = json.loads(str(change.manifest))
        new = {
            name: ArtifactRef.from_json(ref)
            for name, ref in manifest.items()
            if str(ref[0]) not in self._copied
        }
        made = copy_older(self._artifacts, (self._files, self._source), new, pack)
        for name, ref in made.items():
            self._copied[new[name].digest] = json.loads(json.dumps(ref))
        copies = {name: self._copied[str(ref[0])] for name, ref in manifest.items()}
        return change._replace(manifest=json.dumps(copies, separators=(",", ":")))

    def _log(
        self, run: int, change: LogWritten, place: str, log: RunLogWriter
    ) -> Iterator[LogWritten]:
        known = self._store.log_chunks(run, change.task_id, change.attempt)
        if any(chunk.stream == change.stream for chunk in known):
            return  # copied by an import that was interrupted later
        for at, line in older_lines(place, change.attempt, change.stream):
            yield change._replace(at=at, offset=log.append(line), length=len(line))

    def _package(self, flow: str, change: RunMetadata) -> RunMetadata:
        told = json.loads(change.value)
        path = blob_path(flow, str(told.get("sha", "")))
        data = self._files.read(path)
        if data is None:
            return change
        part = self._artifacts.save_blob(data)
        place = f"blobs/{part.digest[:2]}/{part.digest}"
        told.update(sha=part.digest, size=len(data), location=place)
        return RunMetadata(change.name, json.dumps(told))
