"""Composition root: from a root directory to open stores."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Final, Self

from metaflow.artifact_store.local import LocalArtifactStore
from metaflow.metadata_store.sqlite.store import SqliteMetadataStore

DATABASE: Final = "metadata.db"


class Session:
    """The stores of one local root, opened at an edge and passed down.

    Parameters
    ----------
    root : str
        Root directory of the local store; it exists.

    Attributes
    ----------
    artifacts : LocalArtifactStore
        Home of bytes.
    journal : SqliteMetadataStore
        Home of facts.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.artifacts = LocalArtifactStore(root)
        self.journal = SqliteMetadataStore(os.path.join(root, DATABASE))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.journal.close()
