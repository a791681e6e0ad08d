"""What a history is about: runs, tasks and values that follow from names alone.

Since each value follows from the names of its history, run, task and attempt, whoever finds
one in a store knows what it has to be, whether or not anybody has lived to say so.
"""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple

import numpy as np

from metaflow.model.records import NewRun

FLOW = "HistoryFlow"
STREAMS = ("stdout", "stderr")
SHARED = 3
"""So many large arrays there are in all, so that writers meet at the same blobs."""


class Origin(NamedTuple):
    """The attempt that has computed an artifact; a clone has that of the task it takes over."""

    run_id: str
    task_id: str
    attempt: int


def values_of(seed: int, origin: Origin) -> dict[str, Any]:
    """Make the artifacts of an attempt."""
    rng = Random(f"{seed}/{'/'.join(map(str, origin))}")
    makers = (
        lambda: rng.randrange(10**9),
        lambda: f"text {rng.random()}",
        lambda: [rng.randrange(100) for _ in range(rng.randrange(400))],
        lambda: f"{rng.random()} " * rng.randrange(2, 9000),
        lambda: rng.randbytes(rng.randrange(1, 90_000)),
        lambda: np.frombuffer(rng.randbytes(8 * rng.randrange(2000, 12_000))),
        lambda: np.frombuffer(Random(rng.randrange(SHARED)).randbytes(1 << 17)),
        lambda: {"nested": [{"of": origin}], "none": None},
    )
    return {f"x{number}": rng.choice(makers)() for number in range(rng.randrange(1, 5))}


def same(found: object, expected: object) -> bool:
    """Compare two values, arrays bit by bit."""
    if isinstance(expected, np.ndarray):
        return isinstance(found, np.ndarray) and found.tobytes() == expected.tobytes()
    return type(found) is type(expected) and found == expected


def output_of(seed: int, run_id: str, task_id: str, stream: str) -> bytes:
    """Make what a task prints; it is the same in all attempts."""
    rng = Random(f"{seed}/{run_id}/{task_id}/{stream}")
    return b"".join(b"%d lines of %d\n" % (rng.random() * 99, n) for n in range(rng.randrange(40)))


def tags_of(run_id: str) -> tuple[str, ...]:
    """Name the tags that a run begins with."""
    return f"of {run_id}", "begun"


def new_run(run_id: str, now: float, origin: str | None, lease: Any) -> NewRun:
    """Make a run that begins."""
    return NewRun(
        FLOW,
        run_id,
        now,
        "ann",
        tags_of(run_id),
        ("user:ann",),
        {"runtime": "dev", "start_step": "start"},
        origin,
        f"packs/{FLOW}/{run_id}",
        lease,
    )
