"""What an event logger and a monitor are told of a flow's commands, runs and tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class EventLogger(Protocol):
    """Is told what happens."""

    def log(self, event: Mapping[str, object]) -> None:
        """Take note of an event; `event["event"]` says which, the rest are its facts."""
        ...


class Monitor(Protocol):
    """Is told how often things happen and how long they take."""

    def count(self, name: str) -> None:
        """Take note that something has happened once more."""
        ...

    def measure(self, name: str, seconds: float) -> None:
        """Take note of how long something took."""
        ...
