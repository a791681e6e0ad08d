"""E1: what importing the package costs, against an interpreter that imports nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.bench import Samples
from benchmarks.figures import Figure, Target

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.contenders import Contender

STATEMENTS = {
    "import metaflow": 3.5,
    "from metaflow import FlowSpec, step, Parameter, current, card": 5.0,
}
ROUNDS_FACTOR = 4
"""Such short programs are started more often, for a steadier median."""


def measure(bench: Bench) -> list[Figure]:
    """Time whole processes."""
    figures = []
    with bench.in_memory() as work:

        def modules(contender: Contender) -> float:
            program = "import sys, metaflow, json; print(json.dumps(len(sys.modules)))"
            return json.loads(bench.python(contender, "-c", program, cwd=work).printed())

        for statement, times_floor in STATEMENTS.items():
            samples = bench.interleave(
                lambda contender, statement=statement: {
                    "wall": bench.python(contender, "-c", statement, cwd=work).wall_s
                },
                floor=lambda: {"wall": bench.python(bench.host, "-c", "pass", cwd=work).wall_s},
                rounds=ROUNDS_FACTOR * bench.rounds,
                warm_up=True,
            )
            figures.append(
                samples.figure(
                    "E1", f"process: {statement}", "wall", "s", Target(times_floor=times_floor)
                )
            )
        counted = Samples()
        for contender in bench.contenders:
            counted.add(contender.name, {"modules": modules(contender)})
    return [*figures, counted.figure("E1", "modules loaded", "modules", "")]
