"""How runs leave a SQLite store, and what is remembered of the bytes that they leave behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from metaflow.metadata_store.facts import GarbageNote, RunToKeep
from metaflow.metadata_store.sqlite import removal_queries as queries
from metaflow.metadata_store.sqlite.database_file import DatabaseFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

PAGE: Final = 2000
"""So many texts are in memory at a time."""
AT_ONCE: Final = 500
"""So many runs, or notes of garbage, are written in one transaction."""


class Removal(DatabaseFile):
    """What a SQLite metadata store answers to those who look after what is kept."""

    def runs_to_keep(self) -> list[RunToKeep]:
        """List the runs of all flows, newest first."""
        return list(map(RunToKeep._make, self.connection.rows(queries.RUNS_TO_KEEP)))

    def texts_of(self, run: int) -> Iterator[str]:
        """Go through all texts of a run that may name stored bytes.

        Parameters
        ----------
        run : int
            Key of the run.
        """
        for query in queries.TEXTS:
            yield from (text for (text,) in self.connection.rows(query, (run,)))
        last = (-1, -1)
        while True:
            rows = self.connection.rows(queries.ATTEMPT_TEXTS, (run, *last, PAGE))
            for _, _, manifest, transition in rows:
                if manifest is not None:
                    yield manifest
                if transition is not None:
                    yield transition
            if len(rows) < PAGE:
                return
            last = rows[-1][:2]

    def remove_runs(self, runs: Sequence[int]) -> None:
        """Forget runs, wholly; nothing of them stays in the file either.

        Parameters
        ----------
        runs : sequence of int
            Their keys.
        """
        for begin in range(0, len(runs), AT_ONCE):
            keys = [(run,) for run in runs[begin : begin + AT_ONCE]]
            self.connection.row(queries.SECURE_DELETE)
            with self.connection.transaction() as database:
                for query in queries.REMOVE_RUN:
                    database.executemany(query, keys)
        # What the log of changes still has of them goes with it.
        self.connection.row(queries.FOLD_LOG)

    def garbage(self) -> Iterator[list[GarbageNote]]:
        """Go through the notes of what was found to be garbage, a page at a time."""
        last = ""
        while True:
            page = list(map(GarbageNote._make, self.connection.rows(queries.GARBAGE, (last, PAGE))))
            if not page:
                return
            last = page[-1].name
            yield page

    def note_garbage(self, found: Iterable[GarbageNote]) -> None:
        """Note what is garbage; what was noted before, and looks the same, stays as it was."""
        self._write(queries.ADD_GARBAGE, found)

    def forget_garbage(self, names: Iterable[str]) -> None:
        """Take notes back: of what is gone, or in use again."""
        self._write(queries.DROP_GARBAGE, ((name,) for name in names))

    def _write(self, query: str, rows: Iterable[tuple[object, ...]]) -> None:
        waiting: list[tuple[object, ...]] = []
        for row in rows:
            waiting.append(row)
            if len(waiting) == AT_ONCE:
                self._write_all(query, waiting)
                waiting.clear()
        if waiting:
            self._write_all(query, waiting)

    def _write_all(self, query: str, rows: list[tuple[object, ...]]) -> None:
        with self.connection.transaction() as database:
            database.executemany(query, rows)
