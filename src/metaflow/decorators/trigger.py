"""Which events, and the end of which other flows, a deployed flow starts after."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from metaflow.authoring.flow_decorators import (
    FlowDecorator,
    FlowDecoratorSyntax,
    call_deploy_time,
    shown,
)
from metaflow.decorators.cron import cron_problem
from metaflow.decorators.schedule import timezone_problem
from metaflow.errors.decorator import TriggerOptionInvalid
from metaflow.model.flow_facts import EventTrigger, FinishTrigger, FlowFacts, Situation

EVENT_KEYS: Final = {"name", "parameters"}
FLOW_KEYS: Final = {"name", "project", "project_branch"}
PAIR: Final = 2


class _Trigger(FlowDecorator):
    """What `@trigger` and `@trigger_on_finish` have in common: one or several, and options."""

    one: ClassVar[str]
    several: ClassVar[str]

    def check(self, flow: type, graph: Any) -> None:
        """Refuse what names nothing; functions are asked when the flow is deployed."""
        del graph
        self._check_options()
        for field, value in self._listed():
            if not callable(value):
                self._check_one(field, value, flow)

    def _listed(self) -> list[tuple[str, Any]]:
        """List what the flow starts after, each with the argument that it was given in."""
        one, several = self.attributes[self.one], self.attributes[self.several]
        if one is not None and several:
            problem = f"use `{self.one}` for one and `{self.several}` for several, not both"
            raise self.invalid("", problem)
        if one is not None:
            return [(self.one, one)]
        if callable(several):
            return [(self.several, several)]
        if not isinstance(several, list | tuple):
            given = f"{self.several}={shown(several)}"
            raise self.invalid(given, f"`{self.several}` is a list")
        if not several:
            raise self.invalid("", f"it needs `{self.one}` or `{self.several}`")
        return [(self.several, value) for value in several]

    def _settled(self, situation: Situation) -> list[tuple[str, Any]] | None:
        """Ask the functions; None when this is not the time to."""
        found: list[tuple[str, Any]] = []
        for field, value in self._listed():
            if not callable(value):
                found.append((field, value))
                continue
            if situation.context is None:
                return None
            made = call_deploy_time(value, situation.context)
            many = made if field == self.several and isinstance(made, list | tuple) else [made]
            found.extend((field, item) for item in many)
        return found

    def _check_one(self, field: str, value: Any, flow: type | None) -> None:
        raise NotImplementedError

    def _check_options(self) -> None:
        options = self.attributes["options"]
        if not isinstance(options, Mapping):
            raise self.invalid(f"options={shown(options)}", "`options` is a dict")
        reset = options.get("reset_at")
        if reset is None:
            return
        given = f"options={{'reset_at': {shown(reset)}}}"
        if not isinstance(reset, Mapping) or not isinstance(reset.get("cron"), str):
            raise self.invalid(given, "`reset_at` is a dict with `cron` and perhaps `timezone`")
        problem = cron_problem(reset["cron"])
        if problem is None and reset.get("timezone"):
            problem = timezone_problem(str(reset["timezone"]))
        if problem is not None:
            raise self.invalid(given, problem)


class TriggerDecorator(_Trigger):
    """Start a deployed flow when something has happened outside.

    Parameters
    ----------
    event : str, dict or callable, optional
        Name of the event, or a dict of `name` and `parameters`, which says what parameter takes
        which field of the event: as a dict, or as a list of names and of pairs. A function is
        called when the flow is deployed, and returns one of these.
    events : list, optional
        Several of these; the flow starts when all have happened.
    options : dict, optional
        What the scheduler takes, such as `reset_at`.
    """

    name = "trigger"
    defaults: ClassVar[Mapping[str, Any]] = {"event": None, "events": [], "options": {}}
    one = "event"
    several = "events"

    def declare(self, facts: FlowFacts, situation: Situation) -> FlowFacts:
        """Say which events; functions are asked when the flow is deployed."""
        values = self._settled(situation)
        if values is None:
            return facts
        for field, value in values:
            self._check_one(field, value, None)
        events = [self._event(value, situation) for _, value in values]
        return facts._replace(
            events=(*facts.events, *events), trigger_options=self.attributes["options"]
        )

    def _event(self, value: Any, situation: Situation) -> EventTrigger:
        if isinstance(value, str):
            return EventTrigger(value)
        name, parameters = value["name"], value.get("parameters")
        if callable(name):
            name = call_deploy_time(name, situation.context)
        if callable(parameters):
            parameters = call_deploy_time(parameters, situation.context)
        pairs = _pairs(parameters)
        if not isinstance(name, str) or isinstance(pairs, str):
            problem = pairs if isinstance(pairs, str) else "the name of an event is a string"
            raise self.invalid(f"event={shown(value)}", problem)
        return EventTrigger(name, pairs)

    def _check_one(self, field: str, value: Any, flow: type | None) -> None:
        given = f"{field}={shown(value)}"
        if isinstance(value, str):
            if not value.strip():
                raise self.invalid(given, "the name of an event has at least one character")
            return
        if not isinstance(value, Mapping):
            raise self.invalid(given, "an event is a name, a dict or a function")
        if unknown := sorted(str(key) for key in value.keys() - EVENT_KEYS):
            problem = f"an event has `name` and `parameters`, and `{unknown[0]}` is neither"
            raise self.invalid(given, problem)
        name, parameters = value.get("name"), value.get("parameters")
        if not callable(name) and (not isinstance(name, str) or not name.strip()):
            raise self.invalid(given, "an event needs a `name`")
        if callable(parameters):
            return
        pairs = _pairs(parameters)
        if isinstance(pairs, str):
            raise self.invalid(given, pairs)
        if flow is not None:
            self._check_parameters(given, [parameter for parameter, _ in pairs or ()], flow)

    def _check_parameters(self, given: str, names: list[str], flow: type) -> None:
        from metaflow.authoring.parameters import collect_parameters, normalized

        known = {normalized(parameter.name) for _, parameter in collect_parameters(flow)}
        for name in names:
            if normalized(name) not in known:
                raise self.invalid(given, f"the flow has no parameter `{name}`")


def _pairs(parameters: Any) -> tuple[tuple[str, str], ...] | str | None:
    """Read which parameter takes which field; a string says what is wrong."""
    if parameters is None:
        return None
    pairs: list[tuple[Any, Any]] = []
    if isinstance(parameters, Mapping):
        pairs = list(parameters.items())
    elif isinstance(parameters, list | tuple):
        for item in parameters:
            if isinstance(item, str):
                pairs.append((item, item))
            elif isinstance(item, list | tuple) and len(item) == PAIR:
                pairs.append((item[0], item[1]))
            else:
                return "a list of `parameters` has names, and pairs of a parameter and a field"
    else:
        return "`parameters` is a dict, a list or a function"
    if not all(isinstance(text, str) and text for pair in pairs for text in pair):
        return "parameters and fields are named by strings"
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        return "no parameter can take two fields"
    return tuple(pairs)


class TriggerOnFinishDecorator(_Trigger):
    """Start a deployed flow when other flows have succeeded.

    Parameters
    ----------
    flow : str, dict or callable, optional
        Name of the flow, `project.branch.Flow`, or a dict of `name`, `project` and
        `project_branch`. What is missing is as for this flow. A function is called when the
        flow is deployed, and returns one of these.
    flows : list, optional
        Several of these; the flow starts when all have succeeded.
    options : dict, optional
        What the scheduler takes, such as `reset_at`.
    """

    name = "trigger_on_finish"
    defaults: ClassVar[Mapping[str, Any]] = {"flow": None, "flows": [], "options": {}}
    options: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "trigger": {
            "multiple": True,
            "metavar": "FLOW/RUN",
            "help": "Run as if the end of this run had started the flow. May be repeated.",
        }
    }
    one = "flow"
    several = "flows"

    def declare(self, facts: FlowFacts, situation: Situation) -> FlowFacts:
        """Say which flows, and which runs are to stand for them here."""
        given: Any = situation.options.get("trigger")
        started_by: tuple[str, ...] = tuple(given) if given else ()
        for pathspec in started_by:
            if len([part for part in pathspec.split("/") if part]) != PAIR:
                raise TriggerOptionInvalid(pathspec, "it is not the name of a run")
        facts = facts._replace(started_by=(*facts.started_by, *started_by))
        values = self._settled(situation)
        if values is None:
            return facts
        for field, value in values:
            self._check_one(field, value, None)
        finishes = [_finish(value, situation) for _, value in values]
        return facts._replace(
            finishes=(*facts.finishes, *finishes), trigger_options=self.attributes["options"]
        )

    def _check_one(self, field: str, value: Any, flow: type | None) -> None:
        del flow
        given = f"{field}={shown(value)}"
        if isinstance(value, str):
            if not re.fullmatch(r"(?:[^.]+\..+\.)?[^.]+", value):
                raise self.invalid(given, "a flow is `Flow` or `project.branch.Flow`")
            return
        if not isinstance(value, Mapping):
            raise self.invalid(given, "a flow is a name, a dict or a function")
        if unknown := sorted(str(key) for key in value.keys() - FLOW_KEYS):
            known = "`name`, `project` and `project_branch`"
            raise self.invalid(given, f"a flow has {known}, and `{unknown[0]}` is none of them")
        for key in FLOW_KEYS:
            part = value.get(key)
            if (part is None and key == "name") or not (
                part is None or callable(part) or (isinstance(part, str) and part)
            ):
                raise self.invalid(given, f"`{key}` is a string or a function")


def _finish(value: Any, situation: Situation) -> FinishTrigger:
    if isinstance(value, str):
        around, _, flow = value.rpartition(".")
        named, _, branch = around.partition(".")
        return FinishTrigger(flow, named or None, branch or None)
    parts = [value.get(key) for key in ("name", "project", "project_branch")]
    if situation.context is not None:
        parts = [call_deploy_time(p, situation.context) if callable(p) else p for p in parts]
    name, *rest = [None if callable(part) else part for part in parts]
    return FinishTrigger(name or "", *rest)


trigger: FlowDecoratorSyntax = FlowDecoratorSyntax(TriggerDecorator)
trigger_on_finish: FlowDecoratorSyntax = FlowDecoratorSyntax(TriggerOnFinishDecorator)
