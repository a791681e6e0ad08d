"""How a fresh interpreter is started on the flow's file, as a worker or a warm parent."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys

from metaflow.compute.local import keeper
from metaflow.compute.local.parent import WarmParent
from metaflow.protocols.workers import Worker
from metaflow.task.program import flow_command


def start_worker(env: tuple[tuple[str, str], ...]) -> Worker:
    """Start a fresh interpreter that runs one attempt."""
    ours, theirs = socket.socketpair()
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    try:
        pid = _start("once", theirs, env, out_write, err_write)
    finally:
        theirs.close()
        os.close(out_write)
        os.close(err_write)
    return Worker(pid, ours.detach(), out_read, err_read)


class Keeper:
    """The launcher's side of the keeper process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", keeper.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
            process_group=0,
        )

    def watch(self, pid: int) -> None:
        """Have this process group killed if the launcher dies."""
        self._tell(f"+{pid}\n")

    def forget(self, pid: int) -> None:
        """Stop watching a process group that has ended."""
        self._tell(f"-{pid}\n")

    def close(self) -> None:
        """End the keeper."""
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None, "it was started with a pipe"
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line)


def start_parent(env: tuple[tuple[str, str], ...]) -> WarmParent:
    """Start a fresh interpreter that imports the flow and then forks workers."""
    ours, theirs = socket.socketpair()
    try:
        # What the flow's import prints belongs to no task; it was seen when the launcher
        # imported the file.
        pid = _start("parent", theirs, env, subprocess.DEVNULL, None)
    finally:
        theirs.close()
    return WarmParent(pid, ours, env)


def _start(
    role: str,
    channel: socket.socket,
    env: tuple[tuple[str, str], ...],
    stdout: int,
    stderr: int | None,
) -> int:
    number = channel.fileno()
    process = subprocess.Popen(
        [*flow_command(), "_worker", role, str(number)],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        pass_fds=(number,),
        env={**os.environ, **dict(env)},
        process_group=0,
    )
    # The process is reaped by its id, together with those that were forked.
    process.returncode = 0
    return process.pid
