"""Whether this process can be forked without breaking what the flow file has started."""

from __future__ import annotations

import os
import sys
import threading

FORK_AWARE_THREADS = ("jemalloc_bg_thd",)
"""Names of native threads whose library handles a fork by itself."""
ACCELERATOR_DEVICES = ("/dev/nvidia", "/dev/kfd", "/dev/accel")


def reason_against_fork() -> str | None:
    """Say why forking is unsafe, as far as it shows before a first fork."""
    if sys.platform != "linux":
        return f"a process can't be forked safely on {sys.platform}"
    others = [thread.name for thread in threading.enumerate() if thread.ident != _me()]
    if others:
        return f"importing the flow started the thread `{others[0]}`"
    device = _open_accelerator()
    return None if device is None else f"importing the flow opened the accelerator `{device}`"


def reason_against_having_forked() -> str | None:
    """Say why the fork just made is unsafe: native threads that it did not stop.

    Libraries that handle forks (OpenBLAS, for one) end their threads right before one and
    start them again when needed. A thread that is still here after a fork belongs to a
    library that knows nothing of it.
    """
    for thread in os.listdir("/proc/self/task"):
        if int(thread) == os.getpid():
            continue
        try:
            with open(f"/proc/self/task/{thread}/comm") as file:
                name = file.read().strip()
        except OSError:
            continue
        if name not in FORK_AWARE_THREADS:
            return f"a library that the flow imports started a thread (`{name}`)"
    return None


def _me() -> int | None:
    return threading.current_thread().ident


def _open_accelerator() -> str | None:
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{descriptor}")
        except OSError:
            continue
        if target.startswith(ACCELERATOR_DEVICES):
            return target
    return None
