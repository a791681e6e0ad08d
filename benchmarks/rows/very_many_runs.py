"""S2: what the client takes to find runs among very many, in a fresh process each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.bench import PROBES, Samples
from benchmarks.figures import OURS, Figure, Target
from benchmarks.process import BenchmarkFailed

if TYPE_CHECKING:
    from benchmarks.bench import Bench

EVERYBODY, BUSY, RARE = "none", "user:scheduler", "user:eve"
"""Namespaces: that of all, of who has half of the runs, and of who has four in a hundred."""

QUESTIONS = {
    "latest": ("latest run", 0.005),
    "latest_successful": ("latest successful run", 0.005),
    "newest": ("newest 100 runs", 0.020),
    "common_tag": ("newest 100 with a tag that a third have", 0.030),
    "rare_tag": ("newest 100 with a tag that one in a thousand has", 0.030),
    "both_tags": ("newest 100 with two tags", 0.030),
}
NAMESPACES = {EVERYBODY: "", BUSY: ", of a busy user", RARE: ", of a rare user"}


def measure(bench: Bench) -> list[Figure]:
    """Fill a store once, then ask each question in each namespace in turns; just ours."""
    runs = bench.sizes.very_many_runs
    samples = Samples()
    rounds = bench.rounds if any(one.name == OURS for one in bench.contenders) else 0
    if rounds:
        store = bench.on_disk()
        bench.say(f"  fill a store with {runs} runs")
        bench.python(bench.host, PROBES / "fill_store.py", str(runs), cwd=store)
        # The first round fills the caches of the system, and does not count.
        for number in range(rounds + 1):
            bench.say(f"  ours, round {number} of {rounds}")
            for question in QUESTIONS:
                for namespace in NAMESPACES:
                    usage = bench.python(
                        bench.host, PROBES / "ask_history.py", question, namespace, cwd=store
                    )
                    found = json.loads(usage.printed())
                    if question == "latest" and found["answer"] != 1:
                        raise BenchmarkFailed(f"there is no latest run in `{namespace}`")
                    if number:
                        name = f"{question} {namespace}"
                        samples.add(OURS, {name: found["seconds"]})
    bench.note(f"store of {runs} runs of five flows; the questions are about that with most runs")
    return [
        samples.figure("S2", what + whose, f"{question} {namespace}", "s", Target(at_most=limit_s))
        for question, (what, limit_s) in QUESTIONS.items()
        for namespace, whose in NAMESPACES.items()
    ]
