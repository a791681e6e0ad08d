"""A whole metadata store in one SQLite file: what the engine writes, readers ask and change."""

from __future__ import annotations

from collections.abc import Collection

from metaflow.metadata_store.facts import LogChunk
from metaflow.metadata_store.sqlite import queries
from metaflow.metadata_store.sqlite.catalog import Catalog
from metaflow.metadata_store.sqlite.database_file import stored_id
from metaflow.metadata_store.sqlite.joining import Joining
from metaflow.metadata_store.sqlite.journal import SqliteJournal
from metaflow.metadata_store.sqlite.older import OlderRuns
from metaflow.metadata_store.sqlite.removal import Removal
from metaflow.metadata_store.tags import plan_change


class SqliteMetadataStore(SqliteJournal, Joining, OlderRuns, Removal, Catalog):
    """A metadata store in one SQLite file, for any number of processes of one machine.

    The file is opened at first use. What `begin_run`, `write` and `change_tags` have
    returned from survives the death of any process.

    Parameters
    ----------
    path : str
        The database file, `<root>/metadata.db`.
    create : bool
        Make the file if there is none; otherwise its absence is an error.
    """

    def change_tags(
        self, run: int, *, remove: Collection[object] = (), add: Collection[object] = ()
    ) -> None:
        """Take tags away from a run, then put others on, all or nothing.

        Raises
        ------
        MetaflowTaggingError
            The change is not possible; nothing has changed.
        """
        with self.connection.transaction() as database:
            present = {
                tag: bool(system) for tag, system in database.execute(queries.TAGS_OF_RUN, (run,))
            }
            change = plan_change(present, remove, add)
            (flow,) = database.execute(queries.FLOW_OF_RUN, (run,)).fetchone()
            database.executemany(queries.REMOVE_TAG, [(run, tag) for tag in change.removed])
            database.executemany(queries.ADD_TAG, [(run, tag, 0, flow) for tag in change.added])

    def replace_log(self, run: int, task_id: str, attempt: int, chunk: LogChunk) -> None:
        """Put one piece in the place of all that an attempt's stream consisted of.

        Parameters
        ----------
        run : int
            The run.
        task_id : str
            The task.
        attempt : int
            The attempt.
        chunk : LogChunk
            Names the stream and is what it consists of from now on.
        """
        place = (run, stored_id(task_id), attempt, chunk.stream)
        with self.connection.transaction() as database:
            database.execute(queries.ERASE_LOG, place)
            values = (*place, chunk.offset, chunk.length, chunk.at)
            database.execute(queries.ADD_LOG, values)
