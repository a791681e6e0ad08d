"""Composition root: from a root directory to open stores."""

from __future__ import annotations

import os
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from metaflow.metadata_store.sqlite.journal import SqliteJournal
from metaflow.model.records import ARTIFACT_ROOT

if TYPE_CHECKING:
    from metaflow.artifact_store.store import ArtifactStore
    from metaflow.metadata_store.sqlite.store import SqliteMetadataStore
    from metaflow.protocols.metadata_store import FactListener

DATABASE: Final = "metadata.db"


class Session:
    """The stores of one local root, opened at an edge and passed down.

    Parameters
    ----------
    root : str
        Root directory of the local store; it exists.
    artifact_root : str, optional
        Root of the artifacts, if they are not to lie with the facts: another directory, or an
        address in an object store.
    listener : FactListener, optional
        Hears of the facts that are recorded by this session.

    Attributes
    ----------
    journal : SqliteJournal
        Home of facts.
    """

    def __init__(
        self, root: str, artifact_root: str = "", listener: FactListener | None = None
    ) -> None:
        self.root = root
        self.artifact_root = artifact_root
        self._opened: dict[str, ArtifactStore] = {}
        self.journal: SqliteJournal = SqliteJournal(os.path.join(root, DATABASE))
        self.journal.listener = listener

    @cached_property
    def artifacts(self) -> ArtifactStore:
        """Home of bytes; loaded when asked for, because a launcher rarely needs it."""
        return self._artifacts_in(self.artifact_root or self.root)

    def artifacts_of(self, flow: str, run_id: str) -> ArtifactStore:
        """Home of the bytes of an earlier run, which may be another one."""
        return self._artifacts_in(self.artifact_root_of(flow, run_id) or self.root)

    def artifact_root_of(self, flow: str, run_id: str) -> str:
        """Address in an object store where a run's artifacts are; empty for beside the facts."""
        root = self.journal.run_fact(flow, run_id, ARTIFACT_ROOT) or ""
        return root if "://" in root else ""

    def _artifacts_in(self, root: str) -> ArtifactStore:
        from metaflow.artifact_store.opening import open_artifact_store

        found = self._opened.get(root)
        if found is None:
            found = self._opened[root] = open_artifact_store(root)
        return found

    @cached_property
    def store(self) -> SqliteMetadataStore:
        """All that the home of facts can do; for those who join a run or look one up."""
        from metaflow.metadata_store.sqlite.store import SqliteMetadataStore

        store = SqliteMetadataStore(self.journal.path)
        store.listener = self.journal.listener
        return store

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.journal.close()
        if "store" in vars(self):
            self.store.close()
        for artifacts in self._opened.values():
            artifacts.close()
