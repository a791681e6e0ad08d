"""How a database comes into being and up to date: numbered scripts, applied in order."""

from __future__ import annotations

import _sqlite3 as sqlite3  # the module around it adds dates, which takes 1 ms to load
import os
from typing import TYPE_CHECKING, Final

from metaflow.errors.metadata import MetadataStoreDamaged, MetadataStoreTooNew
from metaflow.settings.durability import force_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA_VERSION: Final = 2
"""The number of the last migration; `PRAGMA user_version` of a database that is up to date."""

APPLICATION_ID: Final = 0x4D4C5243
"""`MLRC`: tells our databases from those of other programs."""

SCRIPTS: Final = os.path.join(os.path.dirname(__file__), "migrations")


def create(path: str) -> None:
    """Make a new database, unless another process does so first.

    The file appears under its name only when it is complete, so nobody ever opens half of
    a schema.
    """
    import fcntl

    directory = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        if os.path.exists(path):
            return
        draft = f"{path}.new"
        for left_over in (draft, f"{draft}-wal", f"{draft}-shm"):
            if os.path.exists(left_over):
                os.unlink(left_over)
        database = sqlite3.connect(draft, isolation_level=None)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("BEGIN IMMEDIATE")
            database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            _apply(database, 0)
            database.execute("COMMIT")
        finally:
            database.close()
        os.rename(draft, path)
        force_folder(os.path.dirname(path))
    finally:
        os.close(directory)


def upgrade(database: sqlite3.Connection, path: str, version: int) -> None:
    """Bring an older database up to date; refuse a newer or a foreign one.

    Parameters
    ----------
    database : sqlite3.Connection
        Open, with no transaction in progress.
    path : str
        For messages.
    version : int
        What the database says its schema version is.
    """
    if database.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise MetadataStoreDamaged(path, "it is a database of another program")
    if version > SCHEMA_VERSION:
        raise MetadataStoreTooNew(path, version, SCHEMA_VERSION)
    database.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have come first while we waited for the lock.
        _apply(database, int(database.execute("PRAGMA user_version").fetchone()[0]))
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def statements(script: str) -> Iterator[str]:
    """Split a script, because `executescript` would commit the open transaction.

    Comments stay behind: SQLite would keep them and read them at each opening.
    """
    statement = ""
    for line in script.splitlines(keepends=True):
        if line.lstrip().startswith("--"):
            continue
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _apply(database: sqlite3.Connection, version: int) -> None:
    for name in sorted(os.listdir(SCRIPTS)):
        number, _, rest = name.partition("_")
        if not rest.endswith(".sql") or int(number) <= version:
            continue
        with open(os.path.join(SCRIPTS, name), encoding="utf-8") as script:
            for statement in statements(script.read()):
                database.execute(statement)
    database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
