"""The older runs of one root: which there are, and reading them when somebody asks."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Final

from metaflow.artifact_store.older.folder import Folder
from metaflow.errors.storage import DataException, StorageUnavailable
from metaflow.metadata_store.sqlite.older import OPEN, READ, OlderEnd
from metaflow.model.records import PARAMETERS_STEP
from metaflow.older_history.reading import OlderRunFiles, Place
from metaflow.older_history.tasks import NOTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow.metadata_store.sqlite.older import OlderRun
    from metaflow.metadata_store.sqlite.store import SqliteMetadataStore
    from metaflow.model.records import NewRun
    from metaflow.older_history.copying import Copier
    from metaflow.protocols.file_tree import FileTree

LISTED_AT_ONCE: Final = 200
"""So many runs are recorded in one transaction: an interrupted listing has not been in vain."""

CHANGES_AT_ONCE: Final = 20_000
"""So many facts of a run are recorded in one transaction."""

REREAD_AFTER_S: Final = 1.0
"""A run that goes on is not looked at more often than this."""

HINT_AFTER_S: Final = 2.0
"""Whoever has waited this long for older runs is told how to wait once and for all."""


class OlderHistory:
    """The runs of the older layout in one place.

    Parameters
    ----------
    store : SqliteMetadataStore
        Where their facts go.
    place : Place
        Where their files are.
    root : str
        How the store names that place; empty for the root that the store is in.
    copier : Copier, optional
        Copies the bytes of what is read; without one they are referred to where they are.
    """

    __slots__ = (
        "_copier",
        "_hinted",
        "_looked_at",
        "_place",
        "_root",
        "_seen",
        "_spent_s",
        "store",
    )

    def __init__(
        self,
        store: SqliteMetadataStore,
        place: Place,
        root: str = "",
        copier: Copier | None = None,
    ) -> None:
        self.store: Final = store
        self._place: Final = place
        self._root: Final = root
        self._copier: Final = copier
        self._seen: Final[dict[str, float | None]] = {}
        self._looked_at: Final[dict[int, float]] = {}
        self._spent_s = 0.0
        self._hinted = False

    def flows(self) -> list[str]:
        """List the flows that have older runs here."""
        facts, bytes_ = self._place.facts, self._place.bytes
        found = {name for name, is_folder in facts.names("") if is_folder and is_flow(facts, name)}
        if bytes_ is not facts:
            found |= {
                name for name, is_folder in bytes_.names("") if is_folder and _ran(bytes_, name)
            }
        return sorted(found)

    def new_runs(self, flow: str) -> list[str]:
        """List the ids of the older runs of a flow that are not recorded yet."""
        return sorted(set(self.run_ids(flow)) - self.store.known_run_ids(flow))

    def run_ids(self, flow: str) -> list[str]:
        """List the ids of all older runs of a flow."""
        found: set[str] = set()
        trees: list[FileTree] = [self._place.facts]
        if self._place.bytes is not self._place.facts:
            trees.append(self._place.bytes)
        for tree in trees:
            found |= {
                name
                for name, is_folder in tree.names(flow)
                if is_folder and name not in {NOTES, "data"}
            }
        return sorted(found)

    def unread(self, flow: str) -> list[OlderRun]:
        """List the recorded runs of a flow in this place of which not all was read for good."""
        found = self.store.unread_older()
        return [run for run in found if run.flow == flow and run.root == self._root]

    def list_flow(self, flow: str) -> Iterator[DataException | None]:
        """Record the older runs of a flow that are not recorded yet.

        Yields
        ------
        DataException, optional
            Why a run could not be; None each time that some have been.
        """
        ids = self.new_runs(flow)
        for first in range(0, len(ids), LISTED_AT_ONCE):
            heads: list[tuple[NewRun, OlderEnd]] = []
            for run_id in ids[first : first + LISTED_AT_ONCE]:
                try:
                    head = OlderRunFiles(self._place, flow, run_id).head()
                except DataException as error:
                    yield error
                    continue
                if head is not None:
                    heads.append(head)
            heads.sort(key=lambda head: head[0].created_at)
            self.store.list_older(self._root, heads)
            yield None

    def look(self) -> None:
        """Record what has come since the last look, as quickly as nothing has come."""
        began = time.monotonic()
        for flow in self.flows():
            changed = self._place.facts.changed_at(flow)
            if flow not in self._seen or self._seen[flow] != changed:
                for _ in self.list_flow(flow):
                    self._hint(began)
                self._seen[flow] = changed
        self._spent_s += time.monotonic() - began

    def read(self, run: int, flow: str, run_id: str) -> int:
        """Record all of a run that is not read for good yet; return how many tasks that are.

        Raises
        ------
        DataException
            A file is damaged.
        """
        state = self.store.older_state(run)
        if state is None or state[0] == READ or state[1] != self._root:
            return 0
        now = time.monotonic()
        if state[0] == OPEN and now - self._looked_at.get(run, -REREAD_AFTER_S) < REREAD_AFTER_S:
            return 0
        contents = OlderRunFiles(self._place, flow, run_id).contents()
        changes = contents.changes
        if self._copier is not None:
            changes = self._copier.copied(run, flow, run_id, changes)
        for first in range(0, len(changes), CHANGES_AT_ONCE):
            self.store.write(run, changes[first : first + CHANGES_AT_ONCE])
        self.store.mark_older(run, self._root, contents.state)
        self._looked_at[run] = time.monotonic()
        self._spent_s += self._looked_at[run] - now
        self._hint(self._looked_at[run])
        return contents.tasks

    def read_named(self, flow: str, run_id: str) -> None:
        """Record all of a run that nobody may have asked for so far."""
        if self.store.run(flow, run_id) is None:
            head = OlderRunFiles(self._place, flow, run_id).head()
            if head is None:
                return
            self.store.list_older(self._root, [head])
        found = self.store.run(flow, run_id)
        if found is not None:
            self.read(found.key, flow, run_id)

    def _hint(self, began: float) -> None:
        if self._hinted or self._spent_s + time.monotonic() - began < HINT_AFTER_S:
            return
        self._hinted = True
        sys.stderr.write(
            "Reading runs that an older version of Metaflow has made; "
            "`metaflow import` reads all of them once.\n"
        )


def is_flow(files: FileTree, name: str) -> bool:
    """Tell whether a folder of a root holds older runs of a flow."""
    return name.isidentifier() and files.changed_at(f"{name}/{NOTES}/_self.json") is not None


def _ran(files: FileTree, name: str) -> bool:
    """Tell whether a folder without notes holds older runs of a flow."""
    if not name.isidentifier():
        return False
    runs = [run for run, is_folder in files.names(name) if is_folder and run != "data"]
    return any((PARAMETERS_STEP, True) in files.names(f"{name}/{run}") for run in runs)


def open_history(root: str, store: SqliteMetadataStore | None) -> OlderHistory | None:
    """Open the older runs in a root.

    Parameters
    ----------
    root : str
        The root directory, absolute.
    store : SqliteMetadataStore, optional
        Its database; where there is none, one is made: in the root, or for somebody who may not
        write there in a place of their own.

    Returns
    -------
    OlderHistory or None
        None if the root has a database that must not be written.
    """
    from metaflow.metadata_store.sqlite.store import SqliteMetadataStore

    may_write = os.access(root, os.W_OK)
    if store is None:
        folder = root if may_write else _own_folder(root)
        store = SqliteMetadataStore(f"{folder}/metadata.db")
    elif not may_write:
        return None
    files = Folder(root)
    return OlderHistory(store, Place(files, files, ""))


def _own_folder(root: str) -> str:
    """Make the place where this user keeps facts about a root that is read-only for them."""
    import tempfile
    from hashlib import sha1

    digest = sha1(os.fsencode(root), usedforsecurity=False).hexdigest()
    own = f"{tempfile.gettempdir()}/metaflow-older-{os.getuid()}"
    os.makedirs(own, mode=0o700, exist_ok=True)
    if os.stat(own).st_uid != os.getuid() or os.path.islink(own):
        raise StorageUnavailable(own, "it belongs to somebody else")
    os.makedirs(f"{own}/{digest}", mode=0o700, exist_ok=True)
    return f"{own}/{digest}"
