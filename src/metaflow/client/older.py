"""Whether a root holds runs of older versions, asked so cheaply that everybody can be asked."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from metaflow.metadata_store.sqlite.store import SqliteMetadataStore
    from metaflow.older_history.history import OlderHistory

MARK: Final = "_meta/_self.json"
"""What stands in the folder of a flow that an older version has run."""


class OlderRuns:
    """The runs of older versions in one root, recorded as they are found.

    Parameters
    ----------
    root : str
        The root directory, absolute.
    """

    __slots__ = ("_changed_at", "_history", "root")

    def __init__(self, root: str) -> None:
        self.root: Final = root
        self._changed_at: int | None = None
        self._history: OlderHistory | None = None

    @property
    def is_there(self) -> bool:
        """Whether there are any, as far as was seen at the last look."""
        return self._history is not None

    def look(self, store: SqliteMetadataStore | None) -> SqliteMetadataStore | None:
        """Record what is new.

        Parameters
        ----------
        store : SqliteMetadataStore, optional
            The root's database; None if there is none.

        Returns
        -------
        SqliteMetadataStore, optional
            The database that has the runs; the given one, unless it had to be made.
        """
        history = self._history
        if history is None or (store is not None and history.store is not store):
            self._history = None
            if not self._is_there():
                return store
            from metaflow.older_history.history import open_history

            history = self._history = open_history(self.root, store)
            if history is None:
                return store
        history.look()
        return history.store

    def read(self, run: int, flow: str, run_id: str) -> None:
        """Record all of a run, if that has not been done."""
        if self._history is not None:
            self._history.read(run, flow, run_id)

    def _is_there(self) -> bool:
        """Tell whether an older version has run any flow here."""
        try:
            changed_at = os.stat(self.root).st_mtime_ns
            if changed_at == self._changed_at:
                return False
            with os.scandir(self.root) as entries:
                found = [one.path for one in entries if one.name.isidentifier() and one.is_dir()]
        except OSError:
            return False
        if any(os.path.isfile(f"{path}/{MARK}") for path in found):
            return True
        self._changed_at = changed_at
        return False
