"""E7: a mixed pandas frame: save, load, save again with one column of eight changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import console
from benchmarks.bench import FLOWS
from benchmarks.figures import Figure, Target

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.contenders import Contender

RESOLUTION_S = 0.001
ROW_BYTES = 63
COLUMN_BYTES = 8
"""The changed column holds one float64 in each row."""


def measure(bench: Bench) -> list[Figure]:
    """Time as for a large array, against the flow with a frame of one row."""
    size = bench.sizes.frame_mb

    def run(contender: Contender, mb: int) -> dict[str, console.TaskLines]:
        usage = bench.python(
            contender, FLOWS / "mixed_frame.py", "run", "--mb", str(mb), cwd=bench.on_disk()
        )
        return console.steps(usage.printed())

    def trial(contender: Contender) -> dict[str, float]:
        small, large = run(contender, 0), run(contender, size)

        def save_s(step: str) -> float:
            return max(RESOLUTION_S, large[step].since("save") - small[step].since("save"))

        marks = large["change"].marks
        grown = large["end"].marks["stored_after"] - marks["stored_before"]
        return {
            "save_s": save_s("start"),
            "load_s": marks["load_s"],
            "load_and_touch_s": marks["load_and_touch_s"],
            "save_again_s": save_s("change"),
            "stored": marks["stored_before"] / 1e6,
            "grown": grown / 1e6,
        }

    samples = bench.interleave(trial)
    column_mb = size / ROW_BYTES * COLUMN_BYTES
    bench.note(f"frame of about {size} MB in memory; the changed column has {column_mb:.3g} MB")
    return [
        samples.figure("E7", "save", "save_s", "s", Target(10)),
        samples.figure("E7", "load", "load_s", "s", Target(10)),
        samples.figure("E7", "load and read every column", "load_and_touch_s", "s"),
        samples.figure("E7", "save with one column changed", "save_again_s", "s", Target(10)),
        samples.figure("E7", "stored by the first save", "stored", "MB"),
        samples.figure(
            "E7", "stored by the second save", "grown", "MB", Target(at_most=1.2 * column_mb)
        ),
    ]
