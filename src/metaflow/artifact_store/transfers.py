"""Several transfers at a time, in bounded memory, by threads that end with who needs them."""

from __future__ import annotations

from collections import deque
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")

AT_ONCE: Final = 16
"""So many transfers are under way at most."""

HELD_BYTES: Final = 64 << 20
"""So many bytes wait in memory to be sent; a transfer that alone has more goes alone."""


class Transfers:
    """Calls that run beside their caller; the first failure is raised to who awaits them."""

    __slots__ = ("_active", "_changed", "_error", "_held", "_later")

    def __init__(self) -> None:
        self._changed: Final = Condition()
        self._active = 0
        self._held = 0
        self._error: BaseException | None = None
        self._later: tuple[Callable[[], object], int] | None = None
        """A small call that is made by the caller itself, if no other joins it."""

    def start(self, call: Callable[[], object], size: int) -> None:
        """Make a call soon; wait until there is room for what it holds.

        Parameters
        ----------
        call : callable
            What to do; anything that it returns is dropped.
        size : int
            How many bytes it keeps in memory.

        Raises
        ------
        Exception
            What an earlier call has failed with.
        """
        if self._later is None and not self._active and size < HELD_BYTES // AT_ONCE:
            self._later = call, size
            return
        self._start_later()
        self._start(call, size)

    def wait(self) -> None:
        """Wait until all calls have been made.

        Raises
        ------
        Exception
            What the first of them that failed has failed with.
        """
        if self._later is not None and not self._active:
            later, self._later = self._later[0], None
            later()
        self._start_later()
        with self._changed:
            while self._active:
                self._changed.wait()
            error, self._error = self._error, None
        if error is not None:
            raise error

    def _start_later(self) -> None:
        if self._later is not None:
            later, self._later = self._later, None
            self._start(*later)

    def _start(self, call: Callable[[], object], size: int) -> None:
        with self._changed:
            while self._active and (self._active >= AT_ONCE or self._held + size > HELD_BYTES):
                self._changed.wait()
            if self._error is not None:
                raise self._error
            self._active += 1
            self._held += size
        Thread(target=self._make, args=(call, size), daemon=True).start()

    def _make(self, call: Callable[[], object], size: int) -> None:
        error: BaseException | None = None
        try:
            call()
        except BaseException as raised:
            error = raised
        with self._changed:
            self._active -= 1
            self._held -= size
            self._error = self._error or error
            self._changed.notify_all()


class _Ahead(Thread, Generic[Item, Result]):
    """One call in a thread of its own, and what became of it."""

    def __init__(self, function: Callable[[Item], Result], item: Item) -> None:
        super().__init__(daemon=True)
        self._function = function
        self._item = item
        self._results: list[Result] = []
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        """Make the call."""
        try:
            self._results.append(self._function(self._item))
        except BaseException as error:
            self._error = error

    def result(self) -> Result:
        """Wait for the call and return or raise what it has."""
        self.join()
        if self._error is not None:
            raise self._error
        return self._results.pop()


def in_order(
    function: Callable[[Item], Result], items: Sequence[Item], width: int
) -> Iterator[Result]:
    """Go through the results for some items in order, with a few calls under way.

    Parameters
    ----------
    function : callable
        Called with one item, in other threads.
    items : Sequence
        The items.
    width : int
        How many calls are under way, or done and not yet taken.
    """
    if len(items) <= 1:
        yield from map(function, items)
        return
    ahead: deque[_Ahead[Any, Result]] = deque()
    try:
        for item in items:
            if len(ahead) == width:
                yield ahead.popleft().result()
            ahead.append(_Ahead(function, item))
        while ahead:
            yield ahead.popleft().result()
    finally:
        for abandoned in ahead:
            abandoned.join()
