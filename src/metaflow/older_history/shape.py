"""Finds the open splits around the tasks of an older run, and which tasks they followed.

Neither was stored. What was: the graph, for each task the positions in the foreachs around it,
and where the run went from it. Runs of the oldest versions have no graph; it is put together
from where their tasks went.
"""

# No postponed annotations here: a NamedTuple would compile each of them at import.
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from metaflow.model.task import GANG_VAR, Frame

_SPLITS: Final = {"split-static": "static", "split-foreach": "foreach", "split-parallel": "gang"}


class ShapeStep(NamedTuple):
    """A step of the graph of an older run."""

    kind: str
    """`static`, `foreach`, `gang`, `switch`, `join` or `linear`."""
    targets: tuple[str, ...]
    condition: str | None = None


class Split(NamedTuple):
    """A split that is open at a step."""

    step: str
    kind: str
    branch: int
    """Which way of a static split leads to the step; 0 otherwise."""
    branches: int


class ShapeTask(NamedTuple):
    """What is known of a task."""

    task_id: str
    step: str
    stack: tuple[tuple[Any, ...], ...]
    """Open foreachs: step, variable, number of items, index, item as text."""
    targets: tuple[str, ...]
    """Where the run went from it."""
    var: str | None

    @property
    def place(self) -> tuple[Any, ...]:
        """Positions in the open foreachs."""
        return tuple(frame[3] for frame in self.stack)


def steps_of_graph(info: Mapping[str, Any]) -> dict[str, ShapeStep]:
    """Read the graph that a run has stored with its parameters.

    Parameters
    ----------
    info : mapping of str to object
        The artifact `_graph_info`.
    """
    found = {}
    steps = info.get("steps")
    for name, told in steps.items() if isinstance(steps, dict) else ():
        written = str(told.get("type"))
        kind = _SPLITS.get(written, "linear")
        if written == "split-switch":
            kind = "switch"
        elif written == "join":
            kind = "join"
        condition = told.get("condition") if kind == "switch" else None
        found[str(name)] = ShapeStep(kind, tuple(dict.fromkeys(told.get("next", ()))), condition)
    return found


def steps_of_tasks(tasks: Iterable[ShapeTask], start: str) -> dict[str, ShapeStep]:
    """Put the graph together from where tasks went.

    The versions that stored no graph knew no switches: a step that two others lead to is a
    join, and so is one with fewer foreachs around it than there are around what leads to it.
    """
    depths: dict[str, int] = {}
    went: dict[str, ShapeTask] = {}
    above: dict[str, set[str]] = {}
    for task in tasks:
        depths[task.step] = len(task.stack)
        went.setdefault(task.step, task)
        for target in task.targets:
            above.setdefault(target, set()).add(task.step)
    found = {}
    for name, task in went.items():
        kind = "linear"
        before = above.get(name, set())
        deeper = any(depths[one] + (went[one].var is not None) > depths[name] for one in before)
        if name != start and (len(before) > 1 or deeper):
            kind = "join"
        elif task.var is not None:
            kind = "foreach"
        elif len(task.targets) > 1:
            kind = "static"
        found[name] = ShapeStep(kind, task.targets)
    return found


class Shape:
    """The tasks of one run by their places in its graph.

    Parameters
    ----------
    steps : mapping of str to ShapeStep
        The graph.
    start : str
        Name of the start step.
    tasks : iterable of ShapeTask
        All tasks that have begun, without the pseudo-task of parameters.
    """

    __slots__ = ("_above", "_at", "_splits", "_steps")

    def __init__(
        self, steps: Mapping[str, ShapeStep], start: str, tasks: Iterable[ShapeTask]
    ) -> None:
        self._steps = steps
        self._splits: dict[str, tuple[Split, ...]] = {}
        self._above: dict[str, list[str]] = {}
        self._walk(start)
        self._at: dict[tuple[str, tuple[Any, ...]], list[ShapeTask]] = {}
        for task in sorted(tasks, key=lambda one: _age(one.task_id)):
            self._at.setdefault((task.step, task.place), []).append(task)

    def frames(self, task: ShapeTask) -> tuple[Frame, ...]:
        """Return the open splits around a task, outermost first."""
        frames: list[Frame] = []
        depth = 0
        for split in self._splits.get(task.step, ()):
            by = self._at.get((split.step, task.place[:depth]))
            task_id = by[-1].task_id if by else ""
            if split.kind == "static":
                frames.append(Frame(split.step, task_id, None, split.branch, split.branches))
                continue
            if depth >= len(task.stack):
                break
            _, var, count, index, label = task.stack[depth]
            depth += 1
            if split.kind == "gang":
                frames.append(Frame(split.step, task_id, GANG_VAR, index, None))
            else:
                text = None if label is None else str(label)
                frames.append(Frame(split.step, task_id, var, index, count, None, text))
        return tuple(frames)

    def parents(self, task: ShapeTask) -> tuple[str, ...]:
        """Return the ids of the tasks that a task followed, in input order."""
        own = self._at[task.step, task.place]
        turn = own.index(task)
        if turn and task.step in self._above.get(task.step, ()):
            return (own[turn - 1].task_id,)
        found: list[ShapeTask] = []
        for name in self._above.get(task.step, ()):
            if name != task.step:
                found += self._leading(name, task)
        return tuple(one.task_id for one in found)

    def _leading(self, name: str, task: ShapeTask) -> list[ShapeTask]:
        """Return the tasks of a step that lead to this task."""
        kind = self._steps[name].kind
        place = task.place
        if kind in {"foreach", "gang"}:
            place = place[:-1]
        elif self._steps[task.step].kind == "join" and self._closes_loop(name):
            below = [
                one
                for (step, at), ones in self._at.items()
                if step == name and len(at) == len(place) + 1 and at[:-1] == place
                for one in ones[-1:]
            ]
            return sorted(below, key=lambda one: one.place[-1])
        ones = [one for one in self._at.get((name, place), ()) if task.step in one.targets]
        return ones[-1:]

    def _closes_loop(self, name: str) -> bool:
        """Tell whether the split that is open last at a step is one into many."""
        splits = self._splits.get(name, ())
        return bool(splits) and splits[-1].kind != "static"

    def _walk(self, start: str) -> None:
        pending: list[tuple[str, tuple[Split, ...]]] = [(start, ())]
        while pending:
            name, splits = pending.pop()
            step = self._steps.get(name)
            if step is None or name in self._splits:
                continue
            if step.kind == "join":
                splits = splits[:-1]
            self._splits[name] = splits
            many = len(step.targets)
            for branch, target in enumerate(step.targets):
                above = self._above.setdefault(target, [])
                if name not in above:
                    above.append(name)
                inside = splits
                if step.kind == "static":
                    inside = (*splits, Split(name, "static", branch, many))
                elif step.kind in {"foreach", "gang"}:
                    inside = (*splits, Split(name, step.kind, 0, 1))
                pending.append((target, inside))
        # The branches of a join come in the order of its split, however they were walked.
        for above in self._above.values():
            above.sort(key=lambda one: [split.branch for split in self._splits.get(one, ())])


def _age(task_id: str) -> tuple[int, str]:
    # Ids that are numbers count up; members of a gang come after the one that leads them.
    return len(task_id.partition("_")[0]), task_id
