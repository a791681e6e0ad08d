"""Composition root: from a root directory to open stores."""

from __future__ import annotations

import os
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from metaflow.metadata_store.sqlite.journal import SqliteJournal

if TYPE_CHECKING:
    from metaflow.artifact_store.local import LocalArtifactStore
    from metaflow.metadata_store.sqlite.store import SqliteMetadataStore
    from metaflow.protocols.metadata_store import FactListener

DATABASE: Final = "metadata.db"


class Session:
    """The stores of one local root, opened at an edge and passed down.

    Parameters
    ----------
    root : str
        Root directory of the local store; it exists.
    bytes_root : str, optional
        Root of the artifacts, if they are not to lie with the facts.
    listener : FactListener, optional
        Hears of the facts that are recorded by this session.

    Attributes
    ----------
    journal : SqliteJournal
        Home of facts.
    """

    def __init__(
        self, root: str, bytes_root: str | None = None, listener: FactListener | None = None
    ) -> None:
        self.root = root
        self._bytes_root = bytes_root or root
        self.journal: SqliteJournal = SqliteJournal(os.path.join(root, DATABASE))
        self.journal.listener = listener

    @cached_property
    def artifacts(self) -> LocalArtifactStore:
        """Home of bytes; loaded when asked for, because a launcher rarely needs it."""
        from metaflow.artifact_store.local import LocalArtifactStore

        return LocalArtifactStore(self._bytes_root)

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
