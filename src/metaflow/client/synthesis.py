"""Facts and private artifacts that are made from what is known, instead of stored per task."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from metaflow.client.view import local_time
from metaflow.model.foreach_frame import ForeachFrame
from metaflow.model.records import ARTIFACTS_DROPPED, PARAMETERS_STEP
from metaflow.model.task import Transition
from metaflow.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from metaflow.client.task_view import TaskView
    from metaflow.client.view import AttemptView
    from metaflow.metadata_store.facts import AttemptFacts
    from metaflow.model.task import Frame

OF_PARAMETERS_TASK: Final = frozenset({"start_step", "end_step"})
"""Facts of the run that just its `_parameters` task shows."""

REGISTERED: Final = "_task_metadata"
"""Artifact that holds what hooks of plug-ins have registered about their task."""

LISTS: Final = frozenset({"foreach-stack"})
"""Facts whose value is a list."""


class Fact(NamedTuple):
    """One fact about a task, as the client will show it."""

    name: str
    value: Any
    created_at: datetime
    type: str


def facts_of(view: TaskView) -> Iterator[Fact]:
    """Tell all facts about a task, oldest first; those of one attempt if one is selected."""
    at = local_time(view.facts.created_at)
    for name, value in _lasting(view):
        yield Fact(name, value, at, name)
    origin = view.origin()
    while origin is not None:
        yield from _recorded(origin)
        origin = origin.origin()
    for attempt in view.attempts():
        yield from _of_attempt(attempt)
    yield from _recorded(view)
    yield from _registered(view)


def foreach_frames(view: TaskView) -> list[Frame]:
    """Return the open foreaches around a task; static splits have no variable."""
    return [frame for frame in view.frames() if frame.var is not None]


def _lasting(view: TaskView) -> Iterator[tuple[str, Any]]:
    run = view.run
    yield "user", run.facts.user
    for name, value in run.metadata.items():
        if name != "user" and (name not in OF_PARAMETERS_TASK or _is_parameters(view)):
            yield name, value
    # Tools expect the text `None` here for a run that was not resumed.
    yield "origin-run-id", str(run.facts.origin_run_id)
    if view.facts.origin_task_id is not None:
        yield "origin-task-id", view.facts.origin_task_id
    frames = foreach_frames(view)
    if frames:
        settings = load_settings()
        if settings.include_foreach_stack:
            most = settings.maximum_foreach_value_chars
            yield "foreach-stack", [f"{frame.var}={_label(view, frame, most)}" for frame in frames]
        yield "foreach-execution-path", ",".join(f"{frame.step}:{frame.index}" for frame in frames)


def _of_attempt(attempt: AttemptFacts) -> Iterator[Fact]:
    number = str(attempt.number)
    if attempt.started_at is not None:
        yield Fact("attempt", number, local_time(attempt.started_at), "attempt")
    if attempt.ended_at is not None:
        at = local_time(attempt.ended_at)
        if attempt.started_at is None:
            yield Fact("attempt", number, at, "attempt")
        yield Fact("attempt_ok", str(bool(attempt.ok)), at, "internal_attempt_status")
        yield Fact("attempt-done", number, at, "attempt-done")


def _recorded(view: TaskView) -> Iterator[Fact]:
    for free in view.run.catalog.free_facts(view.run.facts.key, view.task_id):
        if view.selected is None or free.attempt == view.selected:
            yield Fact(free.name, free.value, local_time(free.at), free.name)


def _registered(view: TaskView) -> Iterator[Fact]:
    """Tell what hooks of plug-ins have registered in the task."""
    stored = view.stored
    ref = None if stored is None else stored.ref(REGISTERED)
    # As an artifact of theirs it is not among what is always kept.
    if stored is not None and ref is not None and ARTIFACTS_DROPPED not in view.run.metadata:
        for fact in stored.load(ref):
            yield Fact(fact["field"], fact["value"], local_time(fact["at"]), fact["type"])


def _is_parameters(view: TaskView) -> bool:
    return view.facts.step == PARAMETERS_STEP


# --- private artifacts ---


def made_value(view: TaskView, stored: AttemptView, name: str) -> Any:
    """Return the value of a private artifact that no manifest holds.

    Parameters
    ----------
    view : TaskView
        The task.
    stored : AttemptView
        The attempt.
    name : str
        One of `MADE`.
    """
    return MADE[name](view, stored)


def _task_ok(view: TaskView, _stored: AttemptView) -> bool:
    return bool(view.now().ok)


def _success(view: TaskView, _stored: AttemptView) -> bool:
    facts = view.now()
    return bool(facts.ok and not facts.handled)


def _transition(view: TaskView, stored: AttemptView) -> tuple[list[str], str | None] | None:
    run = view.run
    text = run.catalog.transition(run.facts.key, view.task_id, stored.attempt)
    if text is None:
        return None
    transition = Transition.from_json(json.loads(text))
    return list(transition.targets), transition.var


def _foreach_stack(view: TaskView, _stored: AttemptView) -> list[ForeachFrame]:
    return [
        ForeachFrame(frame.step, frame.var, frame.count, frame.index, _item(view, frame))
        for frame in foreach_frames(view)
    ]


def _label(view: TaskView, frame: Frame, most: int) -> str:
    """Show the item of a foreach as a short text."""
    return (str(_item(view, frame)) if frame.label is None else frame.label)[:most]


def _item(view: TaskView, frame: Frame) -> Any:
    """Load the item that a foreach gave to a task, from where the splitting task left it."""
    if frame.is_gang:
        return frame.index
    run = view.run
    items = frame.items
    if items is not None:
        return run.read(lambda artifacts: artifacts.load_item(items, frame.index))
    (manifest,) = run.catalog.manifests(run.facts.key, [frame.task_id])
    ref = manifest.get(frame.var or "")
    if ref is None:
        return frame.label
    return next(
        islice(
            cast("Iterable[Any]", run.read(lambda artifacts: artifacts.load(ref))),
            frame.index,
            None,
        ),
        None,
    )


def _current_step(view: TaskView, _stored: AttemptView) -> str:
    return view.facts.step


MADE: Final[dict[str, Callable[[TaskView, AttemptView], Any]]] = {
    "_task_ok": _task_ok,
    "_success": _success,
    "_transition": _transition,
    "_foreach_stack": _foreach_stack,
    "_current_step": _current_step,
}
