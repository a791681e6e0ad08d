"""How much memory a process tree needs at most, sampled from outside while it runs."""

from __future__ import annotations

import os
import threading
from typing import NamedTuple, Self

INTERVAL_S = 0.02
PAGE = os.sysconf("SC_PAGE_SIZE")


class Peak(NamedTuple):
    """Highest sums over the tree that any sample saw."""

    pss_mb: float
    """Pages shared by several processes count once: what the tree takes from the machine."""
    rss_mb: float
    """Shared pages count in each process: what simple tools show."""


def descendants(root: int) -> list[int]:
    """List the ids of all processes below this one, orphans that it adopted included."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as stat:
                parent = int(stat.read().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue  # it ended while we looked
        children.setdefault(parent, []).append(int(entry))
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _memory_of(pid: int) -> tuple[int, int]:
    """Proportional and resident set of one process, in bytes; zeros when it has ended."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
            rss = int(statm.read().split()[1]) * PAGE
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
            pss = next(int(line.split()[1]) for line in rollup if line.startswith("Pss:")) * 1024
    except (OSError, StopIteration, IndexError):
        return 0, 0
    return pss, rss


def own_peak_mb(pid: int) -> float:
    """Return the largest resident set that one process has had so far; 0 when it has ended."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1e3
    except (OSError, StopIteration):
        return 0.0


class Sampler:
    """Watches all descendants of this process from a thread; use it as a context manager."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak = Peak(0.0, 0.0)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(INTERVAL_S):
            sizes = [_memory_of(pid) for pid in descendants(os.getpid())]
            pss = sum(size[0] for size in sizes) / 1e6
            rss = sum(size[1] for size in sizes) / 1e6
            self.peak = Peak(max(self.peak.pss_mb, pss), max(self.peak.rss_mb, rss))
