"""E4 and E5: how fast trivial tasks go through, what each costs, how much memory they need."""

from __future__ import annotations

import json
import re
from statistics import median
from typing import TYPE_CHECKING

from benchmarks import console
from benchmarks.bench import FLOORS, FLOWS, Samples
from benchmarks.figures import Figure, Target

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.bench import Bench
    from benchmarks.contenders import Contender
    from benchmarks.process import Usage

IMPORTED = re.compile(r"^import time:\s+\d+ \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)


def measure_trivial(bench: Bench) -> list[Figure]:
    """Measure with 2 and with 16 workers."""
    flow = FLOWS / "foreach.py"
    figures = []
    for workers, faster, memory in ((2, 80, None), (16, 100, 120)):
        samples = _measure(bench, flow, workers)
        of = f"{workers} workers: "
        figures += [
            samples.figure(
                "E4",
                of + "tasks per second",
                "rate",
                "/s",
                Target(faster_than_rival=faster),
                higher_is_better=True,
            ),
            samples.figure(
                "E4", of + "processor time of a task", "cpu", "s", Target(times_floor=2.5)
            ),
            samples.figure(
                "E4",
                of + "peak memory of the tree",
                "pss",
                "MB",
                None if memory is None else Target(at_most=memory),
            ),
            samples.figure("E4", of + "the same, shared pages in each process", "rss", "MB"),
        ]
    return figures


def measure_heavy(bench: Bench) -> list[Figure]:
    """Measure with 2 workers; a user's code starts late when imports come first."""
    samples = _measure(bench, FLOWS / "foreach_heavy.py", 2)
    return [
        samples.figure(
            "E5",
            "2 workers: tasks per second",
            "rate",
            "/s",
            Target(faster_than_rival=60),
            higher_is_better=True,
        ),
        samples.figure("E5", "processor time of a task", "cpu", "s"),
        samples.figure(
            "E5", "from dispatch to user code, p50", "dispatch", "s", Target(at_most=0.010)
        ),
        samples.figure("E5", "peak memory of the tree", "pss", "MB"),
        samples.figure("E5", "the same, shared pages in each process", "rss", "MB"),
    ]


def _measure(bench: Bench, flow: Path, workers: int) -> Samples:
    modules = _modules_of_launcher(bench, flow)

    def trial(contender: Contender) -> dict[str, float]:
        tasks = bench.tasks_for(contender)
        usage, printed = _run(bench, contender, flow, workers)
        measured = {"rate": tasks / usage.wall_s, "cpu": usage.cpu_s / tasks}
        delays = [
            task.marks["begin"] - task.started
            for task in console.tasks(printed)
            if "begin" in task.marks
        ]
        return measured | ({"dispatch": median(delays)} if delays else {})

    def floor() -> dict[str, float]:
        with bench.in_memory() as work:
            listed = work / "modules"
            listed.write_text("\n".join(modules))
            tasks = bench.sizes.tasks
            program = FLOORS / "fork_and_reap.py"
            usage = bench.python(bench.host, program, str(tasks), listed, cwd=work)
            found = json.loads(usage.printed())
        return {"rate": tasks / found["wall_s"], "cpu": found["cpu_s"] / tasks}

    samples = bench.interleave(trial, floor=floor, rounds=bench.long_rounds)
    for contender in bench.contenders:
        bench.say(f"  memory: {contender.name}")
        usage, _ = _run(bench, contender, flow, workers, sample_memory=True)
        samples.add(contender.name, {"pss": usage.peak.pss_mb, "rss": usage.peak.rss_mb})
    if bench.sizes.rival_tasks != bench.sizes.tasks:
        bench.note(f"the rival ran {bench.sizes.rival_tasks} tasks, not {bench.sizes.tasks}")
    bench.note("memory: one run, apart from those that are timed")
    return samples


def _run(
    bench: Bench, contender: Contender, flow: Path, workers: int, *, sample_memory: bool = False
) -> tuple[Usage, str]:
    """Run the flow in an empty folder; also return what the console said."""
    tasks = str(bench.tasks_for(contender))
    with bench.in_memory() as work:
        usage = bench.python(
            contender,
            flow,
            *("run", "--tasks", tasks, "--max-num-splits", tasks, "--max-workers", str(workers)),
            cwd=work,
            sample_memory=sample_memory,
        )
        return usage, usage.printed()


def _modules_of_launcher(bench: Bench, flow: Path) -> list[str]:
    """List what our launcher imports, so that the floor forks a process of the same size."""
    if not bench.floors or bench.host not in bench.contenders:
        return []
    with bench.in_memory() as work:
        command = ("-X", "importtime", flow, "run", "--tasks", "2")
        usage = bench.python(bench.host, *command, cwd=work)
        return IMPORTED.findall(usage.printed())
