"""S3 and S4: a large array whose home is a real S3 server on this machine.

The moments of saving are those of E6. Reading back is done by another process whose cache is
empty, as on another machine. What the same needs for an array of one number is subtracted.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks import console
from benchmarks.bench import FLOORS, FLOWS, PROBES
from benchmarks.contenders import CHECKOUT
from benchmarks.figures import Figure, Target

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.bench import Bench
    from benchmarks.contenders import Contender
    from benchmarks.process import Usage

RESOLUTION_S = 0.001
OF_RAW = 1.18
"""At least 85 % of the speed of the floor."""


class Server:
    """A real S3 server, and runs that have their artifacts there."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        command = [sys.executable, CHECKOUT / "services" / "run.py", "start", "radosgw"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise OSError(f"there is no S3 server: {done.stderr.strip()}")
        self.env: dict[str, str] = json.loads(done.stdout)["radosgw"]
        self.env["AWS_REGION"] = "us-east-1"
        bench.note("the S3 server, RadosGW, runs on the same machine")

    def run(
        self, contender: Contender, mb: int, work: Path, *, sample_memory: bool = False
    ) -> Usage:
        """Run the flow; its folder gets the facts, the server the rest."""
        return self._bench.python(
            contender,
            FLOWS / "large_array.py",
            *("--datastore", "s3", "run", "--mb", str(mb)),
            cwd=work,
            env=self._with_root(work),
            sample_memory=sample_memory,
        )

    def load(
        self, contender: Contender, work: Path, *, cache_mb: int, sample_memory: bool = False
    ) -> Usage:
        """Load the array in a process whose cache is empty."""
        env = self._with_root(work) | {
            "METAFLOW_CLIENT_CACHE_PATH": str(work.parent / "other cache"),
            "METAFLOW_CLIENT_CACHE_MAX_SIZE": str(cache_mb),
        }
        program = PROBES / "load_artifact.py"
        return self._bench.python(
            contender, program, work, cwd=work, env=env, sample_memory=sample_memory
        )

    def _with_root(self, work: Path) -> dict[str, str]:
        folder = f"{work.parent.parent.name}-{work.parent.name}"
        return self.env | {
            "METAFLOW_DATASTORE_SYSROOT_S3": f"s3://tests/{folder}",
            "METAFLOW_CLIENT_CACHE_PATH": str(work.parent / "cache"),
        }


def measure_transfer(bench: Bench) -> list[Figure]:
    """Time saving and loading against the client library on the same bytes."""
    server, size = Server(bench), bench.sizes.array_mb

    def trial(contender: Contender) -> dict[str, float]:
        small, large = bench.on_disk(), bench.on_disk()
        saved = [
            console.steps(server.run(contender, mb, work).printed())["start"].since("save")
            for mb, work in ((0, small), (size, large))
        ]
        loaded = [
            float(json.loads(server.load(contender, work, cache_mb=10_000).printed())["load_s"])
            for work in (small, large)
        ]
        return {
            "save_s": max(RESOLUTION_S, saved[1] - saved[0]),
            "load_s": max(RESOLUTION_S, loaded[1] - loaded[0]),
        }

    def floor() -> dict[str, float]:
        program = FLOORS / "object_transfer.py"
        usage = bench.python(
            bench.host, program, str(size), "tests", cwd=bench.on_disk(), env=server.env
        )
        measured: dict[str, float] = json.loads(usage.printed())
        return measured

    samples = bench.interleave(trial, floor=floor)
    bench.note(f"array of {size} MB; the floor is obstore, sending and reading in parallel")
    return [
        samples.figure("S3", "save", "save_s", "s", Target(3, OF_RAW)),
        samples.figure("S3", "load elsewhere", "load_s", "s", Target(3, OF_RAW)),
    ]


def measure_memory(bench: Bench) -> list[Figure]:
    """Sample the memory of saving, and of loading with and without a cache."""
    server, size = Server(bench), bench.sizes.huge_mb
    from benchmarks.bench import Samples

    samples = Samples()
    for contender in bench.contenders:
        if contender.name != bench.host.name:
            continue  # the rival needs several times the array, which may not be there
        bench.say(f"  memory: {contender.name}")
        measured: dict[str, float] = {}
        peaks: dict[str, list[float]] = {"save": [], "load": [], "load_bare": []}
        for mb in (0, size):
            work = bench.on_disk()
            saving = server.run(contender, mb, work, sample_memory=True)
            peaks["save"].append(saving.peak.pss_mb)
            for name, cache_mb in (("load", 2 * size + 100), ("load_bare", 0)):
                loading = server.load(contender, work, cache_mb=cache_mb, sample_memory=True)
                peaks[name].append(loading.peak.pss_mb)
        for name, (small, large) in peaks.items():
            measured[name] = large - small - size
        samples.add(contender.name, measured)
    bench.note(f"array of {size} MB; memory beyond it and beyond an array of one number, one run")
    limit = Target(at_most=512)
    return [
        samples.figure("S4", "peak extra memory: run", "save", "MB", limit),
        samples.figure("S4", "peak extra memory: load elsewhere", "load", "MB", limit),
        samples.figure("S4", "the same without a cache", "load_bare", "MB", limit),
    ]
