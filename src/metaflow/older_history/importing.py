"""Reads all older runs of a place, newest first, so that what is wanted soon comes soon."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

from metaflow.artifact_store.older.folder import Folder
from metaflow.artifact_store.older.trees import tree_at
from metaflow.errors.storage import DataException
from metaflow.metadata_store.sqlite.store import SqliteMetadataStore
from metaflow.older_history.history import OlderHistory
from metaflow.older_history.reading import Place

if TYPE_CHECKING:
    from collections.abc import Iterator


class Import:
    """One import on its way, and its numbers.

    Parameters
    ----------
    history : OlderHistory
        The runs.

    Attributes
    ----------
    found, known, runs, damaged : int
        Runs: that are there, that had been read before, that were read, that could not be.
    tasks : int
        Tasks that were read.
    began : float
        When, on the monotonic clock.
    """

    def __init__(self, history: OlderHistory) -> None:
        self._history: Final = history
        self.found: int = 0
        self.known: int = 0
        self.runs: int = 0
        self.damaged: int = 0
        self.tasks: int = 0
        self.began: float = time.monotonic()

    def flows(self) -> list[str]:
        """List the flows that have older runs, and count the runs."""
        flows = self._history.flows()
        self.found = sum(len(self._history.run_ids(flow)) for flow in flows)
        return flows

    def flow(self, flow: str) -> Iterator[DataException | None]:
        """Read the runs of a flow.

        Yields
        ------
        DataException, optional
            Why a run could not be read; None for each piece of work that is done.
        """
        yield from self._listed(flow)
        unread = {run.run_id: run for run in self._history.unread(flow)}
        here = self._history.run_ids(flow)
        for run_id in sorted(here, key=lambda one: unread[one].key if one in unread else 0)[::-1]:
            run = unread.get(run_id)
            if run is None:
                self.known += 1
                continue
            try:
                self.tasks += self._history.read(run.key, flow, run_id)
                self.runs += 1
            except DataException as error:
                self.damaged += 1
                yield error
            yield None

    def _listed(self, flow: str) -> Iterator[DataException | None]:
        for error in self._history.list_flow(flow):
            if error is not None:
                self.damaged += 1
            yield error


def open_import(root: str, source: str, files: str | None, *, copied: bool) -> Import:
    """Prepare to import.

    Parameters
    ----------
    root : str
        The store that gets the facts.
    source : str
        The folder with the runs.
    files : str, optional
        The folder or the address with the tasks' bytes; by default the same.
    copied : bool
        Copy the bytes into the store.
    """
    store = SqliteMetadataStore(f"{root}/metadata.db")
    files = source if files is None else files
    is_remote = "://" in files
    is_here = not is_remote and os.path.realpath(files) == os.path.realpath(root)
    facts = Folder(source)
    bytes_ = facts if files == source else tree_at(files)
    copier, now_in = None, files if is_remote else ""
    if copied:
        from metaflow.older_history.copying import Copier

        copier, now_in = Copier(root, files, bytes_, store), root
    prefix = "" if is_here or is_remote else f"{files}/"
    place = Place(facts, bytes_, prefix, now_in)
    return Import(OlderHistory(store, place, "" if is_here else files, copier))
