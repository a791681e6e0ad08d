"""A store of objects that fails as asked: slow, refusing, lying, silent about success, dying.

Which calls fail depends on a seed, the call, the key and how often that was called, and on
nothing else: not on time, nor on which thread comes first. So a failure can be repeated.
"""

# No postponed annotations here: a NamedTuple would compile each of them at import.
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from threading import Lock
from typing import NamedTuple, TypeVar

from metaflow.errors.object_store import ObjectStoreUnreachable
from metaflow.protocols.object_store import ObjectStore, StoredObject

T = TypeVar("T")


class Rates(NamedTuple):
    """How often each kind of fault happens: 0 is never, 1 is at each call."""

    delay: float = 0.0
    """The call takes `delay_s` longer."""
    error: float = 0.0
    """The call fails and has done nothing. The next one may succeed."""
    lost: float = 0.0
    """A write is done, and fails nevertheless: its acknowledgement was lost."""
    torn: float = 0.0
    """A write or listing breaks off in its middle."""
    truncated: float = 0.0
    """A body ends early, and nothing tells."""
    flipped: float = 0.0
    """One bit of a body is another one, and nothing tells."""


class Injected(NamedTuple):
    """A fault that has happened."""

    fault: str
    """A field of `Rates`, or `broken`."""
    operation: str
    key: str


def die() -> None:
    """End this process at once, as a crash does."""
    os.kill(os.getpid(), signal.SIGKILL)


class FaultyObjectStore:
    """Passes everything on to a store, and injects faults; an `ObjectStore` itself.

    Parameters
    ----------
    inner : ObjectStore
        The store that does the work.
    rates : Rates
        How often what goes wrong.
    seed : int
        Another one brings other faults.
    delay_s : float
        How long a delay is, in seconds.
    broken : callable, optional
        Given an operation and a key, tells whether it always fails.
    crash_after : int, optional
        After so many operations `crash` is called, before the next one does anything.
    crash : callable
        What a crash is; the process is killed by default.
    sleep : callable
        Waits; a test may count instead.

    Attributes
    ----------
    injected : list of Injected
        What has gone wrong, in the order in which it did.
    operations : int
        How many calls there were.
    """

    def __init__(
        self,
        inner: ObjectStore,
        rates: Rates = Rates(),  # noqa: B008 - a frozen value
        *,
        seed: int = 0,
        delay_s: float = 0.1,
        broken: Callable[[str, str], bool] | None = None,
        crash_after: int | None = None,
        crash: Callable[[], None] = die,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.inner = inner
        self.injected: list[Injected] = []
        self.operations: int = 0
        self._rates = rates
        self._seed = seed
        self._delay_s = delay_s
        self._broken = broken
        self._crash_after = crash_after
        self._crash = crash
        self._sleep = sleep
        self._lock = Lock()
        self._calls: dict[tuple[str, str], int] = {}

    @property
    def url(self) -> str:
        """Address of the store behind this one."""
        return self.inner.url

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Read, and maybe get less or something else."""
        call = self._begin("get", key)
        return self._damaged(call, self.inner.get(key, start, length))

    def get_pieces(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Read in pieces, one of which may be damaged, or the last one."""
        call = self._begin("get_pieces", key)
        for number, piece in enumerate(self.inner.get_pieces(key, start, length)):
            damaged = self._damaged(call, piece) if number == 0 else piece
            yield damaged
            if len(damaged) < len(piece):
                return

    def put(self, key: str, data: bytes | bytearray | memoryview, *, replace: bool = True) -> bool:
        """Write, and maybe say that it has failed."""
        call = self._begin("put", key)
        written = self.inner.put(key, data, replace=replace)
        self._end(call)
        return written

    def put_pieces(
        self,
        key: str,
        pieces: Iterable[bytes | bytearray | memoryview],
        *,
        replace: bool = True,
    ) -> int | None:
        """Write from pieces, and maybe break off between them."""
        call = self._begin("put_pieces", key)
        written = self.inner.put_pieces(key, self._torn(call, pieces), replace=replace)
        self._end(call)
        return written

    def size(self, key: str) -> int | None:
        """Look at an object."""
        self._begin("size", key)
        return self.inner.size(key)

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """List, and maybe break off."""
        call = self._begin("list", prefix)
        yield from self._torn(call, self.inner.list(prefix))

    def delete(self, keys: Iterable[str]) -> None:
        """Delete, and maybe only a part, or say that it has failed."""
        wanted = [*keys]
        call = self._begin("delete", wanted[0] if wanted else "")
        if self._happens("torn", call):
            self.inner.delete(wanted[: len(wanted) // 2])
            raise self._failure(call)
        self.inner.delete(wanted)
        self._end(call)

    def close(self) -> None:
        """Close the store behind this one."""
        self.inner.close()

    def _begin(self, operation: str, key: str) -> "_Call":
        with self._lock:
            self.operations += 1
            is_over = self._crash_after is not None and self.operations > self._crash_after
            count = self._calls[operation, key] = self._calls.get((operation, key), 0) + 1
        if is_over:
            self._crash()
        call = _Call(operation, key, count)
        if self._happens("delay", call):
            self._sleep(self._delay_s)
        if self._broken is not None and self._broken(operation, key):
            self._note("broken", call)
            raise self._failure(call)
        if self._happens("error", call):
            raise self._failure(call)
        return call

    def _end(self, call: "_Call") -> None:
        if self._happens("lost", call):
            raise self._failure(call)

    def _damaged(self, call: "_Call", body: bytes) -> bytes:
        if body and self._happens("truncated", call):
            return body[: self._number("place", call) % len(body)]
        if body and self._happens("flipped", call):
            changed = bytearray(body)
            place = self._number("place", call) % (8 * len(body))
            changed[place // 8] ^= 1 << place % 8
            return bytes(changed)
        return body

    def _torn(self, call: "_Call", items: Iterable[T]) -> Iterator[T]:
        is_torn = self._happens("torn", call)
        for item in items:
            yield item
            if is_torn:
                raise self._failure(call)

    def _happens(self, fault: str, call: "_Call") -> bool:
        rate: float = getattr(self._rates, fault)
        if rate <= 0 or self._number(fault, call) >= rate * (1 << 64):
            return False
        self._note(fault, call)
        return True

    def _number(self, purpose: str, call: "_Call") -> int:
        text = f"{self._seed}\0{purpose}\0{call.operation}\0{call.key}\0{call.nth}"
        return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")

    def _note(self, fault: str, call: "_Call") -> None:
        with self._lock:
            self.injected.append(Injected(fault, call.operation, call.key))

    def _failure(self, call: "_Call") -> ObjectStoreUnreachable:
        return ObjectStoreUnreachable(self.url, f"{call.operation} `{call.key}`", "injected fault")


class _Call(NamedTuple):
    operation: str
    key: str
    nth: int
    """The first call of this operation with this key is 1."""
