"""A foreach of more tasks than a resume takes over at a time: run, resumed and read back."""

from __future__ import annotations

import re

from metaflow.engine.plan import CLONES_AT_ONCE

TASKS = CLONES_AT_ONCE + 100

WIDE = f"""
import os
from metaflow import FlowSpec, step

class WideFlow(FlowSpec):
    @step
    def start(self):
        self.items = list(range({TASKS}))
        self.next(self.work, foreach="items")

    @step
    def work(self):
        if self.input == {TASKS - 1} and "FAIL" in os.environ:
            raise ValueError("asked to fail")
        self.value = 2 * self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.total = sum(task.value for task in inputs)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    WideFlow()
"""


def test_a_wide_foreach_is_resumed_where_it_has_failed(workspace):
    workspace.write(WIDE)
    width = ("--max-num-splits", str(TASKS), "--max-workers", "8")
    workspace.fail("run", *width, FAIL="1")
    failed = workspace.latest()
    finished = {task.id for task in failed["work"] if task.finished}
    # The last item has failed; those that ran beside it may have been ended with it.
    assert TASKS - 8 <= len(finished) < TASKS

    told = workspace.succeed("resume", *width).out
    cloned = re.findall(r"Cloning previously run task \d+/work/(\d+)$", told, re.MULTILINE)
    assert len(cloned) == len(finished)
    assert set(cloned) == finished
    resumed = workspace.latest()
    assert resumed.data.total == TASKS * (TASKS - 1)
    work = list(resumed["work"])
    assert sorted(task.index for task in work) == list(range(TASKS))
    assert sum(task.origin_pathspec is not None for task in work[:40]) >= 40 - 8
    join = resumed["join"].task
    assert [task.index for task in join.parent_tasks] == list(range(TASKS))
    # All that is cloned is recorded, and said, before anything runs.
    assert told.index("Task is starting") > told.rindex("Cloning previously run task")
