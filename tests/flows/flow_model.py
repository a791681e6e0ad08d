"""Says what a run leaves behind, by walking its description in this process, one block at a time.

It shares no code with the library: values are plain dicts, merged and carried on here.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from flow_grammar import Block, Foreach, Gang, Loop, Seq, Shape, Split, Step, Switch, differing
from flow_recorder import KEPT

Values: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[str, tuple[int, ...], int]
"""Step, positions in the foreachs around it, turn in a loop."""
Stack: TypeAlias = tuple[tuple[int, int | None, Any], ...]


class ModelTask(NamedTuple):
    """What one task leaves behind."""

    step: str
    stack: Stack
    turn: int
    values: Values
    parents: tuple[Key, ...]

    @property
    def key(self) -> Key:
        return self.step, tuple(index for index, _, _ in self.stack), self.turn


class Circumstances(NamedTuple):
    """What the description does not say about a run."""

    level: int = 1
    options: Any = None
    tags: tuple[str, ...] = ()
    retry: int = 0
    fails: Callable[[str], bool] = lambda _: False
    """Steps whose code fails although the run goes on."""


def expected_tasks(shape: Shape, given: Circumstances = Circumstances()) -> dict[Key, ModelTask]:  # noqa: B008 - it never changes
    """Return all tasks of a run by their keys."""
    model = _Model(shape, given)
    model.walk(shape.blocks, {}, (), ())
    return {task.key: task for task in model.tasks}


class _Model:
    def __init__(self, shape: Shape, given: Circumstances) -> None:
        self.shape = shape
        self.given = given
        self.tasks: list[ModelTask] = []

    def walk(self, blocks: Seq, values: Values, stack: Stack, parents: tuple[Key, ...]) -> Any:
        for block in blocks:
            values, parents = self.perform(block, values, stack, parents)
        return values, parents

    def perform(
        self, block: Block, values: Values, stack: Stack, parents: tuple[Key, ...]
    ) -> tuple[Values, tuple[Key, ...]]:
        if isinstance(block, Step):
            return self.note(block.name, values, stack, parents)
        if isinstance(block, Loop):
            for turn in range(block.turns):
                way = "on" if turn + 1 == block.turns else "again"
                own = {f"turn_{block.name}": turn + 1, f"way_{block.name}": way}
                values, parents = self.note(block.name, values, stack, parents, own, turn)
            return values, parents
        outer = stack[-1] if stack else (None, 0, None)
        names = {"index": outer[0], "outer": outer[2]}
        if isinstance(block, Split):
            values, parents = self.note(block.opener, values, stack, parents)
            ends = [self.walk(branch, values, stack, parents) for branch in block.branches]
            return self.gather(block, ends, stack, [stack] * len(ends))
        if isinstance(block, Switch):
            key = eval(block.choice, dict(names))
            own = {f"choice_{block.opener}": key}
            values, parents = self.note(block.opener, values, stack, parents, own)
            return self.walk(dict(block.cases)[key], values, stack, parents)
        if isinstance(block, Gang):
            values, parents = self.note(block.opener, values, stack, parents)
            stacks = [(*stack, (node, None, node)) for node in range(block.size)]
            ends = [self.note(block.member, values, inside, parents) for inside in stacks]
            return self.gather(block, ends, stack, stacks)
        items = eval(block.items, dict(names))
        own = {f"items_{block.opener}": items}
        values, parents = self.note(block.opener, values, stack, parents, own)
        stacks = [(*stack, (index, len(items), item)) for index, item in enumerate(items)]
        ends = [self.walk(block.body, values, inside, parents) for inside in stacks]
        return self.gather(block, ends, stack, stacks)

    def note(
        self,
        step: str,
        values: Values,
        stack: Stack,
        parents: tuple[Key, ...],
        own: Values | None = None,
        turn: int = 0,
    ) -> tuple[Values, tuple[Key, ...]]:
        values = copy.deepcopy(values)
        if step == self.shape.start and not turn:
            values |= {"trail": [], "shared": [], "kept": KEPT, "completed": None}
        values |= own or {}
        values["trail"] = [*values["trail"], step]
        values["shared"] = [*values["shared"], step]
        return self.finish(step, values, stack, parents, turn)

    def gather(
        self,
        block: Split | Foreach | Gang,
        ends: Sequence[tuple[Values, tuple[Key, ...]]],
        stack: Stack,
        stacks: Sequence[Stack],
    ) -> tuple[Values, tuple[Key, ...]]:
        inputs = [values for values, _ in ends]
        values: Values = {
            "trail": [[one["trail"] for one in inputs], block.join],
            "shared": [*(each for one in inputs for each in one["shared"]), block.join],
            "completed": [one["completed"] for one in inputs],
            "met": [
                (one["told"], *(inside[-1][::2] if inside else (None, None)), list(inside))
                for one, inside in zip(inputs, stacks, strict=True)
            ],
        }
        parents = tuple(key for _, keys in ends for key in keys)
        set_here = self.records(block.join, stack) | values
        for name in {name: None for one in inputs for name in one}:
            if name not in set_here and name not in differing(block):
                having = [one[name] for one in inputs if name in one]
                assert all(one == having[0] for one in having), f"{name} differs: {having}"
                values[name] = having[0]
        return self.finish(block.join, values, stack, parents, 0)

    def finish(
        self, step: str, values: Values, stack: Stack, parents: tuple[Key, ...], turn: int
    ) -> tuple[Values, tuple[Key, ...]]:
        values |= self.records(step, stack)
        if not self.given.fails(step):
            values["completed"] = step
        task = ModelTask(step, stack, turn, values, parents)
        self.tasks.append(task)
        return values, (task.key,)

    def records(self, step: str, stack: Stack) -> Values:
        """Values that every task sets anew."""
        given = self.given
        return {
            "told": self.told(step, stack),
            "place": stack[-1][::2] if stack else (None, None),
            "stack": list(stack),
            "given": (
                given.level,
                given.options or {"deep": [1]},
                ["red", "green"],
                3,
            ),
            "facts": {
                "step": step,
                "flow": self.shape.flow,
                "retry": given.retry,
                "user": "ann",
                "tags": sorted(given.tags),
                "parameters": ["level", "options"],
            },
            f"seen_{step}": step,
        }

    def told(self, step: str, stack: Stack) -> str:
        if not stack:
            return f"<flow {self.shape.flow} step {step}>"
        item = str(stack[-1][2])
        item = item if len(item) <= 20 else item[:20] + "..."
        place = ",".join(str(index) for index, _, _ in stack)
        return f"<flow {self.shape.flow} step {step}[{place}] (input: {item})>"
