"""One line of a log as users see it."""

from datetime import datetime
from typing import NamedTuple


class LogLine(NamedTuple):
    """A line that a task has printed."""

    time: datetime
    """When it began to appear, in UTC."""
    pathspec: str
    """The task, such as `MyFlow/1842/train/7`."""
    attempt: int
    stream: str
    """`stdout` or `stderr`."""
    text: str
    """The line without its end."""
