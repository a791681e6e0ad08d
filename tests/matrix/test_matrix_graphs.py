"""What commands say of the graph of each shape is what its description says."""

from __future__ import annotations

import json
import re

import pytest
from flow_grammar import Foreach, Gang, Loop, Split, Step, Switch, entry
from flow_writer import flow_source
from matrix_shapes import ALL_SHAPES, joins


def edges(shape):
    """All edges of a description, by the step that they leave."""
    found = {}

    def walk(blocks, after):
        for place, block in enumerate(blocks):
            goal = entry(blocks[place + 1]) if place + 1 < len(blocks) else after
            on = [] if goal is None else [goal]
            if isinstance(block, Step):
                found[block.name] = on
            elif isinstance(block, Loop):
                found[block.name] = [block.name, *on]
            elif isinstance(block, Switch):
                found[block.opener] = list(dict.fromkeys(entry(c[0]) for _, c in block.cases))
                for _, case in block.cases:
                    walk(case, goal)
            else:
                inner = block.branches if isinstance(block, Split) else ()
                inner = (block.body,) if isinstance(block, Foreach) else inner
                inner = ((Step(block.member),),) if isinstance(block, Gang) else inner
                found[block.opener] = [entry(each[0]) for each in inner]
                for each in inner:
                    walk(each, block.join)
                found[block.join] = on

    walk(shape.blocks, None)
    return found


def kind(shape, step):
    blocks = {}

    def walk(sequence):
        for block in sequence:
            blocks[entry(block)] = block
            for inner in _inner(block):
                walk(inner)

    walk(shape.blocks)
    block = blocks.get(step)
    kinds = {
        Split: "split-static",
        Foreach: "split-foreach",
        Gang: "split-parallel",
        Switch: "split-switch",
        Loop: "split-switch",
    }
    if type(block) in kinds:
        return kinds[type(block)]
    if step == shape.end:
        return "end"
    if step == shape.start:
        return "start"
    return "join" if step in joins(shape) else "linear"


def _inner(block):
    if isinstance(block, Split):
        return block.branches
    if isinstance(block, Foreach):
        return (block.body,)
    return [case for _, case in block.cases] if isinstance(block, Switch) else ()


@pytest.mark.parametrize("shape", ALL_SHAPES, ids=lambda shape: shape.name)
def test_commands_show_the_graph(workspace, shape):
    workspace.write_files(flow_source(shape))
    wanted = edges(shape)

    told = json.loads(workspace.succeed("output-raw", "--json").out)
    assert {step: node["next"] for step, node in told["graph"].items()} == wanted
    assert {step: node["type"] for step, node in told["graph"].items()} == {
        step: kind(shape, step) for step in wanted
    }

    dot = workspace.succeed("output-dot").out
    assert dot.startswith(f"digraph {shape.flow} {{")
    arrows = {(a, b) for a, b in re.findall(r'^ *"?(\w+)"? -> "?(\w+)"?', dot, re.MULTILINE)}
    assert arrows == {(a, b) for a, goals in wanted.items() for b in goals}

    shown = workspace.succeed("show").out
    parts = re.findall(r"^Step (\w+)$(.*?)(?=^Step |\Z)", shown, re.MULTILINE | re.DOTALL)
    assert sorted(name for name, _ in parts) == sorted(wanted)
    for name, text in parts:
        goals = re.search(r"=> (.*)", text)
        assert set(goals[1].split(", ") if goals else ()) == set(wanted[name]), name

    assert "The graph looks good!" in workspace.succeed("check").err
