"""E11: what the client takes to answer on a store of many runs, in a fresh process each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.bench import FLOWS, PROBES
from benchmarks.figures import Figure, Target
from benchmarks.process import BenchmarkFailed

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.contenders import Contender

FLOW = FLOWS / "two_steps.py"
VALUE = 42
"""What the flow stores as `value`."""
STEPS = 2
QUESTIONS = {
    "latest": "latest run",
    "finished": "`finished` of all runs",
    "artifacts": "one artifact of each of {read} runs",
    "tasks": "all tasks of {read} runs",
}


def measure(bench: Bench) -> list[Figure]:
    """Fill a store with runs once, then ask each question in turns."""
    runs, read = bench.sizes.runs, min(bench.sizes.runs, bench.sizes.runs_read)
    stores = {}
    for contender in bench.contenders:
        bench.say(f"  fill a store with {runs} runs: {contender.name}")
        stores[contender.name] = bench.on_disk()
        for _ in range(runs):
            bench.python(contender, FLOW, "run", cwd=stores[contender.name])
    expected = {"finished": runs, "artifacts": VALUE * read, "tasks": STEPS * read}

    def trial(contender: Contender) -> dict[str, float]:
        seconds = {}
        for question in QUESTIONS:
            usage = bench.python(
                contender,
                PROBES / "ask_client.py",
                *(question, "TwoSteps", str(read)),
                cwd=stores[contender.name],
            )
            found = json.loads(usage.printed())
            if found["answer"] != expected.get(question, found["answer"]):
                raise BenchmarkFailed(f"{contender.name} answers `{question}` with {found}")
            seconds[question] = found["seconds"]
        return seconds

    samples = bench.interleave(trial, warm_up=True)
    bench.note(f"store of {runs} runs")
    return [
        samples.figure("E11", what.format(read=read), question, "s", Target(10))
        for question, what in QUESTIONS.items()
    ]
