"""What one command costs: wall time, processor time of its whole tree, memory, system calls."""

from __future__ import annotations

import ctypes
import os
import resource
import select
import shutil
import signal
import subprocess
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.memory import Peak, Sampler, descendants, own_peak_mb

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
ORPHAN_PATIENCE_S = 5.0
LOOK_EVERY_S = 0.1


class BenchmarkFailed(Exception):
    """A measured command did not do what it was measured for."""


class Usage(NamedTuple):
    """The cost of one command."""

    wall_s: float
    cpu_s: float
    console: Path
    peak: Peak = Peak(0.0, 0.0)
    """Zeros unless memory was sampled."""
    own_peak_mb: float = 0.0
    """What the command's first process alone has needed, as far as was seen ten times a second."""

    def printed(self) -> str:
        """All that the command wrote to its console."""
        return self.console.read_text(errors="replace")


def adopt_orphans() -> None:
    """Become the parent of all orphaned descendants, so that their cost is seen as well."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    console: Path,
    exit_code: int = 0,
    timeout_s: float = 3600,
    sample_memory: bool = False,
) -> Usage:
    """Run a command with its output in a file, wait for it and all that it started.

    Wall time ends when the command itself ends; processor time includes what it leaves
    behind. Sampling memory takes time from the machine, so a sampled run is never timed.
    """
    before = _children_cpu_s()
    watch: Sampler | nullcontext[None] = Sampler() if sample_memory else nullcontext()
    with console.open("wb") as output, watch as sampler:
        started = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            own_peak_mb = _wait(process, timeout_s)
        except BaseException:
            _end_all()
            raise
        wall = time.perf_counter() - started
        _reap_orphans(command)
    if process.returncode != exit_code:
        raise BenchmarkFailed(
            f"exit code {process.returncode} instead of {exit_code}: "
            f"{' '.join(str(part) for part in command)} (its output is in {console})"
        )
    cpu = _children_cpu_s() - before
    usage = Usage(wall, cpu, console, own_peak_mb=own_peak_mb)
    return usage._replace(peak=sampler.peak) if sampler else usage


def count_system_calls(
    command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], console: Path
) -> int | None:
    """Count the system calls of a command's whole tree; None where strace is missing."""
    strace = shutil.which("strace")
    if strace is None:
        return None
    summary = console.with_suffix(".strace")
    run([strace, "-f", "-c", "-o", summary, *command], cwd=cwd, env=env, console=console)
    total = summary.read_text().rstrip().rpartition("\n")[2].split()
    return int(total[3])


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _wait(process: subprocess.Popen[bytes], timeout_s: float) -> float:
    """Wait for a process; return the most memory that it was seen to have needed, in MB."""
    # A poll on the process itself: subprocess's own timeout looks only now and then.
    handle = os.pidfd_open(process.pid)
    deadline = time.monotonic() + timeout_s
    peak_mb = 0.0
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        while not poll.poll(LOOK_EVERY_S * 1000):
            if time.monotonic() > deadline:
                raise BenchmarkFailed(f"no end after {timeout_s:.0f} s: {process.args!r}")
            peak_mb = max(peak_mb, own_peak_mb(process.pid))
    finally:
        os.close(handle)
    process.wait()
    return peak_mb


def _reap_orphans(command: Sequence[str | Path]) -> None:
    deadline = time.monotonic() + ORPHAN_PATIENCE_S
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            if time.monotonic() > deadline:
                left = _end_all()
                raise BenchmarkFailed(f"{left} processes left behind by {command}")
            time.sleep(0.002)


def _end_all() -> int:
    """Kill everything below this process, which is all of our own making; say how many."""
    ended = 0
    while below := descendants(os.getpid()):
        for pid in below:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            ended += 1
        try:
            while os.waitpid(-1, 0):
                pass
        except ChildProcessError:
            pass
    return ended
