"""What an assignment says about a task's predecessors, as text that is encoded once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from metaflow.engine.plan_messages import Launch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow.model.task import Frame, Transition


class InputTexts:
    """JSON texts of finished tasks, for as long as tasks that follow may ask for them."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._readers: dict[str, int] = {}
        """How many tasks that follow have not finished yet."""

    def put(
        self,
        task_id: str,
        step: str,
        frames: tuple[Frame, ...],
        manifest: str,
        transition: Transition | None,
    ) -> None:
        """Keep a finished task until all that follow from it have finished.

        Parameters
        ----------
        task_id, step, frames
            The task.
        manifest : str
            JSON already.
        transition : Transition or None
            Where the run goes from it.
        """
        if transition is None or not transition.targets:
            return
        if not transition.is_gang:
            self._readers[task_id] = transition.width
        self._texts[task_id] = f"[{dumps(step)},{dumps(task_id)},{dumps(frames)},{manifest}]"

    def used(self, task_ids: Iterable[str]) -> None:
        """Take note that a task which follows from these has finished for good.

        The members of a gang never have, by themselves: all of them may run again.
        """
        for task_id in task_ids:
            left = self._readers.get(task_id)
            if left == 1:
                del self._readers[task_id], self._texts[task_id]
            elif left is not None:
                self._readers[task_id] = left - 1

    def __len__(self) -> int:
        """Count the tasks that are kept."""
        return len(self._texts)

    def place(self, task_id: str) -> str:
        """Step and id of a finished task, as `step/task`."""
        step, _ = json.JSONDecoder().raw_decode(self._texts[task_id], 1)
        return f"{step}/{task_id}"

    def assignment(self, launch: Launch) -> str:
        """Encode an assignment with all its inputs; those of a join follow line by line."""
        texts = [self._texts[task_id] for task_id in launch.input_ids]
        inside = "" if launch.is_join else ",".join(texts)
        head = (
            f"[{dumps(launch.step)},{dumps(launch.task_id)},{launch.attempt},"
            f"{dumps(launch.frames)},[{inside}],{dumps(launch.is_join)},"
            f"{dumps(launch.last_attempt)},{dumps(launch.fallback)}"
            f"{'' if launch.gang is None else ',' + dumps(launch.gang)}]"
        )
        return "\n".join([head, *texts]) if launch.is_join else head


dumps: Final = json.JSONEncoder(separators=(",", ":")).encode
"""Encode as compact JSON."""
