"""E9: resume a foreach of which everything but the join succeeded."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks import console
from benchmarks.bench import FLOWS
from benchmarks.figures import Figure, Target

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.contenders import Contender

WORKERS = 16


def measure(bench: Bench) -> list[Figure]:
    """Let the join fail once for each contender, then resume that run again and again."""
    # Unlike a rate, a resume is only comparable between equal numbers of tasks.
    tasks = bench.sizes.rival_tasks
    flow = FLOWS / "foreach.py"
    with ExitStack() as folders:
        failed = {}
        for contender in bench.contenders:
            bench.say(f"  prepare: {contender.name}")
            work = folders.enter_context(bench.in_memory())
            usage = bench.python(
                contender,
                flow,
                "run",
                *("--tasks", str(tasks)),
                *("--max-workers", str(WORKERS)),
                *("--max-num-splits", str(tasks)),
                cwd=work,
                exit_code=1,
                env={"FOREACH_JOIN_FAILS": "1"},
            )
            failed[contender.name] = work, console.run_id(usage.printed())

        def trial(contender: Contender) -> dict[str, float]:
            work, run_id = failed[contender.name]
            usage = bench.python(
                contender,
                flow,
                "resume",
                *("--origin-run-id", run_id),
                *("--max-workers", str(WORKERS)),
                *("--max-num-splits", str(tasks)),
                cwd=work,
            )
            return {"wall": usage.wall_s, "cpu": usage.cpu_s}

        samples = bench.interleave(trial)
    bench.note(f"{tasks} tasks, {WORKERS} workers")
    return [
        samples.figure("E9", "end to end", "wall", "s", Target(20)),
        samples.figure("E9", "processor time", "cpu", "s"),
    ]
