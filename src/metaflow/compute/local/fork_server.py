"""The warm parent: it has imported the flow once, never runs user code, and forks workers.

It is single-threaded and holds nothing open but its line to the launcher. Each worker it
forks gets a channel and two output pipes whose other ends go to the launcher, closes what
belongs to the workers that are forked together with it, and waits for its assignment. When
the launcher goes away the server kills its workers and ends; when the server goes away the
kernel kills its workers.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the C module has no stub
import _socket
import contextlib
import gc
import marshal
import os
import select
import signal
from array import array
from typing import TYPE_CHECKING, NoReturn

from metaflow.artifact_store.local import LocalArtifactStore
from metaflow.compute.local import child, frames
from metaflow.compute.local.lifeline import kill_group, prepare_to_die_with
from metaflow.compute.local.rehearsal import rehearse
from metaflow.compute.local.streams import open_output
from metaflow.compute.local.wire import (
    BYE,
    CONTEXT,
    EXITED,
    MORE,
    NEW_WORKER,
    PACK,
    PACK_CODE,
    PACKER,
    RECORD,
)
from metaflow.errors.storage import DataException
from metaflow.model.artifact import ArtifactRef
from metaflow.model.package import PackageOrder
from metaflow.model.task import RunContext
from metaflow.task.leaving import flush_output

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow.authoring.flowspec import FlowSpec

CRASHED = 70
"""Exit code of a worker whose own machinery failed."""
FORKED_AT_ONCE = 16
"""Each of them holds six descriptors until the launcher has got its own."""


def serve(flow: type[FlowSpec], control: _socket.socket) -> NoReturn:
    """Be the warm parent of a flow's workers until the launcher goes away.

    Parameters
    ----------
    flow : type
        The user's flow class, imported.
    control : socket
        The line to the launcher, which first sends the run's context as a frame and then
        one byte per worker it wants.
    """
    code = CRASHED
    try:
        _serve(flow, control)
        code = 0
    finally:
        os._exit(code)


def _serve(flow: type[FlowSpec], control: _socket.socket) -> None:
    die_with_server = prepare_to_die_with(os.getpid())
    wake_in, wake_out = os.pipe()
    os.set_blocking(wake_in, False)
    os.set_blocking(wake_out, False)
    signal.set_wakeup_fd(wake_out, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    # A program that a shell has put into the background is told to ignore this; a worker hears
    # from its launcher alone.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _open_null_input()
    open_output()
    child.prepare(flow)
    # There is time for this: the launcher still has to get ready.
    rehearse()

    def leave() -> None:
        die_with_server()
        control.close()
        os.close(wake_in)
        os.close(wake_out)

    begun = _await_context(flow, control, leave)
    if begun is None:
        return
    context, packing = begun
    ready = child.make_ready(flow, context)
    gc.freeze()
    gc.enable()
    workers: set[int] = set()
    if packing is not None:
        _tell_of_packer(control, workers, *packing)
    poller = select.poll()
    poller.register(control, select.POLLIN)
    poller.register(wake_in, select.POLLIN)
    while True:
        for descriptor, _ in poller.poll():
            if descriptor == wake_in:
                with contextlib.suppress(BlockingIOError):
                    os.read(wake_in, 4096)
                _report_exits(control, workers)
                continue
            requests = _read_requests(control)
            if not requests or BYE in requests:
                _end(workers, in_order=bool(requests))
                return
            line = _fork_workers(control, workers, requests.count(MORE))
            if line is not None:
                # From here on this is the worker.
                die_with_server()
                os.close(wake_in)
                os.close(wake_out)
                _become_worker(ready, control, line)
            if PACK_CODE in requests and context.package is not None:
                from metaflow.compute.local import packer

                begun_packing = packer.begin(flow, context.package, context.root, leave)
                _tell_of_packer(control, workers, *begun_packing)


def _await_context(
    flow: type, control: _socket.socket, leave: Callable[[], None]
) -> tuple[RunContext, tuple[int, int] | None] | None:
    """Pack and store what the launcher wants until it sends the run's context.

    With the context comes what packing has begun with, if it has. Of that the launcher is
    told later: now it only expects answers.
    """
    packing: tuple[int, int] | None = None
    while True:
        message = frames.receive(control)
        if message is None:
            return None
        kind, *rest = message
        if kind == CONTEXT:
            return RunContext.from_json(rest[0]), packing
        if kind == PACK:
            # Loaded here and not above: this process waits for the launcher now.
            from metaflow.compute.local import packer

            order, root = rest
            packing = packer.begin(flow, PackageOrder.from_json(order), root, leave)
        else:
            control.sendall(frames.encode(_save(*rest)))


def _save(root: str, pack: str, data: str) -> dict[str, ArtifactRef] | None:
    try:
        values = marshal.loads(data.encode("latin-1"))  # noqa: S302 - from our own launcher
        saved, problems = LocalArtifactStore(root).save(values, pack)
    except DataException:  # the launcher tries again and tells what is wrong
        return None
    return None if problems else saved


def _read_requests(control: _socket.socket) -> bytes:
    """Read what the launcher asks for; nothing comes when it has died."""
    try:
        return control.recv(4096)
    except ConnectionError:
        return b""


class Line:
    """The descriptors of one worker that is about to be forked, and of all made with it."""

    __slots__ = ("channel", "err", "handed", "out", "spans")

    def __init__(
        self,
        ours: tuple[int, int, int],
        theirs: tuple[int, int, int],
        spans: list[tuple[int, int]],
    ) -> None:
        self.channel, self.out, self.err = ours
        self.handed = theirs
        """The other ends, which the launcher gets."""
        self.spans = spans
        """What to close: the first number of each run of descriptors, and the one after it."""


def _fork_workers(control: _socket.socket, workers: set[int], count: int) -> Line | None:
    """Fork some workers; return its line in each of them, None in the parent."""
    # Every page that this process writes to between two forks has to be copied once more, so
    # a fork follows right upon the other, and everything else is done before or after.
    while count > 0:
        lines = _open_lines(min(count, FORKED_AT_ONCE))
        count -= len(lines)
        made: list[int] = []
        for line in lines:
            pid = os.fork()
            if pid == 0:
                return line
            made.append(pid)
        workers.update(made)
        for pid, line in zip(made, lines, strict=True):
            # A launcher that has gone away is noticed on the next read.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                control.sendmsg(
                    [RECORD.pack(NEW_WORKER, pid, 0)],
                    [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array("i", line.handed))],
                )
        _close_spans(lines[0].spans)
    return None


def _open_lines(count: int) -> list[Line]:
    """Open the descriptors of some workers; what a flow's file has open may lie in between."""
    spans: list[tuple[int, int]] = []
    lines = []
    opened = []
    for _ in range(count):
        ours, theirs = _socket.socketpair()
        channel, far = ours.detach(), theirs.detach()
        out_read, out = os.pipe()
        err_read, err = os.pipe()
        opened += [channel, far, out_read, out, err_read, err]
        lines.append(Line((channel, out, err), (far, out_read, err_read), spans))
    for descriptor in sorted(opened):
        if spans and spans[-1][1] == descriptor:
            spans[-1] = (spans[-1][0], descriptor + 1)
        else:
            spans.append((descriptor, descriptor + 1))
    return lines


