"""On what machine and with what versions figures were read, and whether it was quiet."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import time
from typing import Any

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
IDLE_COLUMNS = (3, 4)  # of the `cpu` line of /proc/stat: idle, and waiting for a disk
GUEST_COLUMNS = (8, 9)  # already part of user time


def describe() -> dict[str, Any]:
    """Describe the machine, so that figures read elsewhere are not compared with these."""
    return {
        "processor": _field("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
    }


def commit() -> str | None:
    """Name the commit that is measured, with a `+` when the checkout has changes."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty=+"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or None


class Quiet:
    """Tells how much processor time went to programs that are not part of the benchmark."""

    def __init__(self) -> None:
        self._wall = time.monotonic()
        self._busy = _machine_busy_s()
        self._own = _own_cpu_s()

    def foreign_share(self) -> float:
        """Share of one core that others used since this object was made."""
        busy = _machine_busy_s() - self._busy
        own = _own_cpu_s() - self._own
        return max(0.0, busy - own) / max(1e-9, time.monotonic() - self._wall)


def _machine_busy_s() -> float:
    with open("/proc/stat", encoding="ascii") as stat:
        ticks = [int(word) for word in stat.readline().split()[1:]]
    counted = (n for i, n in enumerate(ticks) if i not in IDLE_COLUMNS + GUEST_COLUMNS)
    return sum(counted) / TICKS_PER_S


def _own_cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def _field(path: str, name: str) -> str | None:
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            key, _, value = line.partition(":")
            if key.strip() == name:
                return value.strip()
    return None
