"""A bucket of a cloud as a store: what is one request, what is many side by side."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from itertools import chain, islice
from threading import Thread
from typing import Any, Final

from metaflow.errors.storage import ObjectIncomplete, ObjectMissing
from metaflow.object_store.addresses import Address, check_key, check_prefix
from metaflow.object_store.connection import Connection, Opened
from metaflow.object_store.failures import (
    BEYOND,
    CUT,
    EXISTS,
    MISSING,
    CutShort,
    Fault,
    understand,
)
from metaflow.object_store.retrying import Patience
from metaflow.object_store.transfers import NOTHING, PART, Channel, Pages, Part
from metaflow.protocols.object_store import StoredObject
from metaflow.settings.object_store import CloudSettings

WRITERS: Final = 6
"""So many parts of an upload are under way at a time."""
RANGE: Final = 8 << 20
"""Bytes of one request of those that read a large object."""
READERS: Final = 8
"""So many ranges are fetched ahead of a reader."""
BATCH: Final = 250
"""Objects that are deleted with one request, where a cloud can do that."""


class CloudObjects:
    """The objects of a bucket; satisfies `metaflow.protocols.object_store.ObjectStore`.

    May be used on both sides of a fork: the child's first use opens it again.

    Parameters
    ----------
    address : Address
        The bucket, and the prefix of all keys.
    settings : CloudSettings
        How to reach it.
    patience : Patience, optional
        How often and how long to repeat requests.
    """

    def __init__(
        self, address: Address, settings: CloudSettings, patience: Patience | None = None
    ) -> None:
        self.url: str = address.url
        self._connection = Connection(
            address, settings, patience or Patience(retries=settings.retries)
        )

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Read an object or a range of it; a large one in parallel."""
        parts = self._parts(key, start, length)
        first = next(parts, b"")
        second = next(parts, None)
        if second is None:
            return bytes(first)
        # Grows in place, and gives away its bytes without a copy; a list of parts to be joined
        # would hold them all twice.
        whole = BytesIO()
        for part in chain((first, second), parts):
            whole.write(part)
        return whole.getvalue()

    def get_pieces(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Read in pieces, some of which are fetched ahead of the reader."""
        return map(bytes, self._parts(key, start, length))

    def put(self, key: str, data: bytes | bytearray | memoryview, *, replace: bool = True) -> bool:
        """Write an object; a large one in parts, unless it must not replace any."""
        check_key(self.url, key)
        view = memoryview(data).cast("B")
        if not replace:
            return self._create(key, view)
        if len(view) > PART:
            self._upload(key, view)
        else:
            self._connection.ask(
                "write",
                key,
                lambda here: here.library.put(here.client, key, view, use_multipart=False),
            )
        return True

    def put_pieces(
        self,
        key: str,
        pieces: Iterable[bytes | bytearray | memoryview],
        *,
        replace: bool = True,
    ) -> int | None:
        """Write an object from pieces; a large one in parts while the pieces come."""
        if not replace and self.size(key) is not None:
            return None
        check_key(self.url, key)
        source = iter(pieces)
        first = bytearray()
        for piece in source:
            view = memoryview(piece).cast("B")
            if len(first) + len(view) > PART:
                return self._upload_from(key, chain((first, view), source))
            first += view
        return len(first) if self.put(key, first, replace=replace) else None

    def size(self, key: str) -> int | None:
        """Size of an object."""
        check_key(self.url, key)
        size = self._connection.ask(
            "look at",
            key,
            lambda here: int(here.library.head(here.client, key)["size"]),
            lambda fault, _tries: -1 if fault.kind == MISSING else None,
        )
        return None if size < 0 else size

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """All objects below a prefix, a page in memory at a time."""
        prefix = check_prefix(self.url, prefix)
        pages = Pages(prefix)
        while page := self._connection.ask("list", "", pages.next):
            for meta in page:
                yield StoredObject(
                    meta["path"], int(meta["size"]), meta["last_modified"].timestamp()
                )

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects, many with one request."""
        source = iter(keys)
        while batch := list(islice(source, BATCH)):
            for key in batch:
                check_key(self.url, key)
            if not self._delete(batch) and len(batch) > 1:
                # One was missing, which may have kept the others from being looked at.
                pool = self._connection.pool(READERS)
                list(pool.map(lambda key: self._delete([key]), batch))

    def close(self) -> None:
        """Let go of connections and threads."""
        self._connection.close()

    def _parts(self, key: str, start: int, length: int | None) -> Iterator[Any]:
        """Read a range in parts, as the library's own buffers."""
        check_key(self.url, key)
        if length is not None and length <= 0:
            if self.size(key) is None:
                raise ObjectMissing(self.url, key)
            return
        stop = None if length is None else start + length
        first = self._fetch(key, start, start + RANGE if stop is None else min(stop, start + RANGE))
        if first is NOTHING:
            return
        yield first.content
        size, tag = first.size, first.tag
        del first  # its buffer is the reader's now
        end = size if stop is None else min(stop, size)
        waiting = range(start + RANGE, end, RANGE)
        if not waiting:
            return
        pool = self._connection.pool(READERS)
        offsets = iter(waiting)
        ahead = deque(
            pool.submit(self._fetch, key, offset, min(end, offset + RANGE), tag)
            for offset in islice(offsets, READERS)
        )
        try:
            while ahead:
                part = ahead.popleft().result()
                for offset in islice(offsets, 1):
                    ahead.append(
                        pool.submit(self._fetch, key, offset, min(end, offset + RANGE), tag)
                    )
                yield part.content
                del part
        finally:
            for future in ahead:
                future.cancel()

    def _fetch(self, key: str, start: int, stop: int, tag: str | None = None) -> Part:
        """Read one part; nothing if the object ends before it begins."""

        def request(here: Opened) -> Part:
            answer = here.library.get(here.client, key, options={"range": (start, stop)})
            meta = answer.meta
            if tag is not None and meta["e_tag"] != tag:
                raise ObjectIncomplete(self.url, key, "another object has taken its place")
            size = int(meta["size"])
            content = answer.bytes()
            if len(content) != min(stop, size) - start:
                raise CutShort
            return Part(content, size, meta["e_tag"])

        def otherwise(fault: Fault, _tries: int) -> Part | None:
            if fault.kind == CUT:
                raise ObjectIncomplete(self.url, key, fault.reason)
            return NOTHING if fault.kind == BEYOND and tag is None else None

        return self._connection.ask("read", key, request, otherwise)

    def _create(self, key: str, view: memoryview) -> bool:
        """Write an object if there is none."""

        def exists(fault: Fault, tries: int) -> bool | None:
            if fault.kind != EXISTS:
                return None
            # After a lost answer, the object that is in the way may be ours.
            return tries > 0 and self._holds(key, view)

        return self._connection.ask(
            "write",
            key,
            lambda here: bool(
                here.library.put(here.client, key, view, mode="create", use_multipart=False)
            ),
            exists,
        )

    def _holds(self, key: str, view: memoryview) -> bool:
        return self.size(key) == len(view) and self.get(key) == view

    def _upload_from(self, key: str, pieces: Iterable[bytes | bytearray | memoryview]) -> int:
        """Write an object in parts while its pieces are being made."""
        channel = Channel(room=2)
        problems: list[BaseException] = []

        def send() -> None:
            try:
                self._upload(key, channel)
            except BaseException as error:
                problems.append(error)
            finally:
                channel.leave()

        sending = Thread(target=send, name="objects-upload")
        sending.start()
        try:
            total = channel.fill(pieces)
        finally:
            sending.join()
        if problems:
            raise problems[0]
        return total

    def _upload(self, key: str, content: Any) -> None:
        """Write an object in parts; what was sent is taken back if it does not come to an end."""
        here = self._connection.repeating()
        try:
            here.library.put(
                here.repeating,
                key,
                content,
                chunk_size=PART,
                max_concurrency=WRITERS,
                use_multipart=True,
            )
        except Exception as error:
            raise self._connection.error("write", key, understand(error)) from error

    def _delete(self, keys: Sequence[str]) -> bool:
        """Delete objects; False if one of them was not there."""
        return self._connection.ask(
            "delete",
            keys[0],
            lambda here: here.library.delete(here.client, keys) is None,
            lambda fault, _tries: False if fault.kind == MISSING else None,
        )
