"""S1: what the hundred-thousandth task costs, and taking all of them over into another run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks import console
from benchmarks.bench import FLOWS, Samples
from benchmarks.figures import OURS, Figure, Target

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.bench import Bench
    from benchmarks.process import Usage

WORKERS = 16


def measure(bench: Bench) -> list[Figure]:
    """Run a narrow and a very wide foreach in turns; their joins fail, for a resume."""
    samples = Samples()
    many, few = bench.sizes.very_many_tasks, bench.sizes.tasks
    rounds = bench.long_rounds if any(one.name == OURS for one in bench.contenders) else 0
    for number in range(rounds):
        bench.say(f"  ours, round {number + 1} of {rounds}")
        with bench.in_memory() as work:
            narrow = _run(bench, work, few)
        with bench.in_memory() as work:
            wide = _run(bench, work, many)
            begun = time.time()
            resume = _resume(bench, work, wide, many)
            # Starting the command and reading the earlier run belong to it.
            cloning_s = console.tasks(resume.printed())[0].started - begun
        samples.add(
            OURS,
            {
                "task": wide.wall_s / many,
                "times": (wide.wall_s / many) / (narrow.wall_s / few),
                "cpu_times": (wide.cpu_s / many) / (narrow.cpu_s / few),
                "launcher": wide.own_peak_mb,
                "clones": many / cloning_s,
                "resumer": resume.own_peak_mb,
            },
        )
    bench.note(f"{many} tasks, {WORKERS} workers; compared with {few} tasks")
    return [
        samples.figure("S1", "wall time of a task", "task", "s"),
        samples.figure(
            "S1", "the same, of that in a narrow run", "times", "x", Target(at_most=1.3)
        ),
        samples.figure("S1", "processor time of a task, likewise", "cpu_times", "x"),
        samples.figure("S1", "peak memory of the launcher", "launcher", "MB", Target(at_most=300)),
        samples.figure(
            "S1",
            "resume: tasks taken over per second",
            "clones",
            "/s",
            Target(at_least=10_000),
            higher_is_better=True,
        ),
        samples.figure("S1", "resume: peak memory of the launcher", "resumer", "MB"),
    ]


def _run(bench: Bench, work: Path, tasks: int) -> Usage:
    return bench.python(
        bench.host,
        FLOWS / "foreach.py",
        "run",
        *("--tasks", str(tasks), "--max-num-splits", str(tasks)),
        *("--max-workers", str(WORKERS)),
        cwd=work,
        exit_code=1,
        env={"FOREACH_JOIN_FAILS": "1"},
    )


def _resume(bench: Bench, work: Path, failed: Usage, tasks: int) -> Usage:
    return bench.python(
        bench.host,
        FLOWS / "foreach.py",
        "resume",
        *("--origin-run-id", console.run_id(failed.printed())),
        *("--max-workers", str(WORKERS), "--max-num-splits", str(tasks)),
        cwd=work,
    )
