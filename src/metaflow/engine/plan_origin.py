"""Finds the task of an earlier run that a task of this run would only repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow.model.records import OriginTask
    from metaflow.model.task import Frame

_Key: TypeAlias = tuple[str | int, ...]


class OriginRun:
    """The finished tasks of an earlier run by what makes them the same as a task of this one.

    Two tasks are the same if their step, the branches that lead to them (split steps and
    positions) and their turn in a loop are.

    Parameters
    ----------
    tasks : iterable of OriginTask
        All tasks of the earlier run that have a done attempt, in any order.
    """

    __slots__ = ("_finished", "_steps")

    def __init__(self, tasks: Iterable[OriginTask]) -> None:
        self._finished: dict[_Key, OriginTask] = {}
        turns: dict[_Key, int] = {}
        # A step that comes again in the same branches is a loop, its turns in order of ids.
        for task in sorted(tasks, key=_age):
            key = _key(task.step, task.frames, 0)
            turn = turns.get(key, 0)
            turns[key] = turn + 1
            if task.ok or task.handled:
                self._finished[(*key[:-1], turn) if turn else key] = task
        self._steps = frozenset(task.step for task in self._finished.values())

    def knows(self, step: str) -> bool:
        """Tell whether any task of this step finished."""
        return step in self._steps

    def find(self, step: str, frames: tuple[Frame, ...], iteration: int) -> OriginTask | None:
        """Return the finished task that is the same, if there is one."""
        return self._finished.get(_key(step, frames, iteration))


def _age(task: OriginTask) -> tuple[int, str]:
    # Ids count up without leading zeros: the longer is the later.
    return len(task.task_id), task.task_id


def _key(step: str, frames: tuple[Frame, ...], iteration: int) -> _Key:
    if not frames:
        return (step, iteration)
    path: list[str | int] = [step]
    for frame in frames:
        path.append(frame.step)
        path.append(frame.index)
    path.append(iteration)
    return tuple(path)
