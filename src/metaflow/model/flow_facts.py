"""What a flow declares as a whole, after all its flow decorators have spoken."""

# No postponed annotations here: a NamedTuple would compile each of them at import.
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from metaflow.model.spec import Lack

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Project(NamedTuple):
    """Which flows belong together, and which of their variants this is."""

    name: str
    branch: str
    """Full name of the branch, such as `user.ada` or `prod`."""
    flow_name: str
    """Name of the flow among all deployments: `project.branch.Flow`."""
    is_production: bool


class Schedule(NamedTuple):
    """When a deployed flow starts by itself."""

    cron: str
    """Six fields: minute, hour, day of month, month, day of week, year; or the first five."""
    timezone: str | None = None
    """IANA name; None for UTC."""


class EventTrigger(NamedTuple):
    """An event that a deployed flow starts after."""

    name: str
    parameters: tuple[tuple[str, str], ...] | None = None
    """Parameter of the flow and field of the event; None maps fields of the same name."""


class FinishTrigger(NamedTuple):
    """A flow whose success a deployed flow starts after; None means the same as here."""

    flow: str
    project: str | None = None
    branch: str | None = None


class ExitHook(NamedTuple):
    """A function to call when a run is over."""

    function: str
    """A name in the flow's file, or a dotted path."""
    on_success: bool
    """Call it after a run that succeeded, and otherwise after one that failed."""
    options: Mapping[str, Any] = NOTHING


class Sensor(NamedTuple):
    """Something outside that a scheduler waits for before the flow starts."""

    kind: str
    attributes: Mapping[str, Any]


class FlowFacts(NamedTuple):
    """Frozen facts about a flow; flow decorators add to it, engine and compilers read it."""

    current: Mapping[str, Any] = NOTHING
    """Further values of `current`, as plain data."""
    system_tags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What the user is told before work starts."""
    project: Project | None = None
    schedule: Schedule | None = None
    events: tuple[EventTrigger, ...] = ()
    finishes: tuple[FinishTrigger, ...] = ()
    trigger_options: Mapping[str, Any] = NOTHING
    started_by: tuple[str, ...] = ()
    """Pathspecs of runs whose end this run is to believe it was started by."""
    exit_hooks: tuple[ExitHook, ...] = ()
    sensors: tuple[Sensor, ...] = ()
    unavailable: tuple[Lack, ...] = ()
    disabled: tuple[str, ...] = ()
    """Flow decorators that say of all steps that there is nothing to do."""


class Situation(NamedTuple):
    """In which circumstances the flow decorators are asked."""

    flow: str
    """Name of the flow."""
    owner: str | None = None
    """Who owns what is started: `METAFLOW_OWNER`, else the user; None if nothing tells."""
    options: Mapping[str, Any] = NOTHING
    """Values of the top-level options that the decorators have added; None if not given."""
    context: Any = None
    """What deploy-time functions are told when the flow is deployed; None otherwise, and
    then these functions are not called."""
