"""A run whose tasks a scheduler starts one by one leaves behind what a launcher's run does."""

from __future__ import annotations

import pytest
from flow_grammar import Foreach, Split, all_blocks
from flow_scheduler import Scheduler
from flow_shapes import SHAPES
from flow_writer import flow_source
from test_flow_shapes import GIVEN, check, check_all_ran_here

CHOSEN = {
    "single",
    "custom_ends",
    "nested_splits",
    "each_in_each",
    "split_in_each",
    "each_in_split",
    "switch_in_each",
    "loop_in_each",
    "each_in_switch",
}
SCHEDULED = [shape for shape in SHAPES if shape.name in CHOSEN]


def of_name(shape):
    return shape.name


def scheduler_of(workspace, shape):
    workspace.write_files(flow_source(shape))
    blocks = all_blocks(shape.blocks)
    joins = {block.join for block in blocks if isinstance(block, Split | Foreach)}
    return Scheduler(workspace, joins, shape.start)


@pytest.mark.parametrize("shape", SCHEDULED, ids=of_name)
def test_a_scheduled_run_is_like_any_other(workspace, shape):
    scheduler_of(workspace, shape).run(*GIVEN)
    run = workspace.latest()
    assert run.id == "scheduled-1"
    check_all_ran_here(run, check(run, shape))
