"""Finds the task of an earlier run that a task of this run would only repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from metaflow.model.records import PARAMETERS_STEP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow.model.records import OriginTask
    from metaflow.model.task import Frame

_Place: TypeAlias = tuple[str | int, ...]
"""Step, turn in a loop, and the branches that lead there but for the position in the last."""


class OriginRun:
    """The finished tasks of an earlier run by what makes them the same as a task of this one.

    Two tasks are the same if their step, the branches that lead to them (split steps and
    positions) and their turn in a loop are. Each can be had once: it belongs to who takes it.

    Parameters
    ----------
    tasks : iterable of OriginTask
        All tasks of the earlier run that have a done attempt, in any order.
    """

    __slots__ = ("_finished", "_steps", "parameters")

    def __init__(self, tasks: Iterable[OriginTask]) -> None:
        self._finished: dict[_Place, dict[int, OriginTask]] = {}
        """By place, then by position in the last split: siblings share all but that."""
        self.parameters: OriginTask | None = None
        """The pseudo-task that holds the run's parameters; it has no place in a plan."""
        repeated: dict[tuple[_Place, int], list[OriginTask]] = {}
        for task in tasks:
            if task.step == PARAMETERS_STEP:
                self.parameters = task
                continue
            frames = task.frames
            place, index = _place(task.step, frames, 0), frames[-1].index if frames else 0
            siblings = self._finished.setdefault(place, {})
            if index in siblings:
                repeated.setdefault((place, index), [siblings[index]]).append(task)
            else:
                # Where it was is said by its place.
                siblings[index] = task._replace(frames=()) if frames else task
        # A step that comes again in the same branches is a loop, its turns in order of ids.
        for (place, index), turns in repeated.items():
            for turn, task in enumerate(sorted(turns, key=_age)):
                self._finished.setdefault((place[0], turn, *place[2:]), {})[index] = task
        # A task that failed takes up its turn, and that is all.
        for siblings in self._finished.values():
            for index in [i for i, task in siblings.items() if not (task.ok or task.handled)]:
                del siblings[index]
        self._steps = frozenset(place[0] for place, found in self._finished.items() if found)

    def knows(self, step: str) -> bool:
        """Tell whether any task of this step finished."""
        return step in self._steps

    def take(self, step: str, frames: tuple[Frame, ...], iteration: int) -> OriginTask | None:
        """Return the finished task that is the same, if there is one, and forget it."""
        siblings = self._finished.get(_place(step, frames, iteration))
        return None if siblings is None else siblings.pop(frames[-1].index if frames else 0, None)


def _age(task: OriginTask) -> tuple[int, str]:
    # Ids count up without leading zeros: the longer is the later.
    return len(task.task_id), task.task_id


def _place(step: str, frames: tuple[Frame, ...], iteration: int) -> _Place:
    if not frames:
        return step, iteration
    place: list[str | int] = [step, iteration]
    for frame in frames:
        place.append(frame.step)
        place.append(frame.index)
    place.pop()
    return tuple(place)
