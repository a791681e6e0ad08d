"""How those who wait hear that something has changed: threads and event loops alike."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class Bell:
    """Wakes all who wait for a condition each time something may have made it true."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._loops: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    def ring(self) -> None:
        """Let all who wait look again."""
        with self._condition:
            self._condition.notify_all()
            for event, loop in list(self._loops.items()):
                try:
                    loop.call_soon_threadsafe(event.set)
                except RuntimeError:  # the loop was closed under those who waited in it
                    del self._loops[event]

    def wait_for(self, is_true: Callable[[], bool], timeout_s: float | None = None) -> bool:
        """Wait in this thread until a condition is true; say whether it is."""
        with self._condition:
            return self._condition.wait_for(is_true, timeout_s)

    async def wait_for_async(
        self, is_true: Callable[[], bool], timeout_s: float | None = None
    ) -> bool:
        """Wait in this event loop until a condition is true; say whether it is."""
        import asyncio

        until = None if timeout_s is None else time.monotonic() + timeout_s
        event = asyncio.Event()
        with self._condition:
            self._loops[event] = asyncio.get_running_loop()
        try:
            while not is_true():
                rest = None if until is None else max(0.0, until - time.monotonic())
                try:
                    await asyncio.wait_for(event.wait(), rest)
                except TimeoutError:
                    return is_true()
                event.clear()
            return True
        finally:
            with self._condition:
                self._loops.pop(event, None)
