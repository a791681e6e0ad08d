"""Whether the holder of a lease is alive, judged by those who read it and never ended by them.

On the holder's machine the process itself is looked at. From elsewhere a lease counts for a
while after it was signed; a clock that somebody sets can mislead a first look, but not one who
keeps looking, since whoever signs again is alive whatever the clocks say.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

from metaflow.metadata_store.holding import BY_SCHEDULER, LEASE_S, own_place, process_start

if TYPE_CHECKING:
    from metaflow.metadata_store.facts import LeaseFacts


class Judge:
    """Looks at one lease, perhaps again and again.

    It remembers what it has seen, so one judge is for one run or task.
    """

    __slots__ = ("_first_seen", "_signed_at", "_signs_anew")

    def __init__(self) -> None:
        self._signed_at: float | None = None
        self._first_seen = 0.0
        self._signs_anew = False

    def is_alive(self, lease: LeaseFacts | None) -> bool:
        """Say whether somebody carries what the lease is on.

        Parameters
        ----------
        lease : LeaseFacts, optional
            The lease as it is now; None if there is none: who began it knew of no leases,
            and is long gone.
        """
        if lease is None:
            return False
        if lease.holder == BY_SCHEDULER:
            return True
        machine, boot, processes, pid, start = json.loads(lease.holder)
        here = own_place()
        if machine == here[0] and boot != here[1]:
            return False  # the machine was started anew since
        if boot == here[1] and boot:
            if processes == here[2]:
                return _lives(pid, start)
            # Another container of this machine: its clocks are ours.
            return time.monotonic() - lease.renewed_tick <= LEASE_S
        if machine == here[0] and not _lives(pid, start):
            return False
        return self._signs(lease.renewed_at)

    def _signs(self, signed_at: float) -> bool:
        tick = time.monotonic()
        if signed_at != self._signed_at:
            self._signs_anew = self._signed_at is not None
            self._signed_at = signed_at
            self._first_seen = tick
        if self._signs_anew or signed_at > time.time():
            return tick - self._first_seen <= LEASE_S
        return time.time() - signed_at <= LEASE_S


def holder_of(lease: LeaseFacts) -> tuple[str, int] | None:
    """Return host and process id of a lease's holder; None for a scheduler."""
    if lease.holder == BY_SCHEDULER:
        return None
    machine, _, _, pid, _ = json.loads(lease.holder)
    return machine.rpartition("/")[2], pid


def _lives(pid: int, start: str) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is somebody else's
    found = process_start(pid)
    # Process ids are used again, but not with the same start.
    return found is None or not start or found == start
