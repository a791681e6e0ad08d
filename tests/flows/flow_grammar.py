"""The small language in which test flows are described: blocks, one after another.

A description says what a flow's graph is and which way its data send it. Two readers that know
nothing of each other understand it: `flow_writer` makes a flow file of it, `flow_model` says
what a run of that file leaves behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator


class Step(NamedTuple):
    """A step that goes on to whatever comes next."""

    name: str


class Split(NamedTuple):
    """A step that goes on to all branches at once, and the join that waits for them."""

    opener: str
    branches: tuple[Seq, ...]
    join: str


class Foreach(NamedTuple):
    """A step that runs its body once per item, and the join that waits for them.

    `items` is a Python expression of the items; `outer` in it is the item of the foreach
    around, so that bodies need not be equally long.
    """

    opener: str
    items: str
    body: Seq
    join: str


class Gang(NamedTuple):
    """A step that goes on to the members of a gang, all of one step, and the join after them."""

    opener: str
    size: int
    member: str
    join: str


class Switch(NamedTuple):
    """A step that goes on to one of its cases; all cases lead to what comes next.

    `choice` is an expression of the key; `index` in it is the position in the foreach around.
    """

    opener: str
    choice: str
    cases: tuple[tuple[str | int | bool, Seq], ...]


class Loop(NamedTuple):
    """A switch step that goes back to itself until it has had its turns."""

    name: str
    turns: int


Block: TypeAlias = Step | Split | Foreach | Gang | Switch | Loop
Seq: TypeAlias = tuple[Block, ...]


class Shape(NamedTuple):
    """A flow: its name and its blocks; first and last step are marked if not named so."""

    name: str
    blocks: Seq
    inherited: tuple[str, ...] = ()
    """Steps that a base class in another file brings."""
    diamond: bool = False
    """The base class has them from two others, half and half."""
    overridden: tuple[str, ...] = ()
    """Steps that the base class has too, and that would fail there."""
    base: str = "Recorder"
    options: tuple[str, ...] = ()
    """What the command line needs to run it."""

    @property
    def flow(self) -> str:
        return "".join(word.capitalize() for word in self.name.split("_")) + "Flow"

    @property
    def steps(self) -> list[str]:
        return list(dict.fromkeys(step_names(self.blocks)))

    @property
    def start(self) -> str:
        return self.steps[0]

    @property
    def end(self) -> str:
        return self.steps[-1]

    @property
    def steps_that_choose(self) -> set[str]:
        """Steps whose transition depends on what their code has done: foreachs and switches."""
        return {
            block.name if isinstance(block, Loop) else block.opener
            for block in all_blocks(self.blocks)
            if isinstance(block, Foreach | Gang | Switch | Loop)
        }


def all_blocks(blocks: Seq) -> Iterator[Block]:
    """Go through blocks and those inside them."""
    for block in blocks:
        yield block
        for inner in inner_sequences(block):
            yield from all_blocks(inner)


def inner_sequences(block: Block) -> tuple[Seq, ...]:
    """What lies between the first step of a block and its last."""
    if isinstance(block, Split):
        return block.branches
    if isinstance(block, Foreach):
        return (block.body,)
    if isinstance(block, Gang):
        return ((Step(block.member),),)
    if isinstance(block, Switch):
        return tuple(case for _, case in block.cases)
    return ()


def entry(block: Block) -> str:
    """The first step of a block."""
    return block.name if isinstance(block, Step | Loop) else block.opener


def step_names(blocks: Seq) -> Iterator[str]:
    """Names of all steps in the order of the description."""
    for block in blocks:
        yield entry(block)
        for inner in inner_sequences(block):
            yield from step_names(inner)
        if isinstance(block, Split | Foreach | Gang):
            yield block.join


def steps(text: str) -> Seq:
    """Make plain steps of names, written with spaces between them."""
    return tuple(Step(name) for name in text.split())


def differing(block: Split | Foreach | Gang) -> set[str]:
    """Names on which the inputs of a block's join may disagree, so that it excludes them."""
    names = {"oops"}
    for inner in all_blocks((block,)):
        if isinstance(inner, Foreach) and inner is not block:
            names.add(f"items_{inner.opener}")
        elif isinstance(inner, Switch):
            names.add(f"choice_{inner.opener}")
    return names
