"""What can go wrong with events."""

from __future__ import annotations

from metaflow.errors.base import MetaflowException


class EventNotPublished(MetaflowException):
    """An event cannot be sent.

    Parameters
    ----------
    event : str
        Its name.
    problem : str
        Why not, as a clause.
    """

    headline = "Event not published"

    def __init__(self, event: str, problem: str) -> None:
        self.event = event
        self.problem = problem
        super().__init__(f"The event `{event}` cannot be sent: {problem}.")
