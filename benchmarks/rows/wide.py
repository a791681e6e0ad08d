"""C4: what a foreach ten times as wide costs, and the join that reads all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import console
from benchmarks.bench import FLOWS, Samples
from benchmarks.figures import OURS, Figure, Target

if TYPE_CHECKING:
    from benchmarks.bench import Bench

TIMES_WIDER = 10
WORKERS = 16


def measure(bench: Bench) -> list[Figure]:
    """Run both widths in turns; just ours, as the rival needs most of an hour for one round."""
    samples = Samples()
    rounds = bench.long_rounds if any(one.name == OURS for one in bench.contenders) else 0
    for number in range(rounds):
        bench.say(f"  ours, round {number + 1} of {rounds}")
        narrow, _ = _run(bench, bench.sizes.tasks)
        wide, join = _run(bench, TIMES_WIDER * bench.sizes.tasks)
        samples.add(
            OURS,
            {
                "join": join.finished - join.started,
                "peak": join.marks["peak_kib"] / 1024,
                "rate": wide,
                "share": wide / narrow,
            },
        )
    bench.note(f"{TIMES_WIDER * bench.sizes.tasks} tasks, {WORKERS} workers; a join is one process")
    return [
        samples.figure("C4", "the join, from start to end", "join", "s", Target(at_most=1.5)),
        samples.figure("C4", "peak memory of the join", "peak", "MB", Target(at_most=200)),
        samples.figure("C4", "tasks per second", "rate", "/s", higher_is_better=True),
        samples.figure(
            "C4",
            "the same, as a share of the rate of a tenth of the tasks",
            "share",
            "",
            Target(at_least=0.8),
            higher_is_better=True,
        ),
    ]


def _run(bench: Bench, tasks: int) -> tuple[float, console.TaskLines]:
    """Run the flow; return the rate of its foreach and how the join went."""
    with bench.in_memory() as work:
        usage = bench.python(
            bench.host,
            FLOWS / "wide_join.py",
            "run",
            *("--tasks", str(tasks), "--max-num-splits", str(tasks)),
            *("--max-workers", str(WORKERS)),
            cwd=work,
        )
        found = console.tasks(usage.printed())
    steps = {task.step: task for task in found}
    first = min(task.started for task in found if task.step == "work")
    last = max(task.finished for task in found if task.step == "work")
    # A stamp counts in milliseconds: very few tasks may take none.
    return tasks / max(last - first, 0.001), steps["join"]
