"""Processes of a service: started in groups of their own, known by pid and time of birth."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SERVICES = Path(__file__).resolve().parents[1] / ".services"
LOOPBACK = "127.0.0.1"
GRACE_S = 15
"""So long a process may take to end before it is killed."""


class ServiceFailed(Exception):
    """A service could not be installed or started."""


class CannotInstall(ServiceFailed):
    """A service is missing, and this user or system has no way to install it."""


class Place:
    """Where a service keeps its files, and what is known of its processes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = SERVICES / name
        self.installed = self.folder / "installed"
        self.data = self.folder / "data"
        self._state = self.folder / "state.json"
        self._processes: list[tuple[int, str]] = []
        """Of those started now: pid, and when it was born."""

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Let nobody else start or stop this service meanwhile, in any process."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def environment(self) -> dict[str, str] | None:
        """The environment of its clients if all of its processes run, else None."""
        state = self._read()
        if state is None or not all(_born(pid) == born for pid, born in state["processes"]):
            return None
        return state["environment"]

    def is_temporary(self) -> bool:
        state = self._read()
        return state is not None and state["temporary"]

    def remember(self, environment: dict[str, str], *, temporary: bool) -> None:
        state = {
            "environment": environment,
            "temporary": temporary,
            "processes": self._processes,
        }
        unfinished = self._state.with_suffix(".new")
        unfinished.write_text(json.dumps(state), encoding="utf-8")
        unfinished.replace(self._state)

    def fresh_data(self) -> Path:
        """An empty folder for what the service keeps."""
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(parents=True)
        return self.data

    def spawn(self, command: Sequence[str], **environment: str) -> subprocess.Popen[bytes]:
        """Start a process that outlives this one; what it prints is kept in its log."""
        log = self.data / f"{Path(command[0]).name}.log"
        with log.open("ab") as output:
            # A daemon that has inherited a pipe keeps its reader waiting forever.
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment},
                cwd=self.data,
                start_new_session=True,
            )
        born = _born(process.pid)
        if born is not None:
            self._processes.append((process.pid, born))
        return process

    def forget(self, pid: int) -> None:
        """Do not expect a process to run any longer."""
        self._processes = [known for known in self._processes if known[0] != pid]

    def wait(self, what: str, is_ready: Callable[[], bool], timeout_s: float) -> None:
        """Wait until a service is ready, or one of its processes has ended."""
        deadline = time.monotonic() + timeout_s
        while not is_ready():
            if not all(_born(pid) == born for pid, born in self._processes):
                raise ServiceFailed(f"{self.name}: a process has ended; see {self.data}/*.log")
            if time.monotonic() > deadline:
                raise ServiceFailed(f"{self.name}: {what} not ready after {timeout_s:.0f} s")
            time.sleep(0.1)

    def stop(self) -> None:
        """End all processes, the last one first, and remove what they kept."""
        state = self._read() or {"processes": self._processes}
        for pid, born in reversed(state["processes"]):
            _end(pid, born)
        self._state.unlink(missing_ok=True)
        shutil.rmtree(self.data, ignore_errors=True)

    def _read(self) -> dict[str, Any] | None:
        try:
            return json.loads(self._state.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None


def free_port() -> int:
    """A port of loopback that nobody uses, of those that the kernel gives to no client."""
    while True:
        port = random.randrange(20_000, 30_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port


def answers(url: str) -> bool:
    """Tell whether there is a web server, whatever it says."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError as answer:
        answer.close()
        return True
    except OSError:
        return False


def run(command: Sequence[str], timeout_s: float = 300, **environment: str) -> str:
    """Run a command to its end and return what it prints."""
    try:
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **environment},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServiceFailed(f"`{' '.join(command)}`: {error}") from error
    if done.returncode:
        raise ServiceFailed(f"`{' '.join(command)}` has failed:\n{done.stderr[-2000:]}")
    return done.stdout


def run_until_it_works(command: Sequence[str], timeout_s: float) -> str:
    """Run a command again while a server that it needs is still coming up."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return run(command, timeout_s)
        except ServiceFailed:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _born(pid: int) -> str | None:
    """When a process was started, in the kernel's count; None if it has ended."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # reaps one of our own
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = status.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def _end(pid: int, born: str) -> None:
    deadline = time.monotonic() + GRACE_S
    sign = signal.SIGTERM
    while _born(pid) == born:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, sign)
        until = time.monotonic() + 1
        while _born(pid) == born and time.monotonic() < until:
            time.sleep(0.05)
        if time.monotonic() > deadline:
            sign = signal.SIGKILL
