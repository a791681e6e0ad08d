"""How a row is measured: fresh folders, contenders in turns, several rounds."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import process
from benchmarks.contenders import CHECKOUT
from benchmarks.figures import FLOOR, OURS, Figure, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.contenders import Contender

HERE = Path(__file__).parent
FLOWS = HERE / "flows"
FLOORS = HERE / "floors"
PROBES = HERE / "probes"
MEMORY_DISK = Path("/dev/shm")


class Sizes(NamedTuple):
    """How much work the rows do; the defaults are what the targets speak of."""

    tasks: int = 1000
    rival_tasks: int = 1000
    array_mb: int = 1000
    frame_mb: int = 100
    artifacts: int = 1000
    lines: int = 1_000_000
    runs: int = 500
    runs_read: int = 100
    very_many_tasks: int = 100_000
    very_many_runs: int = 100_000
    huge_mb: int = 10_000
    very_many_blobs: int = 1_000_000

    def scaled(self, share: float) -> Sizes:
        """Shrink everything to this share."""
        return Sizes(*(max(4, round(size * share)) for size in self))


class Samples:
    """Values that were measured: by contender and name, one for each round."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, list[float]]] = {}

    def add(self, contender: str, measured: dict[str, float]) -> None:
        """Keep the values of one trial."""
        for name, value in measured.items():
            self.values.setdefault(contender, {}).setdefault(name, []).append(value)

    def figure(
        self,
        row: str,
        what: str,
        name: str,
        unit: str,
        target: Target | None = None,
        *,
        higher_is_better: bool = False,
    ) -> Figure:
        """Make a line of the table out of the values of one name."""
        by_contender = {c: values[name] for c, values in self.values.items() if name in values}
        return Figure(row, what, unit, by_contender, target, higher_is_better)


class Bench:
    """One run of the benchmark: who takes part, how often, with how much work, and where."""

    def __init__(
        self,
        host: Contender,
        contenders: list[Contender],
        *,
        floors: bool,
        runs: int | None,
        sizes: Sizes,
    ) -> None:
        self.host = host
        """The interpreter that floors run in: ours, also when it does not take part."""
        self.contenders = contenders
        self.floors = floors
        self.sizes = sizes
        self.rounds = runs or 5
        self.long_rounds = runs or 3
        """Rounds of trials that take more than a minute."""
        self.notes: list[str] = []
        """What a reader of the current row's figures has to know."""
        (CHECKOUT / "build").mkdir(exist_ok=True)
        self._disk = Path(tempfile.mkdtemp(prefix="bench-", dir=CHECKOUT / "build"))
        memory_disk = MEMORY_DISK if os.access(MEMORY_DISK, os.W_OK) else self._disk
        self._memory = Path(tempfile.mkdtemp(prefix="bench-", dir=memory_disk))
        self._numbers = count()
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("METAFLOW", "PYTHON"))}
        self.env = kept | {"METAFLOW_USER": "bench", "METAFLOW_HOME": str(self._memory / "home")}

    def close(self, *, keep: bool = False) -> None:
        """Remove all work folders; of a failed benchmark, keep them to look into."""
        if keep:
            self.say(f"work folders are kept: {self._disk} {self._memory}")
            return
        shutil.rmtree(self._disk)
        shutil.rmtree(self._memory)

    # ── where ────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def in_memory(self) -> Iterator[Path]:
        """Give an empty folder on a file system in memory, and remove it afterwards."""
        folder = self._memory / str(next(self._numbers))
        (folder / "work").mkdir(parents=True)
        yield folder / "work"
        shutil.rmtree(folder)

    def on_disk(self) -> Path:
        """Give an empty folder on the checkout's disk.

        It stays until the end: on some file systems a large removal slows down the creation
        of files for minutes, which would land in the figures of the next trial.
        """
        folder = self._disk / str(next(self._numbers)) / "work"
        folder.mkdir(parents=True)
        os.sync()  # so that what earlier trials wrote is not written during the next one
        return folder

    # ── what ─────────────────────────────────────────────────────────────────────────────

    def python(
        self,
        contender: Contender,
        *arguments: str | Path,
        cwd: Path,
        exit_code: int = 0,
        sample_memory: bool = False,
        env: dict[str, str] | None = None,
    ) -> process.Usage:
        """Run a contender's Python; the console's text goes next to the work folder."""
        return process.run(
            [contender.python, *arguments],
            cwd=cwd,
            env=self.env | (env or {}),
            console=cwd.parent / f"console-{next(self._numbers)}",
            exit_code=exit_code,
            sample_memory=sample_memory,
        )

    def system_calls(self, contender: Contender, *arguments: str | Path, cwd: Path) -> int | None:
        """Count the system calls of a contender's Python and all that it starts."""
        return process.count_system_calls(
            [contender.python, *arguments],
            cwd=cwd,
            env=self.env,
            console=cwd.parent / f"console-{next(self._numbers)}",
        )

    def tasks_for(self, contender: Contender) -> int:
        """Number of tasks in a foreach; a quick benchmark spares the rival most of them."""
        return self.sizes.tasks if contender.name == OURS else self.sizes.rival_tasks

    # ── how ──────────────────────────────────────────────────────────────────────────────

    def interleave(
        self,
        trial: Callable[[Contender], dict[str, float]],
        *,
        floor: Callable[[], dict[str, float]] | None = None,
        rounds: int | None = None,
        warm_up: bool = False,
        into: Samples | None = None,
    ) -> Samples:
        """Measure all contenders in turns, each round beginning with the next of them.

        A warm-up is a first round that does not count; it fills caches that every later
        start on this machine finds filled too.
        """
        trials: list[tuple[str, Callable[[], dict[str, float]]]] = [
            (contender.name, partial(trial, contender)) for contender in self.contenders
        ]
        if floor is not None and self.floors:
            trials.append((FLOOR, floor))
        samples = into or Samples()
        if warm_up:
            for _, measure in trials:
                measure()
        total = rounds or self.rounds
        for number in range(total):
            shift = number % len(trials)
            for name, measure in trials[shift:] + trials[:shift]:
                self.say(f"  round {number + 1} of {total}: {name}")
                samples.add(name, measure())
        return samples

    def note(self, text: str) -> None:
        """Say something about the current row under the table."""
        if text not in self.notes:
            self.notes.append(text)

    @staticmethod
    def say(text: str) -> None:
        """Show progress."""
        print(text, file=sys.stderr, flush=True)


def count_files(folder: Path) -> int:
    """Count the regular files in a folder and below."""
    return sum(len(files) for _, _, files in os.walk(folder))


def stored_mb(folder: Path) -> float:
    """Sum the sizes of all files in a folder and below, in MB."""
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1e6
