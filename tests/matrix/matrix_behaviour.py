"""What a behaviour is: what it adds to a flow of any shape, and how one sees that it holds."""

from __future__ import annotations

import json
import re
import textwrap
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from flow_writer import Addition, flow_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flow_grammar import Shape
    from flow_model import Key, ModelTask
    from flow_workspace import Done, Workspace

    from metaflow import Run, Task

CONTEXTS = ("run", "resume", "spin", "runner", "async", "spawn", "step")
WHOLE = frozenset(CONTEXTS) - {"spin"}
FRESH = WHOLE - {"resume"}
"""Contexts in which all tasks of the run have been performed by it."""


class Cell(NamedTuple):
    """One run of one shape with all behaviours of a group, as the client sees it."""

    workspace: Workspace
    shape: Shape
    context: str
    run: Run
    tasks: Mapping[Key, Task]
    model: Mapping[Key, ModelTask]
    done: Done | None = None
    """What the command has printed."""
    origin: Run | None = None
    cloned: frozenset[Key] = frozenset()

    def values(self, name: str) -> Iterator[tuple[Key, Any]]:
        """Go through the values of an artifact that every task has."""
        for key, task in self.tasks.items():
            yield key, task[name].data

    def task_of(self, step: str) -> Task:
        """Return some task of a step."""
        return next(task for key, task in self.tasks.items() if key[0] == step)

    @property
    def start(self) -> Task:
        return self.task_of(self.shape.start)

    @property
    def end(self) -> Task:
        return self.task_of(self.shape.end)


class Behaviour:
    """Something that holds in runs of every shape that it applies to.

    `module` is source of a module that the flow imports; `above` stands above the class and
    `members` in it; `each` runs in every task, where `step` is the step's name, and `inputs` the
    join's or None. A value that is set before a join merges must be set by the join anew.
    """

    group: ClassVar[str] = "main"
    contexts: ClassVar[frozenset[str]] = frozenset(CONTEXTS)
    module: ClassVar[str] = ""
    above: ClassVar[str] = ""
    members: ClassVar[str] = ""
    each: ClassVar[str] = ""
    decorator: ClassVar[str] = ""
    files: ClassVar[Mapping[str, str | bytes]] = {}
    arguments: ClassVar[Mapping[str, Any]] = {}
    """Keywords of `Runner.run`; the command line is made of them."""
    intrinsic: ClassVar[bool] = False
    """It adds nothing to the flow: it holds for every run."""
    all: ClassVar[list[Behaviour]] = []

    def __init_subclass__(cls, *, abstract: bool = False) -> None:
        if not abstract:
            Behaviour.all.append(cls())

    @property
    def name(self) -> str:
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()

    def applies(self, shape: Shape) -> bool:
        return True

    def decorated(self, shape: Shape) -> list[str]:
        """Steps that get the decorator."""
        return shape.steps

    def check_task(self, cell: Cell, key: Key, task: Task) -> None:
        """Look at each task."""

    def check(self, cell: Cell) -> None:
        """Look at the run as a whole."""


def of_group(group: str, shape: Shape) -> list[Behaviour]:
    return [one for one in Behaviour.all if one.group == group and one.applies(shape)]


def sources(shape: Shape, behaviours: list[Behaviour]) -> dict[str, str]:
    """Return the files of a flow that has all these behaviours."""
    methods, calls = [], []
    for one in behaviours:
        methods.append(textwrap.dedent(one.members))
        if one.each:
            body = textwrap.indent(textwrap.dedent(one.each).strip("\n"), "    ")
            methods.append(f"def do_{one.name}(self, inputs, step):\n{body}\n")
            calls.append(f"    self.do_{one.name}(inputs, current.step_name)\n")
    added = f"def added(self, inputs=None):\n    super().added(inputs)\n{''.join(calls)}"
    above = "\n".join(one.above for one in behaviours if one.above)
    module = ["from metaflow import *\n", *(textwrap.dedent(one.module) for one in behaviours)]
    decorators: dict[str, str] = {}
    for one in behaviours:
        for step in one.decorated(shape) if one.decorator else ():
            line = one.decorator.replace("STEP", step)
            decorators[step] = f"{decorators.get(step, '')}{line}\n"
    addition = Addition("\n".join(module), above, "\n".join([*methods, added]))
    return flow_source(shape, decorators, addition)


def write(workspace: Workspace, shape: Shape, behaviours: list[Behaviour]) -> None:
    workspace.write_files(sources(shape, behaviours))
    for one in behaviours:
        for name, content in one.files.items():
            data = content.encode() if isinstance(content, str) else content
            (workspace.folder / name).write_bytes(data)


def arguments_of(behaviours: list[Behaviour]) -> dict[str, Any]:
    """Keywords of a run, those of the shape's recorder among them."""
    keywords: dict[str, Any] = {"level": 7, "options": {"deep": [2]}, "tags": ["two words", "t"]}
    for one in behaviours:
        keywords |= one.arguments
    return keywords


def as_options(keywords: Mapping[str, Any]) -> list[str]:
    """Write keywords as the command line has them."""
    words = []
    for name, value in keywords.items():
        option = "--tag" if name == "tags" else f"--{name.replace('_', '-')}"
        for each in value if name == "tags" else [value]:
            words += [option, json.dumps(each) if isinstance(each, dict) else str(each)]
    return words
