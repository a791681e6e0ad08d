"""E10: a task that prints very many lines: run it, and read the log back whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks import console
from benchmarks.bench import FLOORS, FLOWS, PROBES
from benchmarks.figures import Figure, Target

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.contenders import Contender

MAX_LOG_MB = "1000"
"""Large enough for all lines, so that none may be missing."""


def measure(bench: Bench) -> list[Figure]:
    """Run with the console in a file, then read with the client in a fresh process."""
    lines = bench.sizes.lines

    def trial(contender: Contender) -> dict[str, float]:
        work = bench.on_disk()
        usage = bench.python(
            contender,
            FLOWS / "chatty.py",
            *("run", "--lines", str(lines), "--max-log-size", MAX_LOG_MB),
            cwd=work,
        )
        # The first task of a run has the number 1.
        pathspec = f"Chatty/{console.run_id(usage.printed())}/start/1"
        read = bench.python(contender, PROBES / "read_log.py", pathspec, cwd=work)
        return {"wall": usage.wall_s, "cpu": usage.cpu_s} | json.loads(read.printed())

    def floor() -> dict[str, float]:
        work = bench.on_disk()
        usage = bench.python(bench.host, FLOORS / "print_lines.py", str(lines), cwd=work)
        return {"wall": usage.wall_s, "cpu": usage.cpu_s}

    samples = bench.interleave(trial, floor=floor)
    return [
        samples.figure("E10", "run, console to a file", "wall", "s", Target(10)),
        samples.figure("E10", "processor time", "cpu", "s"),
        samples.figure("E10", "read the log back", "read_s", "s", Target(10)),
        samples.figure("E10", "lines that were kept", "lines", "", Target(at_least=lines)),
    ]
