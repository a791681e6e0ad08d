"""What tasks have printed, as older versions keep it: a file for each source, lines dated."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from metaflow.artifact_store.older.trees import tree_at
from metaflow.artifact_store.writing import storage_error
from metaflow.errors.storage import StorageUnavailable
from metaflow.older_history.tasks import SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE: Final = re.compile(rb"\[MFLOG\|\d\|([^|]*)\|([^|\]]*)\|[^\]]*\](.*)", re.DOTALL)


def older_lines(place: str, attempt: int, stream: str) -> Iterator[tuple[float, bytes]]:
    """Go through the lines that an attempt has printed, as they appeared.

    Parameters
    ----------
    place : str
        The task's folder, or its address in a bucket.
    attempt : int
        The attempt.
    stream : str
        `stdout` or `stderr`.

    Yields
    ------
    tuple of float and bytes
        When the line appeared, in seconds since the epoch, and the line with its end.
    """
    dated: list[tuple[float, bytes]] = []
    others: list[bytes] = []
    tree = tree_at(place)
    for name in _names(attempt, stream):
        for line in (tree.read(name) or b"").splitlines(keepends=True):
            at, text = _dated(line)
            if at is None:
                others.append(text)
            else:
                dated.append((at, text))
    dated.sort(key=lambda one: one[0])
    yield from dated
    last = dated[-1][0] if dated else 0.0
    for text in others:
        # What bears no time was not printed by the task, and comes last.
        if text.strip():
            yield last, text


def erase_older(place: str, attempt: int, stream: str) -> None:
    """Take away for good what an attempt has printed.

    Raises
    ------
    StorageUnavailable
        The files may not be written.
    """
    for name in _names(attempt, stream):
        path = f"{place}/{name}"
        if "://" in place:
            raise StorageUnavailable(path, "what older versions keep in a bucket is not changed")
        try:
            fd = os.open(path, os.O_WRONLY)
            try:
                os.pwrite(fd, bytes(os.fstat(fd).st_size), 0)
                os.fsync(fd)
                os.ftruncate(fd, 0)
            finally:
                os.close(fd)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise storage_error(error, path) from error


def _names(attempt: int, stream: str) -> list[str]:
    return [f"{attempt}.{source}_{stream}.log" for source in SOURCES]


def _dated(line: bytes) -> tuple[float | None, bytes]:
    found = _LINE.fullmatch(line)
    if found is None:
        return None, line
    text = found[3] if found[3].endswith(b"\n") else found[3] + b"\n"
    try:
        at = datetime.fromisoformat(found[1].decode().removesuffix("Z")).replace(tzinfo=UTC)
    except ValueError:
        return None, text
    return at.timestamp(), text
