"""The launcher's side of one warm parent: ask for workers, hear of new ones and of exits."""

from __future__ import annotations

import _socket  # what `socket` adds to it takes 2 ms to load
import contextlib
import marshal
import os
import select
import signal
import time
from array import array
from collections.abc import Mapping
from typing import TYPE_CHECKING

from metaflow.compute.local import frames
from metaflow.compute.local.lifeline import kill_group
from metaflow.compute.local.packer_line import PackerPipe
from metaflow.compute.local.wire import (
    BYE,
    CONTEXT,
    EXITED,
    MORE,
    PACK,
    PACK_CODE,
    PACKER,
    RECORD,
    SAVE,
)
from metaflow.model.artifact import ArtifactRef, manifest_from_json
from metaflow.protocols.workers import News, Worker, WorkerExited, WorkerReady, WorkersLost

if TYPE_CHECKING:
    from metaflow.model.package import PackageOrder
    from metaflow.model.task import RunContext

REAPED_WITHIN_S = 2.0
"""A server that takes longer to follow its workers is stopped or stuck."""
DESCRIPTORS = 3
"""A new worker brings its channel and its two output pipes."""

PARENT_DIED = "its process ended with the warm parent that all tasks are forked from"


class WarmParent:
    """Handle of a running fork server.

    Parameters
    ----------
    pid : int
        Process id of the server, a child of this process.
    control : socket
        The line to it.
    env : tuple of pairs
        Environment variables that the server was started with, beyond the usual ones.
    """

    def __init__(
        self, pid: int, control: _socket.socket, env: tuple[tuple[str, str], ...] = ()
    ) -> None:
        self.pid = pid
        self.env = env
        self.alive = True
        self._control = control
        self._workers: set[int] = set()
        self._packer_pid = 0
        self.packer: PackerPipe | None = None
        """The line to the process that packs the code, once there is one."""

    def fileno(self) -> int:
        """Descriptor of the line to the server."""
        return self._control.fileno()

    def save(
        self, values: Mapping[str, object], root: str, pack: str
    ) -> dict[str, ArtifactRef] | None:
        """Let the server store values of Python's plain types; None when it can't.

        The server has loaded what that takes; this process may never need it.
        """
        try:
            data = marshal.dumps(dict(values))
        except ValueError:  # some value is of another type
            return None
        try:
            self._control.sendall(frames.encode([SAVE, root, pack, data.decode("latin-1")]))
            answer = frames.receive(self._control)
        except OSError:
            return None
        return None if answer is None else manifest_from_json(answer)

    def pack(self, order: PackageOrder, root: str) -> None:
        """Let the server pack the code while it waits for the run's context."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._control.sendall(frames.encode([PACK, order, root]))

    def pack_as_configured(self) -> None:
        """Let the server pack the code as the run's context says."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._control.sendall(PACK_CODE)

    def configure(self, context: RunContext) -> None:
        """Send the run's context; the server forks nobody before it has it."""
        self._control.setblocking(True)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._control.sendall(frames.encode([CONTEXT, context]))
        self._control.setblocking(False)

    def request(self, count: int) -> None:
        """Ask for more workers; a dead server shows in `poll`."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._control.sendall(MORE * count)

    def poll(self) -> list[News]:
        """Hear what the server says; when it has died, all its workers have."""
        heard: list[News] = []
        while self.alive:
            try:
                data, ancillary, _, _ = self._control.recvmsg(
                    RECORD.size, _socket.CMSG_SPACE(DESCRIPTORS * array("i").itemsize)
                )
            except BlockingIOError:
                break
            except ConnectionError:
                data, ancillary = b"", []
            if len(data) < RECORD.size:
                heard += self._bury()
                break
            kind, pid, number = RECORD.unpack(data)
            if kind == PACKER:
                self._packer_pid = pid
                self.packer = PackerPipe(array("i", ancillary[0][2])[0])
            elif pid == self._packer_pid:
                self._packer_pid = 0
            elif kind == EXITED:
                self._workers.discard(pid)
                heard.append(WorkerExited(pid, number))
            else:
                descriptors = array("i", ancillary[0][2])
                self._workers.add(pid)
                heard.append(WorkerReady(self.env, Worker(pid, *descriptors)))
        return heard

    def close(self) -> None:
        """End the workers and let the server reap them before it ends itself."""
        if not self.alive:
            return
        self.alive = False
        with contextlib.suppress(OSError):
            self._control.sendall(BYE)
        self._control.close()
        until = time.monotonic() + REAPED_WITHIN_S
        _await_end(self.pid, REAPED_WITHIN_S)
        while not _is_reaped(self.pid):
            if time.monotonic() > until:
                kill_group(self.pid)
            time.sleep(0.0005)

    def _bury(self) -> list[News]:
        """Make sure that nothing of a dead or dying server is left."""
        self.alive = False
        self._control.close()
        for pid in (*self._workers, self.pid):
            kill_group(pid)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        # First of all that nothing more will come of this server, so that nobody is given
        # one of its idle workers when the exits of the others are heard.
        lost: list[News] = [WorkersLost(self.env)]
        lost += [WorkerExited(pid, -signal.SIGKILL, PARENT_DIED) for pid in self._workers]
        self._workers.clear()
        return lost


def _await_end(pid: int, timeout_s: float) -> None:
    """Wait until a child has ended, but not for ever."""
    with contextlib.suppress(OSError):  # it is reaped already, or the system is too old for this
        descriptor = os.pidfd_open(pid)
        try:
            poller = select.poll()
            poller.register(descriptor, select.POLLIN)
            poller.poll(1000 * timeout_s)
        finally:
            os.close(descriptor)


def _is_reaped(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return True
