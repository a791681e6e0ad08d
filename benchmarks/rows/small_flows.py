"""E2 and E3: what a run and a task cost when the user's code does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.bench import FLOORS, FLOWS, Samples, count_files
from benchmarks.figures import Figure, Target

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.contenders import Contender

TWO_STEPS = FLOWS / "two_steps.py"
TEN_STEPS = FLOWS / "ten_steps.py"


def measure_two_steps(bench: Bench) -> list[Figure]:
    """Run 2 steps, end to end."""

    def trial(contender: Contender) -> dict[str, float]:
        with bench.in_memory() as work:
            usage = bench.python(contender, TWO_STEPS, "run", cwd=work)
            return {"wall": usage.wall_s, "cpu": usage.cpu_s, "files": count_files(work)}

    def floor() -> dict[str, float]:
        return _fork_floor(bench, 2)

    samples = bench.interleave(trial, floor=floor, warm_up=True)
    calls = Samples()
    for contender in bench.contenders:
        with bench.in_memory() as work:
            counted = bench.system_calls(contender, TWO_STEPS, "run", cwd=work)
        if counted is None:
            bench.note("system calls not counted: there is no strace")
        else:
            calls.add(contender.name, {"calls": counted})
    return [
        samples.figure("E2", "end to end", "wall", "s", Target(faster_than_rival=10)),
        samples.figure("E2", "processor time", "cpu", "s"),
        samples.figure("E2", "files left on disk", "files", "", Target(at_most=12)),
        calls.figure("E2", "system calls", "calls", ""),
    ]


def measure_ten_steps(bench: Bench) -> list[Figure]:
    """Run 10 steps in a row; each task's own cost is the difference to 2 steps."""

    def trial(contender: Contender) -> dict[str, float]:
        with bench.in_memory() as work:
            short = bench.python(contender, TWO_STEPS, "run", cwd=work)
        with bench.in_memory() as work:
            long = bench.python(contender, TEN_STEPS, "run", cwd=work)
        return {"wall": long.wall_s, "task": (long.wall_s - short.wall_s) / 8}

    def floor() -> dict[str, float]:
        short, long = _fork_floor(bench, 2)["wall"], _fork_floor(bench, 10)["wall"]
        return {"wall": long, "task": (long - short) / 8}

    samples = bench.interleave(trial, floor=floor, warm_up=True)
    return [
        samples.figure("E3", "end to end", "wall", "s", Target(faster_than_rival=25)),
        samples.figure("E3", "each further task", "task", "s", Target(at_most=0.005)),
    ]


def _fork_floor(bench: Bench, tasks: int) -> dict[str, float]:
    """Start an interpreter that forks as many empty processes as the flow has tasks."""
    with bench.in_memory() as work:
        usage = bench.python(bench.host, FLOORS / "fork_and_reap.py", str(tasks), cwd=work)
    return {"wall": usage.wall_s, "cpu": usage.cpu_s}
