"""What both halves of a SQLite store share: the file, and how task ids are held in it."""

from __future__ import annotations

from typing import Final

from metaflow.metadata_store.sqlite.connection import Connection


def stored_id(task_id: str) -> int | str:
    """Turn a task id into what the database holds: a plain decimal one becomes an integer."""
    if task_id.isdecimal() and task_id.isascii() and len(task_id) < 19:  # noqa: PLR2004 - digits that surely fit 64 bits
        number = int(task_id)
        if str(number) == task_id:
            return number
    return task_id


class DatabaseFile:
    """A metadata store's file, opened at first use.

    Parameters
    ----------
    path : str
        The database file.
    create : bool
        Make the file if there is none; otherwise its absence is an error.
    """

    def __init__(self, path: str, *, create: bool = True) -> None:
        self.path: Final = path
        self.connection: Final = Connection(path, create=create)

    def open(self) -> None:
        """Open the database now rather than at the first question."""
        self.connection.open()

    def version(self) -> tuple[int, ...]:
        """Tell the state of the database: as long as it is the same, nothing has changed."""
        return self.connection.version()

    def close(self) -> None:
        """Release the store; a later use opens it again."""
        self.connection.close()
