"""What the console of a run says: when each task started and finished, and what it printed."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

LINE = re.compile(
    r"^(?P<stamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) "
    r"\[(?P<run>[^/\s]+)/(?P<step>[^/\s]+)/(?P<task>\S+) \(pid \d+\)\] (?P<text>.*)$"
)
STARTED = "Task is starting."
FINISHED = "Task finished successfully."


class TaskLines(NamedTuple):
    """One task's moments, all in seconds since the epoch."""

    step: str
    started: float
    """Stamp of the launcher's line; it counts in milliseconds."""
    finished: float
    marks: dict[str, float]
    """What the task printed as `mark NAME NUMBER`."""

    def since(self, mark: str) -> float:
        """Seconds from a mark of the task until the launcher called the task finished."""
        return self.finished - self.marks[mark]


def tasks(printed: str) -> list[TaskLines]:
    """Read all tasks of a run from its console, in the order in which they started."""
    started: dict[tuple[str, str], float] = {}
    finished: dict[tuple[str, str], float] = {}
    marks: dict[tuple[str, str], dict[str, float]] = {}
    for raw in printed.splitlines():
        line = LINE.match(raw)
        if line is None:
            continue
        task = line["step"], line["task"]
        words = line["text"].split()
        if line["text"] == STARTED:
            started[task] = _seconds(line["stamp"])
        elif line["text"] == FINISHED:
            finished[task] = _seconds(line["stamp"])
        elif len(words) == 3 and words[0] == "mark":
            marks.setdefault(task, {})[words[1]] = float(words[2])
    return [
        TaskLines(task[0], moment, finished[task], marks.get(task, {}))
        for task, moment in started.items()
    ]


def steps(printed: str) -> dict[str, TaskLines]:
    """Read the tasks of a run in which every step has one."""
    return {task.step: task for task in tasks(printed)}


def run_id(printed: str) -> str:
    """Read the id of the run from its first line."""
    found = re.search(r"\(run-id ([^)\s]+)\)", printed)
    if found is None:
        raise ValueError("the console names no run")
    return found[1]


def _seconds(stamp: str) -> float:
    return datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S.%f").timestamp()  # noqa: DTZ007 - the console's time is local
