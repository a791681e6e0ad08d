"""Writes a flow file for a description; every step records what it sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from flow_grammar import Block, Foreach, Gang, Loop, Seq, Shape, Split, Step, differing, entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NONE: Mapping[str, str] = {}


class Addition(NamedTuple):
    """What a flow has beside its steps: a module of its own, lines above the class and in it."""

    module: str = ""
    above: str = ""
    members: str = ""


NOTHING = Addition()


def flow_source(
    shape: Shape, decorators: Mapping[str, str] = NONE, addition: Addition = NOTHING
) -> dict[str, str]:
    """Return the files of a flow, by name; `decorators` has source lines by step."""
    definitions = dict(_definitions(shape, shape.blocks, None))
    base, files = shape.base, {}
    head = "from metaflow import *\nfrom recorder import Recorder\n"
    if addition.module:
        files["added.py"] = addition.module
        head += "from added import *\n"
    if shape.inherited or shape.overridden:
        base = "Base"
        files["base.py"] = head + "\n\n" + _bases(shape, definitions, decorators)
        head += "from base import Base\n"
    own = [name for name in definitions if name not in shape.inherited]
    body = _class(shape.flow, base, own, definitions, decorators, addition)
    files["flow.py"] = f"{head}\n\n{body}\n\nif __name__ == '__main__':\n    {shape.flow}()\n"
    return files


def _bases(shape, definitions, decorators) -> str:
    """Write the base class; in a diamond, each half of the steps comes from a side of it."""
    wrong = {
        name: [line.replace("self.note()", "raise AssertionError") for line in definitions[name]]
        for name in shape.overridden
    }
    given = {name: definitions[name] for name in shape.inherited} | wrong
    if not shape.diamond:
        return _class("Base", shape.base, given, given, decorators)
    names = list(given)
    left = _class("Left", shape.base, names[::2], given, decorators)
    right = _class("Right", shape.base, names[1::2], given, decorators)
    return f"{left}\n\n{right}\n\nclass Base(Left, Right):\n    pass\n"


def _class(name, base, steps, definitions, decorators, addition=NOTHING) -> str:
    lines = [addition.above] if addition.above else []
    lines += [f"class {name}({base}):", "    pass"]
    lines += [f"    {line}" if line else "" for line in addition.members.splitlines()]
    for step in steps:
        lines += [f"    {line}" for line in decorators.get(step, "").splitlines()]
        lines += [f"    {line}" if line else "" for line in definitions[step]]
        lines.append("")
    return "\n".join(lines)


def _definitions(shape: Shape, blocks: Seq, after: str | None) -> Iterator[tuple[str, list[str]]]:
    """Make the lines of each step of a sequence; `after` is the step that follows it."""
    for place, block in enumerate(blocks):
        follower = entry(blocks[place + 1]) if place + 1 < len(blocks) else after
        yield from _block(shape, block, follower)


def _block(shape: Shape, block: Block, after: str | None) -> Iterator[tuple[str, list[str]]]:
    go_on = [] if after is None else [f"self.next(self.{after})"]
    if isinstance(block, Step):
        yield _step(shape, block.name, ["self.note()", *go_on])
    elif isinstance(block, Loop):
        turns = f"self.turn_{block.name}"
        count = f"{turns} = getattr(self, 'turn_{block.name}', 0) + 1"
        choose = f"self.way_{block.name} = 'on' if {turns} >= {block.turns} else 'again'"
        cases = f"{{'again': self.{block.name}, 'on': self.{after}}}"
        leave = f"self.next({cases}, condition='way_{block.name}')"
        yield _step(shape, block.name, [count, choose, "self.note()", leave])
    elif isinstance(block, Split):
        targets = ", ".join(f"self.{entry(branch[0])}" for branch in block.branches)
        yield _step(shape, block.opener, ["self.note()", f"self.next({targets})"])
        for branch in block.branches:
            yield from _definitions(shape, branch, block.join)
        yield _join(shape, block, go_on)
    elif isinstance(block, Foreach):
        items = f"self.items_{block.opener} = {block.items}"
        leave = f"self.next(self.{entry(block.body[0])}, foreach='items_{block.opener}')"
        lines = ["outer, index = self.input, self.index", items, "self.note()", leave]
        yield _step(shape, block.opener, lines)
        yield from _definitions(shape, block.body, block.join)
        yield _join(shape, block, go_on)
    elif isinstance(block, Gang):
        leave = f"self.next(self.{block.member}, num_parallel={block.size})"
        yield _step(shape, block.opener, ["self.note()", leave])
        lines = ["self.note()", f"self.next(self.{block.join})"]
        name, definition = _step(shape, block.member, lines)
        yield name, ["@parallel", *definition]
        yield _join(shape, block, go_on)
    else:
        choice = f"self.choice_{block.opener} = {block.choice}"
        cases = ", ".join(f"{key!r}: self.{entry(case[0])}" for key, case in block.cases)
        leave = f"self.next({{{cases}}}, condition='choice_{block.opener}')"
        yield _step(shape, block.opener, ["index = self.index", choice, "self.note()", leave])
        for _, case in block.cases:
            yield from _definitions(shape, case, after)


def _step(shape: Shape, name: str, lines: list[str]) -> tuple[str, list[str]]:
    if name == shape.start:
        lines = ["self.begin()", *lines]
    return name, [_mark(shape, name), f"def {name}(self):", *(f"    {line}" for line in lines)]


def _join(shape: Shape, block: Split | Foreach | Gang, go_on: list[str]) -> tuple[str, list[str]]:
    lines = [f"self.gather(inputs, exclude={sorted(differing(block))})", *go_on]
    head = [_mark(shape, block.join), f"def {block.join}(self, inputs):"]
    return block.join, [*head, *(f"    {line}" for line in lines)]


def _mark(shape: Shape, name: str) -> str:
    """Mark the step; start and end only where their names do not say it."""
    if shape.start == shape.end:
        return "@step"
    if name == shape.start and name != "start":
        return "@step(start=True)"
    return "@step(end=True)" if name == shape.end and name != "end" else "@step"
