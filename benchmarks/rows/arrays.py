"""E6: a large array of random numbers: save, open, read in full, carry on, peak memory.

The moments are those that both sides have: the task prints one just before it assigns the
array, the launcher's console stamps the end of the task. What the same flow needs for an array
of one number is subtracted.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks import console
from benchmarks.bench import FLOORS, FLOWS
from benchmarks.figures import Figure, Target

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.contenders import Contender
    from benchmarks.process import Usage

RESOLUTION_S = 0.001
"""The console counts in milliseconds; a smaller difference means nothing."""


def measure(bench: Bench) -> list[Figure]:
    """Time the flow with the array against the flow without it."""
    size = bench.sizes.array_mb

    def run(contender: Contender, mb: int, *, sample_memory: bool = False) -> Usage:
        return bench.python(
            contender,
            FLOWS / "large_array.py",
            *("run", "--mb", str(mb)),
            cwd=bench.on_disk(),
            sample_memory=sample_memory,
        )

    def trial(contender: Contender) -> dict[str, float]:
        small = console.steps(run(contender, 0).printed())
        large = console.steps(run(contender, size).printed())

        def difference(step: str, mark: str) -> float:
            return max(RESOLUTION_S, large[step].since(mark) - small[step].since(mark))

        marks = large["read"].marks
        return {
            "save_s": difference("start", "save"),
            "open_s": marks["open_s"],
            "touch_s": marks["touch_s"],
            "open_and_touch_s": marks["open_s"] + marks["touch_s"],
            "carry_s": difference("read", "carry"),
        }

    def floor() -> dict[str, float]:
        work = bench.on_disk()
        program = FLOORS / "hash_and_write.py"
        usage = bench.python(bench.host, program, str(size), "written", cwd=work)
        return json.loads(usage.printed())

    samples = bench.interleave(trial, floor=floor)
    for contender in bench.contenders:
        bench.say(f"  memory: {contender.name}")
        small = run(contender, 0, sample_memory=True).peak
        large = run(contender, size, sample_memory=True).peak
        samples.add(
            contender.name,
            {
                "pss": large.pss_mb - small.pss_mb - size,
                "rss": large.rss_mb - small.rss_mb - size,
            },
        )
    bench.note(f"array of {size} MB; memory beyond it and beyond the flow without it, one run")
    return [
        samples.figure("E6", "save", "save_s", "s", Target(15, 1.5)),
        samples.figure("E6", "open in the next step", "open_s", "s", Target(at_most=0.010)),
        samples.figure("E6", "touch all", "touch_s", "s"),
        samples.figure("E6", "open and touch all", "open_and_touch_s", "s"),
        samples.figure("E6", "carry on unchanged", "carry_s", "s", Target(at_most=0.010)),
        samples.figure("E6", "peak extra memory of the tree", "pss", "MB", Target(at_most=64)),
        samples.figure("E6", "the same, shared pages in each process", "rss", "MB"),
    ]