def _close_spans(spans: list[tuple[int, int]]) -> None:
    for first, after in spans:
        os.closerange(first, after)


def _tell_of_packer(control: _socket.socket, workers: set[int], pid: int, answer: int) -> None:
    """Hand the line of the process that packs the code to the launcher."""
    if pid:
        # It is killed with the workers.
        workers.add(pid)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        control.sendmsg(
            [RECORD.pack(PACKER, pid, 0)],
            [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array("i", (answer,)))],
        )
    os.close(answer)


def _become_worker(ready: child.Ready, control: _socket.socket, line: Line) -> NoReturn:
    code: int | None = CRASHED
    try:
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
        # The worker's line takes the place of the server's, whose object serves on.
        os.dup2(line.channel, control.fileno(), inheritable=False)
        os.dup2(line.out, 1)
        os.dup2(line.err, 2)
        _close_spans(line.spans)
        code = child.serve_one(ready, control, forked=True)
    except BaseException:
        import traceback

        traceback.print_exc()
        flush_output()
    finally:
        os._exit(code or 0)


def _report_exits(control: _socket.socket, workers: set[int]) -> None:
    while workers:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        workers.discard(pid)
        record = RECORD.pack(EXITED, pid, os.waitstatus_to_exitcode(status))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            control.sendall(record)


def _end(workers: set[int], *, in_order: bool) -> None:
    """Kill all workers and wait until none is left.

    When the launcher has died, what the workers have started dies with them. At the end of a
    run the launcher has seen to that; what a finished step has left running stays.
    """
    for pid in workers:
        if in_order:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        else:
            kill_group(pid)
    for pid in workers:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)


def _open_null_input() -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
