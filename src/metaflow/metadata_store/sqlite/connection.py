"""One database file as this process sees it: opened when first needed, never across a fork.

A connection that crosses a fork can corrupt its database, since both processes then believe
to hold locks of which the kernel knows just one. So all connections are closed before this
process forks, and parent and child each open their own when they next need it.
"""

from __future__ import annotations

import _sqlite3 as sqlite3  # the module around it adds dates, which takes 1 ms to load
import os
from _thread import allocate_lock
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from metaflow.errors.metadata import (
    MetadataStoreBusy,
    MetadataStoreDamaged,
    MetadataStoreFailed,
    MetadataStoreFull,
    MetadataStoreMissing,
)
from metaflow.metadata_store.sqlite import migration
from metaflow.settings.durability import survives_power_loss

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from weakref import WeakSet

    from metaflow.errors.base import MetaflowException

BUSY_TIMEOUT_S: Final = 60.0
"""How long a writer waits for the others; their transactions last milliseconds."""

CHECKPOINT_PAGES: Final = 4000
"""The log of changes is folded into the database each 16 MB: each time costs two syncs."""

Values: TypeAlias = "Sequence[Any] | Mapping[str, Any]"
"""What fills the places of a query."""

PRIMARY_CODE: Final = 0xFF
"""Mask that reduces an extended SQLite result code to its kind."""


class Connection:
    """A database file: rows out, transactions in; errors in our own words."""

    __slots__ = ("__weakref__", "_create", "_database", "_lock", "_openings", "path")

    def __init__(self, path: str, *, create: bool) -> None:
        self.path: Final = path
        self._create: Final = create
        self._database: sqlite3.Connection | None = None
        self._openings = 0
        self._lock: Final = allocate_lock()

    def rows(self, query: str, values: Values = ()) -> list[Any]:
        """Return all rows of a query, as tuples."""
        with self._lock:
            try:
                return (self._database or self._open()).execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise self.translated(error) from error

    def row(self, query: str, values: Values = ()) -> Any:
        """Return the first row of a query, or None."""
        with self._lock:
            try:
                return (self._database or self._open()).execute(query, values).fetchone()
            except sqlite3.Error as error:
                raise self.translated(error) from error

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """Do all or nothing of what the block writes; others wait meanwhile."""
        with self._lock:
            try:
                database = self._database or self._open()
                database.execute("BEGIN IMMEDIATE")
                try:
                    yield database
                    database.execute("COMMIT")
                except BaseException:
                    # A full disk makes SQLite roll back by itself.
                    if database.in_transaction:
                        database.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise self.translated(error) from error

    def version(self) -> tuple[int, ...]:
        """Tell the state of the database from others: as long as it is the same, nothing changes.

        It costs far less than a question, and says nothing about the order of states.
        """
        with self._lock:
            try:
                database = self._database or self._open()
                seen = database.execute("PRAGMA data_version").fetchone()[0]
            except sqlite3.Error as error:
                raise self.translated(error) from error
            return self._openings, seen, database.total_changes

    def open(self) -> None:
        """Open now what would be opened at first use."""
        with self._lock:
            if self._database is None:
                try:
                    self._open()
                except sqlite3.Error as error:
                    raise self.translated(error) from error

    def close(self) -> None:
        """Let go of the file; a later use opens it again."""
        with self._lock:
            self._let_go()

    def hold(self) -> None:
        """Let go of the file and keep all threads from opening it until `release`."""
        self._lock.acquire()
        self._let_go()

    def release(self) -> None:
        """End what `hold` began."""
        self._lock.release()

    def translated(self, error: sqlite3.Error) -> MetaflowException:
        """Say what an error of SQLite means to us."""
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & PRIMARY_CODE
        if code == sqlite3.SQLITE_FULL:
            return MetadataStoreFull(self.path)
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return MetadataStoreBusy(self.path, BUSY_TIMEOUT_S)
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return MetadataStoreDamaged(self.path, str(error))
        if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
            return MetadataStoreFailed(
                self.path, f"cannot be used: {error}", "check the permissions of its directory"
            )
        return MetadataStoreFailed(self.path, f"reports: {error}")

    def _open(self) -> sqlite3.Connection:
        if not os.path.exists(self.path):
            if not self._create:
                raise MetadataStoreMissing(self.path)
            migration.create(self.path)
        _GUARD.watch(self)
        database = sqlite3.connect(
            self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        try:
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version != migration.SCHEMA_VERSION:
                migration.upgrade(database, self.path, version)
            is_careful = survives_power_loss()
            database.execute(f"PRAGMA synchronous = {'FULL' if is_careful else 'NORMAL'}")
            database.execute(f"PRAGMA fullfsync = {int(is_careful)}")
            database.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        except BaseException:
            database.close()
            raise
        self._database = database
        self._openings += 1
        return database

    def _let_go(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            database.close()


class _ForkGuard:
    """Knows all connections of this process and closes them around each fork."""

    __slots__ = ("_forking", "_held", "_watched")

    def __init__(self) -> None:
        self._watched: WeakSet[Connection] | None = None
        self._forking: Final = allocate_lock()
        self._held: list[Connection] = []

    def watch(self, connection: Connection) -> None:
        if self._watched is None:
            from weakref import WeakSet

            self._watched = WeakSet()
            os.register_at_fork(
                before=self._before, after_in_parent=self._after, after_in_child=self._after
            )
        self._watched.add(connection)

    def _before(self) -> None:
        self._forking.acquire()
        self._held = list(self._watched or ())
        for connection in self._held:
            connection.hold()

    def _after(self) -> None:
        held, self._held = self._held, []
        for connection in held:
            connection.release()
        self._forking.release()


_GUARD: Final = _ForkGuard()
