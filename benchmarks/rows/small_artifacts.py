"""E8: many small artifacts in one step: save, read back in the next, files on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import console
from benchmarks.bench import FLOWS, count_files
from benchmarks.figures import Figure, Target

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.contenders import Contender

RESOLUTION_S = 0.001


def measure(bench: Bench) -> list[Figure]:
    """Time as for a large array, against the flow without any artifacts."""

    def run(contender: Contender, artifacts: int) -> tuple[dict[str, console.TaskLines], int]:
        work = bench.on_disk()
        usage = bench.python(
            contender,
            FLOWS / "small_artifacts.py",
            *("run", "--artifacts", str(artifacts)),
            cwd=work,
        )
        return console.steps(usage.printed()), count_files(work)

    def trial(contender: Contender) -> dict[str, float]:
        none, _ = run(contender, 0)
        many, files = run(contender, bench.sizes.artifacts)
        return {
            "save_s": max(RESOLUTION_S, many["start"].since("save") - none["start"].since("save")),
            "read_s": many["read"].marks["read_s"],
            "files": files,
        }

    samples = bench.interleave(trial, warm_up=True)
    return [
        samples.figure("E8", "save", "save_s", "s", Target(10)),
        samples.figure("E8", "read back in the next step", "read_s", "s", Target(10)),
        samples.figure("E8", "files left on disk", "files", "", Target(at_most=100)),
    ]
