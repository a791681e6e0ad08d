"""What set a run off: events, among them the end of other runs."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from metaflow import registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

TRIGGERS: Final = "execution-triggers"
"""Fact of a run that holds its triggers, as a JSON array of objects."""


class MetaflowEvent(NamedTuple):
    """An event that set a run off; the end of a run is one named `metaflow.<Flow>.<step>`."""

    name: str
    id: str | None
    """Identity of the event; the pathspec for the end of a run."""
    timestamp: datetime | None
    type: str
    """`run` for the end of a run, `event` otherwise."""


class Trigger:
    """The events that set a run off; `trigger['name']` is one of them.

    Parameters
    ----------
    events : sequence of MetaflowEvent
        In the order in which they are listed.
    find_run : callable
        Makes a `Run` of a pathspec.
    """

    __slots__ = ("_events", "_find_run")

    def __init__(self, events: Sequence[MetaflowEvent], find_run: Callable[[str], Any]) -> None:
        self._events: Final = tuple(events)
        self._find_run: Final = find_run

    @classmethod
    def from_runs(cls, runs: Sequence[Any]) -> Trigger:
        """Make the trigger that the end of these runs would be.

        Parameters
        ----------
        runs : sequence of Run
            Finished runs.

        Returns
        -------
        Trigger
            With one event for each run.
        """
        by_pathspec = {run.pathspec: run for run in runs}
        return cls([event_of(run) for run in runs], by_pathspec.__getitem__)

    @property
    def events(self) -> list[MetaflowEvent]:
        """All events."""
        return list(self._events)

    @property
    def event(self) -> MetaflowEvent | None:
        """The first event; None if there is none."""
        return self._events[0] if self._events else None

    @property
    def runs(self) -> list[Any]:
        """The runs whose end set this one off."""
        return [self._find_run(one.id) for one in self._events if one.type == "run" and one.id]

    @property
    def run(self) -> Any:
        """The first run whose end set this one off; None if there is none."""
        return next(iter(self.runs), None)

    def __getitem__(self, name: str) -> Any:
        """Find an event by its name or id, or by the name of its flow the run that ended."""
        for event in self._events:
            if name in {event.name, event.id}:
                return event
            if name == _flow_of(event):
                return self._find_run(str(event.id))
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return any(name in {event.name, event.id, _flow_of(event)} for event in self._events)

    def __iter__(self) -> Iterator[MetaflowEvent]:
        return iter(self._events)

    def __len__(self) -> int:
        return len(self._events)

    def __repr__(self) -> str:
        return f"<Trigger: {', '.join(event.name for event in self._events)}>"

    def to_json(self) -> str:
        """Return what a run records of its triggers."""
        return json.dumps(
            [
                {
                    "name": event.name,
                    "id": event.id,
                    "timestamp": event.timestamp and event.timestamp.timestamp(),
                    "type": event.type,
                }
                for event in self._events
            ]
        )


def _flow_of(event: MetaflowEvent) -> str | None:
    return event.id.partition("/")[0] if event.type == "run" and event.id else None


def event_of(run: Any) -> MetaflowEvent:
    """Make the event that the end of a run is."""
    flow, _ = run.path_components
    _, end_step = run._graph_endpoints  # noqa: SLF001 - known to tools by this name
    return MetaflowEvent(f"metaflow.{flow}.{end_step}", run.pathspec, run.finished_at, "run")


def trigger_of(facts: Mapping[str, str], find_run: Callable[[str], Any]) -> Trigger | None:
    """Read the triggers from a run's facts; None if it was started by hand."""
    text = facts.get(TRIGGERS)
    if not text:
        return None
    return Trigger([_event(value) for value in json.loads(text)], find_run)


def current_trigger(text: str) -> Trigger | None:
    """Make what `current.trigger` is in a task, from what the run records of its triggers."""
    run = registry.load("client", "Run")
    return trigger_of({TRIGGERS: text}, lambda pathspec: run(pathspec, _namespace_check=False))


def _event(value: Mapping[str, Any]) -> MetaflowEvent:
    at = value.get("timestamp")
    when = None if at is None else datetime.fromtimestamp(at)  # noqa: DTZ006 - naive local time is the contract
    return MetaflowEvent(value["name"], value.get("id"), when, value.get("type", "event"))
