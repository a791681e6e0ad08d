"""S6: planning a collection of garbage in a store of very many blobs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.bench import PROBES, Samples
from benchmarks.figures import OURS, Figure, Target
from benchmarks.process import BenchmarkFailed

if TYPE_CHECKING:
    from benchmarks.bench import Bench


def measure(bench: Bench) -> list[Figure]:
    """Fill a store once, then plan to remove half of its runs; just ours."""
    blobs = bench.sizes.very_many_blobs
    samples = Samples()
    rounds = bench.long_rounds if any(one.name == OURS for one in bench.contenders) else 0
    if rounds:
        command = Path(sys.executable).with_name("metaflow")
        with bench.in_memory() as work:
            bench.say(f"  fill a store with {blobs} blobs")
            filled = bench.python(bench.host, PROBES / "fill_blobs.py", str(blobs), cwd=work)
            kept = str(int(filled.printed()) // 2)
            for number in range(rounds):
                bench.say(f"  ours, round {number + 1} of {rounds}")
                usage = bench.python(
                    bench.host, command, "gc", "--plan", "--json", "--keep-last", kept, cwd=work
                )
                plan = json.loads(usage.printed())
                if plan["total"]["files"] != blobs or not plan["garbage"]["files"]:
                    raise BenchmarkFailed(f"the plan is wrong: {plan['total']}")
                samples.add(OURS, {"plan": usage.wall_s, "memory": usage.own_peak_mb})
    bench.note(f"{blobs} blobs without content, in memory")
    return [
        samples.figure("S6", "plan a collection", "plan", "s", Target(at_most=60)),
        samples.figure("S6", "peak memory of that", "memory", "MB", Target(at_most=500)),
    ]
