"""A command that a program has started: where its output is, how to wait for it, how to end it."""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
import tempfile
import weakref
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from metaflow.errors.runner import LogsRemoved, RunNotStarted
from metaflow.runner.child import INTERRUPTED_WITHIN_S, STREAMS, Child

if TYPE_CHECKING:
    import subprocess
    from collections.abc import AsyncIterator, Callable, Mapping


class CommandManager:
    """One child process and the files with what it prints.

    When nothing refers to this object any more, or the program ends, the process is ended.

    Parameters
    ----------
    command : list of str
        The command; the place of `PIPE` in it is taken by the path of the named pipe on
        which the command tells of its run.
    env : mapping of str to str
        Its whole environment.
    cwd : str, optional
        Its working directory.

    Attributes
    ----------
    command : list of str
        The command.
    log_files : dict of str to str
        Files with what it prints: `stdout` and `stderr`.
    timed_out : bool
        It was ended because somebody did not want to wait any longer.
    """

    PIPE: Final = "{pipe}"

    def __init__(self, command: list[str], env: Mapping[str, str], cwd: str | None = None) -> None:
        self._folder = tempfile.mkdtemp(prefix="metaflow-runner-")
        pipe = os.path.join(self._folder, "attributes")
        self.command: list[str] = [word.replace(self.PIPE, pipe) for word in command]
        self.log_files: dict[str, str] = {
            stream: os.path.join(self._folder, f"{stream}.log") for stream in STREAMS
        }
        self.timed_out: bool = False
        try:
            self.child: Final = Child(self.command, env, cwd, self.log_files, pipe)
        except BaseException:
            _remove(self._folder)
            raise
        self._finalizer = weakref.finalize(self, _abandon, self.child, self._folder)
        # At the end of the program the child itself sees to that.
        self._finalizer.atexit = False

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process."""
        return self.child.process

    def read(self, stream: str) -> str:
        """Return what the process has printed so far.

        Parameters
        ----------
        stream : str
            `stdout` or `stderr`.

        Raises
        ------
        LogsRemoved
            The files are gone.
        """
        with self._open(stream) as file:
            return file.read().decode(errors="replace")

    # ── waiting ──────────────────────────────────────────────────────────────────────────

    def await_registration(self, timeout_s: float, *, show: bool) -> dict[str, Any]:
        """Wait until the run is registered, and return what the process tells of it.

        Parameters
        ----------
        timeout_s : float
            How long to wait, in seconds.
        show : bool
            Print meanwhile what the process prints.

        Raises
        ------
        RunNotStarted
            The process has ended before, or it takes too long.
        """
        with self._showing(show=show) as look:
            self._wait(lambda: self.child.has_told, look, timeout_s)
        return self._told(timeout_s)

    async def await_registration_async(self, timeout_s: float) -> dict[str, Any]:
        """Wait like `await_registration`; cancelling ends the process."""
        child = self.child
        try:
            await child.bell.wait_for_async(lambda: child.has_told, timeout_s)
        except BaseException:
            child.stop()
            raise
        return self._told(timeout_s)

    def await_end(self, timeout_s: float | None = None, *, show: bool) -> None:
        """Wait until the process has ended; end it when that takes too long."""
        with self._showing(show=show) as look:
            self._wait(lambda: self.child.ended, look, timeout_s)
            if not self.child.ended:
                self.timed_out = True
                self.child.stop()
                look()

    async def await_end_async(
        self, timeout_s: float | None = None, stream: str | None = None
    ) -> None:
        """Wait like `await_end`, and print one of the streams meanwhile."""
        child = self.child
        names = [stream] if stream else []
        with self._showing(names, show=bool(stream)) as look:

            def has_ended() -> bool:
                look()
                return child.ended

            if not await child.bell.wait_for_async(has_ended, timeout_s):
                import asyncio

                self.timed_out = True
                await asyncio.to_thread(child.stop)
            look()

    async def lines(
        self, stream: str, position: int | None = None
    ) -> AsyncIterator[tuple[int, str]]:
        """Go through the lines of a stream as they come.

        Parameters
        ----------
        stream : str
            `stdout` or `stderr`.
        position : int, optional
            Where to begin, as an earlier call has told it; the beginning by default.

        Yields
        ------
        tuple of int and str
            The position behind the line, and the line without its end.
        """
        child = self.child
        with self._open(stream) as file:
            file.seek(position or 0)
            place = file.tell()
            while True:
                # Asked first: what was printed before the end is then sure to be read.
                ended = child.ended
                line = file.readline()
                if line.endswith(b"\n") or (line and ended):
                    place += len(line)
                    yield place, line.decode(errors="replace").rstrip("\r\n")
                    continue
                if ended:
                    return
                file.seek(place)
                seen = place + len(line)
                await child.bell.wait_for_async(_grown(child, stream, seen))

    # ── ending ───────────────────────────────────────────────────────────────────────────

    def kill(self) -> None:
        """End the process and all that it has started."""
        self.child.stop()

    def cleanup(self) -> None:
        """End the process if it still runs, and remove the files."""
        self.child.stop()
        self._finalizer.detach()
        _remove(self._folder)

    # ── inside ───────────────────────────────────────────────────────────────────────────

    def _open(self, stream: str) -> BinaryIO:
        try:
            return open(self.log_files[stream], "rb")
        except FileNotFoundError:
            raise LogsRemoved from None

    def _told(self, timeout_s: float) -> dict[str, Any]:
        child = self.child
        if child.attributes is not None:
            return child.attributes
        reason = f"ended with exit code {child.returncode} before its run was registered"
        if not child.ended:
            reason = f"did not register a run within {timeout_s:g} seconds"
            child.stop()
        raise RunNotStarted(self.command, reason, self.read("stdout"), self.read("stderr"))

    def _wait(
        self, is_true: Callable[[], bool], look: Callable[[], None], timeout_s: float | None
    ) -> None:
        """Wait in this thread; Ctrl-C is passed on to the launcher, which ends in order."""
        child = self.child

        def looked() -> bool:
            look()
            return is_true()

        try:
            child.bell.wait_for(looked, timeout_s)
            look()
        except BaseException:
            child.interrupt()
            is_true = lambda: child.ended  # noqa: E731 - what is waited for from now on
            child.bell.wait_for(looked, INTERRUPTED_WITHIN_S)
            child.stop()
            raise

    @contextlib.contextmanager
    def _showing(self, streams: Any = STREAMS, *, show: bool) -> Any:
        """Make the function that prints what has come since it was last called."""
        if not show:
            yield lambda: None
            return
        tails = [self._tail(stream) for stream in streams]
        try:
            yield lambda: _show_all(tails)
        finally:
            for tail in tails:
                tail.close()

    def _tail(self, stream: str) -> _Tail:
        return _Tail(self.log_files[stream], stream, self._shown)

    @property
    def _shown(self) -> dict[str, int]:
        """How much of each stream was printed already."""
        shown: dict[str, int] = self.__dict__.setdefault("_shown_bytes", {})
        return shown


class _Tail:
    """Prints what is new in a log file to the stream of the same name."""

    def __init__(self, path: str, stream: str, shown: dict[str, int]) -> None:
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed by `close`
        self._stream = stream
        self._shown = shown
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._file.seek(shown.get(stream, 0))

    def show(self) -> None:
        while data := self._file.read(1 << 16):
            target = getattr(sys, self._stream)
            target.write(self._decoder.decode(data))
            target.flush()

    def close(self) -> None:
        # A character that has not come whole is left for whoever looks next.
        waiting, _ = self._decoder.getstate()
        self._shown[self._stream] = self._file.tell() - len(waiting)
        self._file.close()


def _show_all(tails: list[_Tail]) -> None:
    for tail in tails:
        tail.show()


def _grown(child: Child, stream: str, seen: int) -> Callable[[], bool]:
    return lambda: child.ended or child.written[stream] > seen


def _abandon(child: Child, folder: str) -> None:
    child.abandon()
    _remove(folder)


def _remove(folder: str) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
