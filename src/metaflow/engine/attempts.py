"""One attempt on its way: its worker, its output, and the answer as it comes in."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from typing import Any

from metaflow.engine.output import TaskOutput
from metaflow.engine.plan_messages import Launch
from metaflow.protocols.workers import FRAME_HEADER, Worker, WorkerExited

CHUNK = 1 << 20
PIECES = 4000
"""How much of an assignment is put together at a time: the texts of so many inputs, about half."""


class RunningAttempt:
    """A worker that has been given an attempt.

    Parameters
    ----------
    launch : Launch
        What it was told to run.
    frames : str
        The open splits around the task, as JSON.
    worker : Worker
        The process and the descriptors that belong to it.
    output : TaskOutput
        Its two output pipes.
    """

    __slots__ = ("_buffer", "answered", "frames", "killed", "launch", "output", "worker")

    def __init__(self, launch: Launch, frames: str, worker: Worker, output: TaskOutput) -> None:
        self.launch = launch
        self.frames = frames
        self.worker = worker
        self.output = output
        self.answered = False
        """The outcome is in; the process only has to end."""
        self.killed = False
        """The launcher ended the process."""
        self._buffer = b""

    def send(self, assignment: list[bytes]) -> None:
        """Give the worker its assignment; a worker that has died shows by its exit.

        Parameters
        ----------
        assignment : list of bytes
            Pieces of the text.
        """
        channel = self.worker.channel
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            header = FRAME_HEADER.pack(sum(map(len, assignment)))
            for first in range(0, len(assignment), PIECES):
                data = memoryview(header + b"".join(assignment[first : first + PIECES]))
                header = b""
                while data:
                    data = data[os.write(channel, data) :]
        os.set_blocking(channel, False)

    def receive(self) -> list[Any] | None:
        """Read what is there of the answer; return it when it is whole.

        Raises
        ------
        EOFError
            There is nothing to read: the worker has ended, though something that it has
            started may still hold its end open.
        """
        try:
            data = os.read(self.worker.channel, CHUNK)
        except (BlockingIOError, ConnectionError):
            data = b""
        if not data:
            raise EOFError
        self._buffer = self._buffer + data if self._buffer else data
        if len(self._buffer) < FRAME_HEADER.size:
            return None
        length = FRAME_HEADER.unpack_from(self._buffer)[0] + FRAME_HEADER.size
        if len(self._buffer) < length:
            return None
        answer: list[Any] = json.loads(self._buffer[FRAME_HEADER.size : length])
        self.answered = True
        return answer

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the attempt's process and to what it has started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.worker.pid, number)

    def kill(self) -> None:
        """End an attempt that has not answered, and what it has started."""
        try:
            os.killpg(self.worker.pid, signal.SIGKILL)
        except ProcessLookupError:
            # A process that was made a moment ago may not have its own group yet.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.worker.pid, signal.SIGKILL)

    def close(self) -> None:
        """Release all descriptors."""
        self.output.close()
        with contextlib.suppress(OSError):
            os.close(self.worker.channel)


def death(news: WorkerExited) -> str:
    """Say how a process ended that did not tell its outcome."""
    returncode = news.returncode
    if news.cause is not None:
        return news.cause
    if returncode >= 0:
        return f"its process ended with exit code {returncode} before its results were stored"
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        name = f"signal {-returncode}"
    hint = ", which is what happens when memory runs out" if returncode == -signal.SIGKILL else ""
    return f"its process was killed by {name}{hint}"
