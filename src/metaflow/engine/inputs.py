"""What an assignment says about a task's predecessors, as text that is encoded once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from metaflow.engine.plan_messages import Launch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow.model.task import Transition


class InputTexts:
    """JSON texts of finished tasks, for as long as tasks that follow may ask for them."""

    def __init__(self) -> None:
        self._texts: dict[str, bytes] = {}
        self._readers: dict[str, int] = {}
        """How many tasks that follow have not finished yet, where it is more than one."""
        self._kept: set[str] = set()
        """Tasks that a gang follows, which is never through with them."""

    def put(
        self, task_id: str, step: str, frames: str, manifest: str, transition: Transition | None
    ) -> None:
        """Keep a finished task until all that follow from it have finished.

        Parameters
        ----------
        task_id, step
            The task.
        frames, manifest : str
            The splits around it and what it stored, as JSON already.
        transition : Transition or None
            Where the run goes from it.
        """
        if transition is None or not transition.targets:
            return
        if transition.is_gang:
            self._kept.add(task_id)
        elif transition.width > 1:
            self._readers[task_id] = transition.width
        text = f"[{dumps(step)},{dumps(task_id)},{frames},{manifest}]"
        self._texts[task_id] = text.encode()

    def used(self, task_ids: Iterable[str]) -> None:
        """Take note that a task which follows from these has finished for good.

        The members of a gang never have, by themselves: all of them may run again.
        """
        for task_id in task_ids:
            left = self._readers.get(task_id, 1)
            if left > 1:
                self._readers[task_id] = left - 1
            elif task_id not in self._kept:
                self._readers.pop(task_id, None)
                self._texts.pop(task_id, None)

    def __len__(self) -> int:
        """Count the tasks that are kept."""
        return len(self._texts)

    def place(self, task_id: str) -> str:
        """Step and id of a finished task, as `step/task`."""
        step, _ = json.JSONDecoder().raw_decode(self._texts[task_id].decode(), 1)
        return f"{step}/{task_id}"

    def assignment(self, launch: Launch, frames: str) -> list[bytes]:
        """Encode an assignment with all its inputs; those of a join follow line by line.

        Parameters
        ----------
        launch : Launch
            What is to be assigned.
        frames : str
            Its open splits, as JSON already.

        Returns
        -------
        list of bytes
            Pieces of the text: a join's is far too long to be copied around.
        """
        texts = [self._texts[task_id] for task_id in launch.input_ids]
        head = f"[{dumps(launch.step)},{dumps(launch.task_id)},{launch.attempt},{frames},["
        tail = (
            f"],{_TRUTH[launch.is_join]},{_TRUTH[launch.last_attempt]},{_TRUTH[launch.fallback]}"
            f"{'' if launch.gang is None else ',' + dumps(launch.gang)}]"
        )
        if not launch.is_join:
            return [head.encode() + b",".join(texts) + tail.encode()]
        pieces = [(head + tail).encode()]
        for text in texts:
            pieces += (b"\n", text)
        return pieces


_TRUTH: Final = ("false", "true")

dumps: Final = json.JSONEncoder(separators=(",", ":")).encode
"""Encode as compact JSON."""
