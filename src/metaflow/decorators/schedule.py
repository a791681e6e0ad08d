"""When a deployed flow starts by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from metaflow.authoring.flow_decorators import (
    FlowDecorator,
    FlowDecoratorSyntax,
    call_deploy_time,
    shown,
)
from metaflow.decorators.cron import cron_problem
from metaflow.model.flow_facts import FlowFacts, Schedule, Situation

WEEKLY: Final = "0 0 ? * SUN *"
HOURLY: Final = "0 * * * ? *"
DAILY: Final = "0 0 * * ? *"


class ScheduleDecorator(FlowDecorator):
    """Start a deployed flow at certain times; runs that are started by hand are as ever.

    Parameters
    ----------
    weekly : bool, default False
        Every Sunday at midnight.
    daily : bool, default True
        Every day at midnight, unless something else is chosen.
    hourly : bool, default False
        Every full hour.
    cron : str or callable, optional
        Minute, hour, day of the month, month, day of the week and perhaps year. A function is
        called when the flow is deployed, and returns the text.
    timezone : str or callable, optional
        IANA name of the time zone; UTC without it.
    """

    name = "schedule"
    defaults: ClassVar[Mapping[str, Any]] = {
        "cron": None,
        "weekly": False,
        "daily": True,
        "hourly": False,
        "timezone": None,
    }

    def check(self, flow: type, graph: Any) -> None:
        """Refuse times that are no times, and parameters that nobody would give."""
        del graph
        for field in ("weekly", "daily", "hourly"):
            value = self.attributes[field]
            if not isinstance(value, bool):
                raise self.invalid(f"{field}={value!r}", f"`{field}` is True or False")
        for field in ("cron", "timezone"):
            if not callable(self.attributes[field]):
                self._checked(field, self.attributes[field])
        if not self._is_on():
            return
        from metaflow.authoring.parameters import collect_parameters

        for _, parameter in collect_parameters(flow):
            if parameter.required and parameter.default is None:
                problem = (
                    f"nobody gives the required parameter `{parameter.name}` when the flow starts "
                    "by itself; give it a default"
                )
                raise self.invalid("", problem)

    def declare(self, facts: FlowFacts, situation: Situation) -> FlowFacts:
        """Say when; functions are asked when the flow is deployed."""
        given = self.attributes
        values = {}
        for field in ("cron", "timezone"):
            values[field] = given[field]
            if callable(given[field]):
                if situation.context is None:
                    return facts
                values[field] = call_deploy_time(given[field], situation.context)
                self._checked(field, values[field])
        if values["cron"] is None:
            chosen = [("weekly", WEEKLY), ("hourly", HOURLY), ("daily", DAILY)]
            values["cron"] = next((cron for field, cron in chosen if given[field]), None)
        if values["cron"] is None:
            return facts
        return facts._replace(schedule=Schedule(values["cron"], values["timezone"]))

    def _is_on(self) -> bool:
        return any(self.attributes[field] for field in ("cron", "weekly", "daily", "hourly"))

    def _checked(self, field: str, value: Any) -> None:
        if value is None:
            return
        given = f"{field}={shown(value)}"
        if not isinstance(value, str):
            raise self.invalid(given, f"`{field}` is a string, or a function that returns one")
        problem = cron_problem(value) if field == "cron" else timezone_problem(value)
        if problem is not None:
            raise self.invalid(given, problem)


def timezone_problem(name: str) -> str | None:
    """Say what is wrong with the name of a time zone; None if nothing is."""
    from zoneinfo import ZoneInfo, available_timezones

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        if not available_timezones():
            return None  # this machine knows no time zones; the scheduler's will
        return "there is no such time zone; an example of one is `Europe/Berlin`"
    return None


schedule: FlowDecoratorSyntax = FlowDecoratorSyntax(ScheduleDecorator)
