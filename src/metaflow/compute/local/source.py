"""Where a run's workers come from: warm parents where forking is safe, else interpreters."""

from __future__ import annotations

import _socket  # what `socket` adds to it takes 2 ms to load
import contextlib
import os
import selectors
import sys
import time
from typing import TYPE_CHECKING, NoReturn

from metaflow.compute.local import safety
from metaflow.compute.local.lifeline import kill_group
from metaflow.compute.local.packer_line import PACKER_DIED, PackerPipe
from metaflow.compute.local.parent import WarmParent
from metaflow.protocols.workers import CodePacked, News, WorkerExited, WorkerReady
from metaflow.task.leaving import flush_files, flush_output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow.authoring.flowspec import FlowSpec
    from metaflow.compute.local.interpreters import Keeper
    from metaflow.model.artifact import ArtifactRef
    from metaflow.model.package import PackageOrder
    from metaflow.model.task import RunContext

Env = tuple[tuple[str, str], ...]


class LocalWorkers:
    """Makes workers for the steps of one run on this machine.

    It must be made before the launcher opens any store: the warm parent is a fork of the
    launcher and shall inherit nothing but the imported flow.

    Parameters
    ----------
    flow : type
        The user's flow class.
    start : {"auto", "fork", "spawn"}
        How workers start; `auto` forks where that is safe.

    Attributes
    ----------
    reason : str or None
        Why workers are fresh interpreters although `auto` would rather fork.
    """

    def __init__(self, flow: type[FlowSpec], start: str = "auto") -> None:
        self.reason: str | None = None
        self._selector = selectors.DefaultSelector()
        self._parents: dict[Env, WarmParent] = {}
        self._interpreters: dict[int, None] = {}
        self._started: list[News] = []
        self._context: RunContext | None = None
        self._keeper: Keeper | None = None
        self._packer: PackerPipe | None = None
        self._awaits_package = False
        self._forks = start != "spawn"
        if start == "auto":
            self.reason = safety.reason_against_fork()
            self._forks = self.reason is None
        if self._forks:
            self._fork_parent(flow, check=start == "auto")

    def fileno(self) -> int:
        """Descriptor that becomes readable when `poll` may have something to say."""
        return self._selector.fileno()

    def save(
        self, values: Mapping[str, object], root: str, pack: str
    ) -> dict[str, ArtifactRef] | None:
        """Store plain values in the warm parent, if there is one; None when it can't."""
        parent = self._parents.get(())
        return None if parent is None else parent.save(values, root, pack)

    def configure(self, context: RunContext) -> None:
        """Tell all workers of the run's context; called once, before the first request."""
        self._context = context
        for parent in self._parents.values():
            parent.configure(context)

    def will_pack(self) -> bool:
        """Tell whether there is a warm parent, which has time to pack the code."""
        return () in self._parents

    def pack(self, order: PackageOrder, root: str) -> None:
        """Begin to pack the code; called before `configure`."""
        self._parents[()].pack(order, root)
        self._awaits_package = True

    def pack_as_configured(self) -> None:
        """Begin to pack the code, once decorators are attached, as the run's context says."""
        parent = self._parents.get(())
        if parent is not None:
            parent.pack_as_configured()
            self._awaits_package = True

    def packed(self, timeout_s: float) -> CodePacked | None:
        """Wait for the package when the run is over; None if `poll` has told of it."""
        deadline = time.monotonic() + timeout_s
        while self._awaits_package:
            for news in self.poll():
                if isinstance(news, CodePacked):
                    return news
            left = deadline - time.monotonic()
            if left <= 0:
                return CodePacked((), f"it was not complete {timeout_s:g} s after the run")
            self._selector.select(left)
        return None

    def request(self, env: Env, count: int) -> None:
        """Ask for `count` more workers with these environment variables."""
        if not self._forks:
            self._start_interpreters(env, count)
            return
        parent = self._parents.get(env)
        if parent is None:
            parent = self._start_parent(env)
        parent.request(count)

    def poll(self) -> list[News]:
        """What has happened since the last call, in order; never waits."""
        heard, self._started = self._started, []
        for parent in list(self._parents.values()):
            descriptor = parent.fileno()
            heard += parent.poll()
            if parent.packer is not None:
                self._packer, parent.packer = parent.packer, None
                self._selector.register(self._packer, selectors.EVENT_READ)
            if not parent.alive:
                self._selector.unregister(descriptor)
                del self._parents[parent.env]
                if self._awaits_package and self._packer is None and not parent.env:
                    self._awaits_package = False
                    heard.append(CodePacked((), PACKER_DIED))
        # The packer outlives its parent by a moment.
        heard += self._hear_packer()
        for pid in list(self._interpreters):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                del self._interpreters[pid]
                if self._keeper is not None:
                    self._keeper.forget(pid)
                heard.append(WorkerExited(pid, os.waitstatus_to_exitcode(status)))
        return heard

    def _hear_packer(self) -> list[News]:
        packed = None if self._packer is None else self._packer.read()
        if self._packer is None or packed is None:
            return []
        self._selector.unregister(self._packer)
        self._packer.close()
        self._packer = None
        self._awaits_package = False
        return [packed]

    def close(self) -> None:
        """Kill and reap whatever is left."""
        for parent in self._parents.values():
            parent.close()
        for pid in self._interpreters:
            kill_group(pid)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
        self._parents.clear()
        if self._keeper is not None:
            for pid in self._interpreters:
                self._keeper.forget(pid)
            self._keeper.close()
        self._interpreters.clear()
        self._selector.close()

    def _fork_parent(self, flow: type[FlowSpec], *, check: bool) -> None:
        ours, theirs = _socket.socketpair()
        # What is still held back must not be written once more by every worker.
        flush_files(vars(sys.modules[flow.__module__]).values())
        flush_output()
        pid = _fork()
        if pid == 0:
            ours.close()
            self._selector.close()
            _be_warm_parent(flow, theirs)
        theirs.close()
        parent = WarmParent(pid, ours)
        self.reason = safety.reason_against_having_forked() if check else None
        if self.reason is None:
            self._adopt(parent)
        else:
            self._forks = False
            parent.close()

    def _start_parent(self, env: Env) -> WarmParent:
        from metaflow.compute.local.interpreters import start_parent

        parent = start_parent(env)
        if self._context is not None:
            # The first warm parent packs the code; this one has nothing but its steps.
            parent.configure(self._context._replace(package=None))
        self._adopt(parent)
        return parent

    def _adopt(self, parent: WarmParent) -> None:
        self._parents[parent.env] = parent
        self._selector.register(parent, selectors.EVENT_READ)

    def _start_interpreters(self, env: Env, count: int) -> None:
        from metaflow.compute.local.interpreters import Keeper, start_worker

        if self._keeper is None:
            self._keeper = Keeper()
        for _ in range(count):
            worker = start_worker(env)
            self._interpreters[worker.pid] = None
            self._keeper.watch(worker.pid)
            channel = _socket.socket(fileno=os.dup(worker.channel))
            if self._context is not None:
                from metaflow.compute.local import frames

                channel.sendall(frames.encode(self._context))
            channel.close()
            self._started.append(WorkerReady(env, worker))


def _be_warm_parent(flow: type[FlowSpec], control: _socket.socket) -> NoReturn:
    try:
        # A group of its own: Ctrl-C is for the launcher, which ends a run in order.
        os.setpgid(0, 0)
        # Loaded here and not above: the launcher has no use for what tasks need.
        from metaflow.compute.local import fork_server

        fork_server.serve(flow, control)
    finally:
        os._exit(1)


def _fork() -> int:
    """Fork; whether other threads make that unsafe is this module's own question."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()
