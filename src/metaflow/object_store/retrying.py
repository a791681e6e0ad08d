"""How often a request is repeated: a few times, at random distances, until a deadline."""

# No postponed annotations here: a NamedTuple would compile each of them at import.
import os
import time
from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 15.0

T = TypeVar("T")


class Patience(NamedTuple):
    """How long to go on asking."""

    retries: int = 7
    deadline_s: float = 180.0
    """From the first try; no try begins later."""
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = lambda: int.from_bytes(os.urandom(4), "big") / (1 << 32)
    """Between 0 and 1; clients that failed together must not come back together."""

    def persist(self, ask: Callable[[int], T], is_passing: Callable[[BaseException], bool]) -> T:
        """Ask until there is an answer, or it makes no sense any more.

        Parameters
        ----------
        ask : callable
            Is given how many tries there were before.
        is_passing : callable
            Tells whether an exception is a reason to ask again.

        Raises
        ------
        BaseException
            What the last try has raised.
        """
        end = self.clock() + self.deadline_s
        tries = 0
        while True:
            try:
                return ask(tries)
            except Exception as error:
                pause = self.pause(tries)
                if tries >= self.retries or not is_passing(error) or self.clock() + pause > end:
                    raise
            self.sleep(pause)
            tries += 1

    def pause(self, tries: int) -> float:
        """How long to wait after a failure, in seconds."""
        return self.chance() * min(LONGEST_PAUSE_S, FIRST_PAUSE_S * (1 << min(tries, 16)) * 2)
