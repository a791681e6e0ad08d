"""A folder with a flow in it, real launchers started there, and a look at their processes.

Every process that comes from a launcher is found by a variable in its environment, so that a
process that nobody knows of any more is found, too.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from pathlib import Path
from typing import NamedTuple

from metaflow import Run, Task, metadata, namespace

MARK = "FAULTS_MARK"
IMPORTS = """\
import os
import signal
import sys
import time

from metaflow import FlowSpec, catch, current, environment, retry, step


def did(place):
    file = os.open(os.environ["FAULTS_JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(file, f"{os.environ['METAFLOW_RUN_ID']} {place}\\n".encode())
    os.close(file)

"""
LAST_LINES = """

if __name__ == "__main__":
    {name}()
"""
OWN_NEXT = """
class OwnNext(FlowSpec):
    def next(self, *steps, **how):
        super().next(*steps, **how)
{after}

"""
RUN_ID = re.compile(r"Workflow starting \(run-id ([^)]+)\)")
FINISHED = re.compile(
    r"\[(\S+)/(\S+)/(\S+) \(pid (\d+)\)\] Task finished successfully\.$", re.MULTILINE
)
CLONED = re.compile(r"Cloning previously run task (\S+)$", re.MULTILINE)


class Done(NamedTuple):
    """What a finished launcher left behind."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err

    @property
    def run_id(self) -> str:
        found = RUN_ID.search(self.out)
        assert found is not None, f"no run began:\n{self.all}"
        return found[1]

    @property
    def acknowledged(self) -> list[tuple[str, str]]:
        """Step and id of each task that was said to have finished."""
        return [(step, task_id) for _, step, task_id, _ in FINISHED.findall(self.out)]

    @property
    def cloned(self) -> set[str]:
        """`run/step/task` of each task that was cloned."""
        return set(CLONED.findall(self.out))

    def lines_of(self, step: str) -> list[str]:
        """What the tasks of a step wrote, without the stamps in front."""
        stamp = re.compile(rf"^\S+ \S+ \[\S+/{step}/\S+ \(pid \d+\)\] ?(.*)$", re.MULTILINE)
        return stamp.findall(self.out)


class Process(NamedTuple):
    """One process that came from a launcher."""

    pid: int
    parent: int
    group: int
    command: str


class Launcher:
    """A launcher that was started, and all that it starts."""

    def __init__(self, popen: subprocess.Popen[bytes], mark: str, err: Path) -> None:
        self.popen = popen
        self.pid = popen.pid
        self._mark = f"{MARK}={mark}".encode()
        self._err = err
        self._out = bytearray()
        self._open = True

    def out(self) -> str:
        """What it has printed so far."""
        self._read(0.0)
        return self._out.decode(errors="replace")

    def wait_for(self, text: str, count: int = 1, timeout: float = 20.0) -> None:
        """Wait until it has printed a text so many times."""
        self._wait(lambda: self._out.count(text.encode()) >= count, timeout, f"`{text}`")

    def wait_for_lines(self, count: int, timeout: float = 20.0) -> bool:
        """Wait until it has printed so many lines; False when it ends before."""
        deadline = time.monotonic() + timeout
        while self._open and self._out.count(b"\n") < count:
            assert time.monotonic() < deadline, self.out()
            self._read(deadline - time.monotonic())
        return self._out.count(b"\n") >= count

    def wait_for_file(self, path: Path, timeout: float = 20.0) -> None:
        """Wait until a step has made a file."""
        self._wait(path.exists, timeout, f"the file {path.name}", pause=0.005)

    def finish(self, timeout: float = 30.0) -> Done:
        """Wait for its end; it must come in time."""
        deadline = time.monotonic() + timeout
        while self._open and (left := deadline - time.monotonic()) > 0:
            self._read(left)
        try:
            assert not self._open, f"its output was not closed in {timeout} s"
            code = self.popen.wait(max(0.1, deadline - time.monotonic()))
        except (AssertionError, subprocess.TimeoutExpired) as error:
            raise AssertionError(
                f"it did not end: {error}\n{self.processes()}\n{self.out()}"
            ) from None
        assert self.popen.stdout is not None
        self.popen.stdout.close()
        return Done(code, self.out(), self._err.read_text(errors="replace"))

    def processes(self) -> list[Process]:
        """All of its processes that live, itself included."""
        found = []
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                if self._mark not in Path("/proc", name, "environ").read_bytes().split(b"\0"):
                    continue
                stat = Path("/proc", name, "stat").read_text()
                command = Path("/proc", name, "cmdline").read_bytes()
            except OSError:
                continue
            state, parent, group = stat.rpartition(")")[2].split()[:3]
            if state not in "ZX":
                shown = command.replace(b"\0", b" ").decode(errors="replace")
                found.append(Process(int(name), int(parent), int(group), shown))
        return found

    def parents(self) -> list[int]:
        """Ids of its warm parents."""
        return [one.pid for one in self.processes() if one.parent == self.pid]

    def workers(self) -> list[int]:
        """Ids of the processes that run tasks or wait for one."""
        found = self.processes()
        parents = {one.pid for one in found if one.parent == self.pid}
        return [one.pid for one in found if one.parent in parents]

    def leftovers(self, within: float = 5.0) -> list[Process]:
        """What still lives after so many seconds; looks until nothing does."""
        deadline = time.monotonic() + within
        while (found := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.01)
        return found

    def clean_up(self) -> None:
        """Kill what a test left."""
        for process in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        self.popen.wait()
        if self.popen.stdout is not None:
            self.popen.stdout.close()

    def _wait(self, holds, timeout: float, what: str, pause: float = 0.2) -> None:
        deadline = time.monotonic() + timeout
        while not holds():
            assert time.monotonic() < deadline, f"{what} did not come:\n{self.out()}"
            assert self._open, f"it ended before {what} came:\n{self.out()}{self._err.read_text()}"
            self._read(pause)

    def _read(self, timeout: float) -> None:
        """Take in output, waiting for some no longer than this."""
        stream = self.popen.stdout
        if not self._open or stream is None:
            return
        if not select.select([stream], [], [], max(0.0, timeout))[0]:
            return
        data = os.read(stream.fileno(), 1 << 20)
        self._out += data
        self._open = bool(data)


class Lab:
    """A folder with a flow file and a store."""

    def __init__(self, folder: Path, store: Path | None = None) -> None:
        self.folder = folder
        self.store = (store or folder) / ".metaflow"
        self.store.mkdir(parents=True, exist_ok=True)
        self.journal = folder / "journal"
        self.launchers: list[Launcher] = []
        self.env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("METAFLOW_", "COV_", "PYTEST_"))
        }
        self.env |= {
            "METAFLOW_USER": "ann",
            "METAFLOW_HOME": str(folder / "home"),
            "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(self.store.parent),
            "FAULTS_JOURNAL": str(self.journal),
            "FAULTS_FOLDER": str(folder),
            # So that it tells what the framework keeps in order, not the test's machine.
            "OPENBLAS_NUM_THREADS": "1",
        }

    def write(self, source: str, name: str = "flow.py") -> None:
        """Write a flow file around the class of a flow."""
        text = textwrap.dedent(source)
        flow = re.findall(r"^class (\w+)\(", text, re.MULTILINE)[-1]
        (self.folder / name).write_text(IMPORTS + text + LAST_LINES.format(name=flow))

    def write_step(
        self, body: str, *, before: str = "", decorator: str = "", after: str = ""
    ) -> None:
        """Write a flow of `start`, whose body this is, and `end`.

        `after` is what `start` does when its transition is declared already.
        """
        if after:
            before += OWN_NEXT.format(after=textwrap.indent(textwrap.dedent(after), " " * 8))
        parts = (
            textwrap.dedent(before),
            f"class StepFlow({'OwnNext' if after else 'FlowSpec'}):",
            f"    {decorator}" if decorator else "",
            "    @step",
            "    def start(self):",
            textwrap.indent(textwrap.dedent(body).strip(), " " * 8),
            "",
            "    @step",
            "    def end(self):",
            "        print('end has run')",
        )
        self.write("\n".join(parts))

    def start(
        self, *args: str, file: str = "flow.py", stdin=subprocess.DEVNULL, **env: str
    ) -> Launcher:
        """Start the flow's command line."""
        mark = uuid.uuid4().hex
        err = self.folder / f"{mark}.err"
        with err.open("wb") as errors:
            popen = subprocess.Popen(
                [sys.executable, file, *args],
                cwd=self.folder,
                env=self.env | {MARK: mark} | env,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        launcher = Launcher(popen, mark, err)
        self.launchers.append(launcher)
        return launcher

    def run(self, *args: str, timeout: float = 60.0, **env: str) -> Done:
        """Start the command line and wait for its end."""
        return self.start(*(args or ("run",)), **env).finish(timeout)

    def resume(self, run_id: str, *args: str) -> Done:
        """Resume a run; that must succeed."""
        done = self.run("resume", "--origin-run-id", run_id, *args)
        assert done.code == 0, done.all
        return done

    def look(self) -> None:
        """Let the client look at this store."""
        metadata(f"local@{self.store.parent}")
        namespace(None)

    def task(self, pathspec: str) -> Task:
        self.look()
        return Task(pathspec)

    def run_object(self, pathspec: str) -> Run:
        self.look()
        return Run(pathspec)

    def only_task(self, done: Done, step: str = "start", flow: str = "StepFlow") -> Task:
        """The one task of a step of a run."""
        (task,) = self.run_object(f"{flow}/{done.run_id}")[step]
        return task

    def did(self, run_id: str) -> list[str]:
        """What the steps of a run noted down in the journal."""
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        return [place for run, place in (line.split(" ", 1) for line in lines) if run == run_id]

    def clean_up(self) -> None:
        """Leave no process behind, whatever happened."""
        for launcher in self.launchers:
            launcher.clean_up()
