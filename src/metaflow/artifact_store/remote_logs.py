"""The log of a run in an object store: pieces of the local file, each an object of its own.

A run's log is written to a local file, as always. What was appended is sent after a few
seconds at most, and at the end. The name of a piece is its offset, so that sorted by name
they are the log.
"""

from __future__ import annotations

from threading import Condition, Thread
from typing import TYPE_CHECKING, Final

from metaflow.artifact_store.logs import FOLDER, read_log
from metaflow.artifact_store.remote_place import RemotePlace
from metaflow.errors.base import MetaflowException
from metaflow.errors.storage import ObjectMissing, StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow.artifact_store.logs import RunLogWriter
    from metaflow.protocols.object_store import StoredObject

SENT_WITHIN_S: Final = 5.0
"""How long output waits to be sent."""
PIECE: Final = 4 << 20
"""So much output is sent at once, and does not wait."""


def _folder(flow: str, run_id: str) -> str:
    return f"{FOLDER}/{flow}/{run_id}"


def _offset_of(piece: StoredObject) -> int:
    return int(piece.key.rpartition("/")[2], 16)


class MirroredLog:
    """Appends to the local log of a run, and sends what was appended to an object store.

    Parameters
    ----------
    log : RunLogWriter
        The local log.
    url : str
        Root in the object store.
    tell : callable
        Is told at the end if some of the log could not be sent.
    """

    def __init__(self, log: RunLogWriter, url: str, tell: Callable[[str], None]) -> None:
        self._log = log
        self._place = RemotePlace(url)
        # The same name in both: that of the folder of pieces, and that of the file.
        self._folder = _folder(*log.path.rsplit("/", 2)[1:])
        self._tell = tell
        self._changed = Condition()
        self._pending: list[tuple[int, int]] = []
        """Ranges that were appended and not sent: begin and end, ascending."""
        self._waiting = 0
        self._is_over = False
        self._problem: str | None = None
        self._thread: Thread | None = None

    def append(self, data: bytes) -> int:
        """Append some output and return the offset where it begins.

        Raises
        ------
        StorageFull
            There is no room.
        """
        offset = self._log.append(data)
        end = offset + len(data)
        with self._changed:
            if self._pending and self._pending[-1][1] == offset:
                self._pending[-1] = (self._pending[-1][0], end)
            else:
                self._pending.append((offset, end))
            self._waiting += len(data)
            if self._waiting >= PIECE:
                self._changed.notify()
        if self._thread is None:
            self._thread = Thread(target=self._send_all, daemon=True)
            self._thread.start()
        return offset

    def settle(self) -> None:
        """Make the local log as durable as the settings ask for; what is sent follows later."""
        self._log.settle()

    def close(self) -> None:
        """Close the local log and send the rest."""
        self._log.close()
        if self._thread is None:
            return
        with self._changed:
            self._is_over = True
            self._changed.notify()
        self._thread.join()
        self._thread = None
        self._place.close()
        if self._problem is not None:
            self._tell(f"The log of this run is not complete in {self._place.url}: {self._problem}")

    def _send_all(self) -> None:
        is_over = False
        while not is_over:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._is_over or self._waiting >= PIECE, SENT_WITHIN_S
                )
                # Whatever comes from now on is sent the next time round.
                is_over = self._is_over
                ranges, self._pending, self._waiting = self._pending, [], 0
            while ranges:
                begin, end = ranges.pop(0)
                until = min(end, begin + PIECE)
                try:
                    self._send(begin, until)
                except MetaflowException as error:
                    self._problem = error.message
                    self._take_back([(begin, end), *ranges])
                    break
                self._problem = None
                if until < end:
                    ranges.insert(0, (until, end))

    def _send(self, begin: int, end: int) -> None:
        data = read_log(self._log.path, begin, end - begin)
        self._place.objects.put(f"{self._folder}/{begin:016x}", data)

    def _take_back(self, ranges: list[tuple[int, int]]) -> None:
        with self._changed:
            if self._pending and ranges[-1][1] == self._pending[0][0]:
                ranges[-1] = (ranges[-1][0], self._pending.pop(0)[1])
            self._pending[:0] = ranges


class RemoteLog:
    """The log of a run as it is in an object store.

    Parameters
    ----------
    url : str
        Root in the object store.
    flow, run_id : str
        The run.
    """

    __slots__ = ("_folder", "_pieces", "_place")

    def __init__(self, url: str, flow: str, run_id: str) -> None:
        self._place = RemotePlace(url)
        self._folder = _folder(flow, run_id)
        self._pieces: list[StoredObject] | None = None

    def read(self, offset: int, length: int) -> bytes:
        """Read a range of the log.

        Raises
        ------
        StorageUnavailable
            Not all of it is there.
        """
        found = []
        place = self._place.path(self._folder)
        for piece, begin, count in self._within(offset, length):
            try:
                found.append(self._place.objects.get(piece.key, begin, count))
            except ObjectMissing as error:
                raise StorageUnavailable(place, "a piece of it is gone") from error
        data = b"".join(found)
        if len(data) != length:
            raise StorageUnavailable(place, f"{length - len(data)} bytes of it were not sent there")
        return data

    def erase(self, offset: int, length: int) -> None:
        """Overwrite a range of the log, as far as it is there."""
        for piece, begin, count in self._within(offset, length):
            data = bytearray(self._place.objects.get(piece.key))
            data[begin : begin + count] = bytes(count)
            self._place.objects.put(piece.key, data)

    def _within(self, offset: int, length: int) -> list[tuple[StoredObject, int, int]]:
        """Find the pieces that have some of a range, and which part of them that is."""
        if self._pieces is None or not _covers(self._pieces, offset + length):
            self._pieces = list(self._place.objects.list(self._folder))
        found = []
        for piece in self._pieces:
            start = _offset_of(piece)
            begin, end = max(offset, start), min(offset + length, start + piece.size)
            if begin < end:
                found.append((piece, begin - start, end - begin))
        return found


def _covers(pieces: list[StoredObject], end: int) -> bool:
    return bool(pieces) and _offset_of(pieces[-1]) + pieces[-1].size >= end
