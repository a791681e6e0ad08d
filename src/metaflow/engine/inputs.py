"""What an assignment says about a task's predecessors, as text that is encoded once."""

from __future__ import annotations

import json
from typing import Final

from metaflow.engine.plan_messages import Launch
from metaflow.model.task import Frame


class InputTexts:
    """JSON texts of finished tasks, for the assignments of the tasks that follow."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def put(self, task_id: str, step: str, frames: tuple[Frame, ...], manifest: str) -> None:
        """Keep a finished task; `manifest` is JSON already."""
        self._texts[task_id] = f"[{dumps(step)},{dumps(task_id)},{dumps(frames)},{manifest}]"

    def place(self, task_id: str) -> str:
        """Step and id of a finished task, as `step/task`."""
        step, _ = json.JSONDecoder().raw_decode(self._texts[task_id], 1)
        return f"{step}/{task_id}"

    def assignment(self, launch: Launch) -> str:
        """Encode an assignment with all its inputs."""
        inputs = ",".join(self._texts[task_id] for task_id in launch.input_ids)
        return (
            f"[{dumps(launch.step)},{dumps(launch.task_id)},{launch.attempt},"
            f"{dumps(launch.frames)},[{inputs}],{dumps(launch.is_join)},"
            f"{dumps(launch.last_attempt)},{dumps(launch.fallback)}"
            f"{'' if launch.gang is None else ',' + dumps(launch.gang)}]"
        )


dumps: Final = json.JSONEncoder(separators=(",", ":")).encode
"""Encode as compact JSON."""
