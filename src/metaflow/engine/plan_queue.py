"""What waits in a plan: tasks, branches of splits without a task yet, and open joins."""

from __future__ import annotations

from array import array
from collections import deque
from typing import TYPE_CHECKING, Self

from metaflow.model.task import Frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metaflow.engine.plan_graph import StepNode
    from metaflow.model.task import Transition


class PlannedTask:
    """A task from when it is ready until it is finished."""

    __slots__ = (
        "attempt",
        "fallbacks",
        "follows_clones",
        "frames",
        "input_ids",
        "is_clone",
        "iteration",
        "node",
        "task_id",
    )

    def __init__(
        self,
        node: StepNode,
        frames: tuple[Frame, ...],
        input_ids: tuple[str, ...],
        iteration: int = 0,
        *,
        follows_clones: bool = False,
    ) -> None:
        self.node = node
        self.frames = frames
        self.input_ids = input_ids
        self.iteration = iteration
        """How often a switch has led back to its own step."""
        self.follows_clones = follows_clones
        """All its predecessors are clones: it has the same inputs as in the earlier run."""
        self.is_clone = False
        self.task_id = ""
        """Given when the task is launched or cloned."""
        self.attempt = 0
        self.fallbacks = 0
        """Attempts without user code so far."""


class Branches:
    """The children of one split that have no task yet: counters, however many they are."""

    __slots__ = (
        "_count",
        "_follows_clones",
        "_frames",
        "_indexes",
        "_input_ids",
        "_next",
        "_split",
        "_targets",
        "_transition",
    )

    def __init__(
        self, split: PlannedTask, transition: Transition, targets: tuple[StepNode, ...]
    ) -> None:
        self._split = split.node.name
        self._frames = split.frames
        self._input_ids = (split.task_id,)
        self._transition = transition
        self._targets = targets
        self._follows_clones = split.is_clone
        self._count = transition.width
        self._indexes: Sequence[int] = range(self._count)
        self._next = 0

    def __len__(self) -> int:
        return len(self._indexes) - self._next

    def keep(self, indexes: array[int]) -> None:
        """Restrict the branches still to come to these."""
        self._indexes = indexes

    def take(self) -> PlannedTask:
        """Make the next child."""
        index = self._indexes[self._next]
        self._next += 1
        return self.child(index)

    def child(self, index: int) -> PlannedTask:
        """Make the child with this position in the split."""
        var, items = self._transition.var, self._transition.items
        node = self._targets[index if var is None else 0]
        frame = Frame(self._split, self._input_ids[0], var, index, self._count, items)
        frames = (*self._frames, frame)
        return PlannedTask(node, frames, self._input_ids, follows_clones=self._follows_clones)


class BranchSearch:
    """A look at the children of a split one by one; it can stop anywhere and go on."""

    __slots__ = ("_branches", "_left", "_next")

    def __init__(self, branches: Branches) -> None:
        self._branches = branches
        self._next = 0
        self._left = array("L")

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> PlannedTask:
        """Make the next child."""
        if self._next == len(self._branches):
            raise StopIteration
        self._next += 1
        return self._branches.child(self._next - 1)

    def leave(self) -> None:
        """Leave the last child for later."""
        self._left.append(self._next - 1)

    def left(self) -> Branches:
        """Return the branches restricted to the children that were left."""
        self._branches.keep(self._left)
        return self._branches


class ReadyQueue:
    """Tasks that may start, first come first served."""

    __slots__ = ("_entries", "_size")

    def __init__(self) -> None:
        self._entries: deque[PlannedTask | Branches] = deque()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def put(self, task: PlannedTask) -> None:
        """Add a task at the end."""
        self._entries.append(task)
        self._size += 1

    def put_all(self, branches: Branches) -> None:
        """Add all children of a split at the end."""
        if branches:
            self._entries.append(branches)
            self._size += len(branches)

    def put_first(self, task: PlannedTask) -> None:
        """Add a task that had its turn before."""
        self._entries.appendleft(task)
        self._size += 1

    def take(self) -> PlannedTask:
        """Remove the next task."""
        self._size -= 1
        head = self._entries[0]
        if isinstance(head, PlannedTask):
            del self._entries[0]
            return head
        task = head.take()
        if not head:
            del self._entries[0]
        return task

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._size = 0


class OpenJoin:
    """A join that has some of its inputs; keeps 8 bytes for each."""

    __slots__ = ("_ids", "_missing", "has_clones_only")

    def __init__(self, count: int) -> None:
        self._ids = array("Q", bytes(8 * count))
        self._missing = count
        self.has_clones_only = True

    def arrive(self, index: int, task: PlannedTask) -> bool:
        """Note the finished branch; tell whether it was the last."""
        self._ids[index] = int(task.task_id)
        self._missing -= 1
        self.has_clones_only = self.has_clones_only and task.is_clone
        return self._missing == 0

    def input_ids(self) -> tuple[str, ...]:
        """Return the branches' task ids in the order of the split."""
        return tuple(map(str, self._ids))
