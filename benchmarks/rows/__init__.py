"""Which rows there are, in the order of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from benchmarks.rows import (
    arrays,
    client,
    foreach,
    frames,
    garbage,
    imports,
    logs,
    resume,
    small_artifacts,
    small_flows,
    stores,
    very_many_runs,
    very_many_tasks,
    wide,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.bench import Bench
    from benchmarks.figures import Figure


class Row(NamedTuple):
    """A row of the table: one kind of work, several figures."""

    name: str
    title: str
    measure: Callable[[Bench], list[Figure]]


ROWS = [
    Row("E1", "import the package", imports.measure),
    Row("E2", "run a flow of 2 steps", small_flows.measure_two_steps),
    Row("E3", "run a flow of 10 steps in a row", small_flows.measure_ten_steps),
    Row("E4", "foreach of trivial tasks", foreach.measure_trivial),
    Row("E5", "the same, with pandas and scikit-learn imported", foreach.measure_heavy),
    Row("E6", "a large array as an artifact", arrays.measure),
    Row("E7", "a mixed data frame as an artifact", frames.measure),
    Row("E8", "many small artifacts in a step", small_artifacts.measure),
    Row("E9", "resume a foreach whose join failed", resume.measure),
    Row("E10", "a task that prints very many lines", logs.measure),
    Row("E11", "the client on a store of many runs", client.measure),
    Row("C4", "a foreach of 10,000 tasks and its join", wide.measure),
    Row("S1", "a foreach of 100,000 tasks, and its resume", very_many_tasks.measure),
    Row("S2", "the client on a store of 100,000 runs", very_many_runs.measure),
    Row("S3", "a large array in an object store", stores.measure_transfer),
    Row("S4", "memory for a huge array in an object store", stores.measure_memory),
    Row("S6", "collect the garbage of 1,000,000 blobs", garbage.measure),
]
