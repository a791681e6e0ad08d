"""How a process holds a lease: as whom it signs, and when it has to sign again.

A lease tells readers whether somebody still carries a run. Its holder never loses it to a
clock: a process that was asleep signs again when it wakes up, and goes on.
"""

from __future__ import annotations

import json
import os
import time
from typing import Final

from metaflow.model.records import LeaseHeld

RENEW_S: Final = 10.0
"""How often a holder signs."""

LEASE_S: Final = 45.0
"""Who has not signed for so long is taken for dead where the process itself can't be seen."""

WHOLE_RUN: Final = ""
"""Stands for the run itself where a lease names a task."""

BY_SCHEDULER: Final = ""
"""Holder of a run whose tasks are started one by one, by somebody who signs nothing."""

START_FIELD: Final = 19
"""Where /proc/PID/stat says when a process began, counted behind the name's parenthesis."""


class Holding:
    """The lease of this process on a run, or on one task of it.

    Parameters
    ----------
    task_id : str
        The task; nothing for the whole run.
    """

    __slots__ = ("_holder", "_task_id", "due")

    def __init__(self, task_id: str = WHOLE_RUN) -> None:
        self._task_id = task_id
        self._holder = json.dumps(own_signature())
        self.due: float = 0.0
        """When to sign again, on the monotonic clock."""

    def sign(self) -> LeaseHeld:
        """Say that this process is alive."""
        tick = time.monotonic()
        self.due = tick + RENEW_S
        return LeaseHeld(self._task_id, self._holder, time.time(), tick)


def carried_by_scheduler() -> LeaseHeld:
    """Make the lease of a run that no process carries."""
    return LeaseHeld(WHOLE_RUN, BY_SCHEDULER, time.time(), time.monotonic())


def own_signature() -> tuple[str, str, str, int, str]:
    """Name this process: machine, boot, process ids' name space, process id, its start.

    What the system does not tell is empty.
    """
    pid = os.getpid()
    return (*own_place(), pid, process_start(pid) or "")


def own_place() -> tuple[str, str, str]:
    """Say where this process can see others: machine, boot, name space of process ids."""
    machine = f"{_read('/etc/machine-id')}/{os.uname().nodename}"
    try:
        processes = os.readlink("/proc/self/ns/pid")
    except OSError:
        processes = ""
    return machine, _read("/proc/sys/kernel/random/boot_id"), processes


def process_start(pid: int) -> str | None:
    """Say when a process began, in ticks since the boot; None if that can't be read.

    A process that has ended and was not reaped yet is said to have begun `never`.
    """
    stat = _read(f"/proc/{pid}/stat")
    if not stat:
        return None
    fields = stat.rpartition(")")[2].split()
    return "never" if fields[0] in {"Z", "X"} else fields[START_FIELD]


def _read(path: str) -> str:
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return ""
    try:
        return os.read(fd, 4096).decode(errors="replace").strip()
    except OSError:
        return ""
    finally:
        os.close(fd)
