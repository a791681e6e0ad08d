"""How one child process is started, listened to and ended.

A thread of its own reads what the process prints into two files, and what it tells of its
run from a named pipe. Whoever waits is woken by a bell, so nothing sleeps and looks again.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING, Any, Final

from metaflow.compute.local.interpreters import Keeper
from metaflow.compute.local.lifeline import kill_group
from metaflow.runner.bell import Bell

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

STREAMS: Final = ("stdout", "stderr")
ENDS_WITHIN_S: Final = 2.0
"""A launcher that was told twice to stop and takes longer is killed."""
INTERRUPTED_WITHIN_S: Final = 8.0
"""A launcher gives its tasks five seconds after the first interrupt."""
LOOK_EVERY_S: Final = 0.01
"""How often the end of a process is looked for where the system can't announce it."""
CHUNK: Final = 1 << 16


class Child:
    """A running child process.

    Parameters
    ----------
    words : list of str
        The command.
    env : mapping of str to str
        Its whole environment.
    cwd : str, optional
        Its working directory.
    log_files : mapping of str to str
        Where what it prints is kept, by stream.
    pipe : str
        Path of the named pipe on which it tells of its run.

    Attributes
    ----------
    process : subprocess.Popen
        The process.
    bell : Bell
        Rings when there is output, when the process has told of its run, when it has ended.
    attributes : dict or None
        What it has told of its run.
    ended : bool
        It has ended and all its output is in the files.
    """

    def __init__(
        self,
        words: list[str],
        env: Mapping[str, str],
        cwd: str | None,
        log_files: Mapping[str, str],
        pipe: str,
    ) -> None:
        self.bell: Final = Bell()
        self.attributes: dict[str, Any] | None = None
        self.ended: bool = False
        self.written: dict[str, int] = dict.fromkeys(STREAMS, 0)
        """Length of each log file, in bytes."""
        self._told = b""
        self._owner = os.getpid()
        os.mkfifo(pipe, 0o600)
        # Opened for both ends, so that it never looks as if its writer had come and gone.
        self._pipe = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
        try:
            self.process: Final = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(env),
                cwd=cwd,
                # Ctrl-C is for this process, which then ends the child in order.
                process_group=0,
            )
        except BaseException:
            os.close(self._pipe)
            raise
        KEEPERS.watch(self)
        self._files: dict[str, IO[bytes]] = {
            stream: open(log_files[stream], "ab", buffering=0)  # noqa: SIM115 - the thread closes them
            for stream in STREAMS
        }
        self._thread = threading.Thread(
            target=self._listen, name=f"flow {self.process.pid}", daemon=True
        )
        self._thread.start()

    @property
    def has_told(self) -> bool:
        """The run is registered, or it never will be."""
        return self.attributes is not None or self.ended

    @property
    def returncode(self) -> int | None:
        """Exit code; None as long as the process runs."""
        return self.process.returncode if self.ended else None

    def interrupt(self) -> None:
        """Ask the launcher to end the run in order, as Ctrl-C does."""
        if not self.ended:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGINT)

    def abandon(self) -> None:
        """Tell the process to end, without waiting for it."""
        # A copy of this object in a forked process is not the process's parent.
        if self.ended or os.getpid() != self._owner:
            return
        # Two signals tell a launcher not to wait for its tasks; it still records their end.
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)

    def stop(self) -> None:
        """End the process and everything that it has started; return when that is done."""
        if self.ended or os.getpid() != self._owner:
            return
        self.abandon()
        if not self.bell.wait_for(lambda: self.ended, ENDS_WITHIN_S):
            kill_group(self.process.pid)
            self.bell.wait_for(lambda: self.ended, ENDS_WITHIN_S)

    # ── the thread ───────────────────────────────────────────────────────────────────────

    def _listen(self) -> None:
        process = self.process
        assert process.stdout is not None, "it was started with a pipe"
        assert process.stderr is not None, "it was started with a pipe"
        exit_fd = _open_exit(process.pid)
        try:
            with selectors.DefaultSelector() as selector, process.stdout, process.stderr:
                selector.register(process.stdout, selectors.EVENT_READ, self._reader("stdout"))
                selector.register(process.stderr, selectors.EVENT_READ, self._reader("stderr"))
                selector.register(self._pipe, selectors.EVENT_READ, self._hear)
                if exit_fd is not None:
                    selector.register(exit_fd, selectors.EVENT_READ)
                while process.poll() is None:
                    self._turn(selector, None if exit_fd is not None else LOOK_EVERY_S)
                # What it has started may hold its pipes open for good: take what is there.
                if exit_fd is not None:
                    selector.unregister(exit_fd)
                while self._turn(selector, 0.0):
                    pass
        finally:
            KEEPERS.forget(self)
            os.close(self._pipe)
            if exit_fd is not None:
                os.close(exit_fd)
            for file in self._files.values():
                file.close()
            self.ended = True
            self.bell.ring()

    def _turn(self, selector: selectors.BaseSelector, patience_s: float | None) -> bool:
        """Take in what there is; say whether there was anything."""
        heard = False
        for key, _ in selector.select(patience_s):
            if key.data is None:
                continue
            if key.data():
                heard = True
            else:
                selector.unregister(key.fileobj)
        if heard:
            self.bell.ring()
        return heard

    def _reader(self, stream: str) -> Callable[[], bool]:
        pipe: IO[bytes] = getattr(self.process, stream)

        def read() -> bool:
            data = os.read(pipe.fileno(), CHUNK)
            # A full disk must not keep the run from going on.
            with contextlib.suppress(OSError):
                self._files[stream].write(data)
            self.written[stream] += len(data)
            return bool(data)

        return read

    def _hear(self) -> bool:
        self._told += os.read(self._pipe, CHUNK)
        with contextlib.suppress(ValueError):
            self.attributes = json.loads(self._told)
        return True


def _open_exit(pid: int) -> int | None:
    """Open what becomes readable when a child ends, where the system has that."""
    opens = getattr(os, "pidfd_open", None) if sys.platform == "linux" else None
    if opens is None:
        return None
    try:
        return int(opens(pid))
    except OSError:
        return None


class _Keepers:
    """What ends this process's children when it ends, or dies before it can."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keeper: Keeper | None = None
        self._owner = 0
        self._children: dict[int, Child] = {}

    def watch(self, child: Child) -> None:
        with self._lock:
            if self._keeper is None or self._owner != os.getpid():
                import atexit

                self._keeper, self._owner, self._children = Keeper(), os.getpid(), {}
                atexit.register(self._close, self._keeper, self._owner)
            self._children[child.process.pid] = child
            self._keeper.watch(child.process.pid)

    def forget(self, child: Child) -> None:
        with self._lock:
            if self._owner == os.getpid():
                self._children.pop(child.process.pid, None)
                if self._keeper is not None:
                    self._keeper.forget(child.process.pid)

    def _close(self, keeper: Keeper, owner: int) -> None:
        if owner != os.getpid():
            return
        for child in list(self._children.values()):
            child.stop()
        with self._lock:
            self._keeper = None
        keeper.close()


KEEPERS: Final = _Keepers()
