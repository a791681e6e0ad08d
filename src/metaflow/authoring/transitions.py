"""What a call of `self.next` means, and every way in which it can be wrong."""

from __future__ import annotations

from collections.abc import Iterable
from operator import index
from typing import Any

from metaflow.authoring.state import PendingTransition, TaskState
from metaflow.authoring.steps import step_name
from metaflow.errors.definition import InvalidNextException

OPTIONS = frozenset({"foreach", "condition", "num_parallel"})


def resolve(
    flow: Any,
    state: TaskState,
    targets: tuple[Any, ...],
    options: dict[str, Any],
    place: tuple[str, int],
) -> PendingTransition:
    """Check one call of `self.next` and return the transition that it asks for.

    Parameters
    ----------
    flow : FlowSpec
        The instance whose step runs.
    state : TaskState
        What stands behind it.
    targets, options
        What `self.next` was called with.
    place : tuple of (str, int)
        File and line of the call.

    Raises
    ------
    InvalidNextException
        The call is not one of the forms that a step may end with.
    """

    def refuse(reason: str, hint: str | None = None) -> InvalidNextException:
        file, line = place
        return InvalidNextException(state.step, reason, line, file, hint)

    if state.transition is not None:
        raise refuse("`self.next` was called twice", "call it once, as the step's last line")
    unknown = sorted(options.keys() - OPTIONS)
    if unknown:
        raise refuse(
            f"`self.next` has no keyword `{unknown[0]}`",
            "the keywords are `foreach`, `condition` and `num_parallel`",
        )
    if not targets:
        raise refuse("`self.next` names no step", "name the step to run: `self.next(self.end)`")
    if "condition" in options or isinstance(targets[0], dict):
        for other in ("foreach", "num_parallel"):
            if other in options:
                raise refuse(f"`condition` can't be combined with `{other}`")
        return _switch(flow, targets, options, refuse)
    names = tuple(_target(flow, target, refuse) for target in targets)
    return _onward(flow, names, options, refuse)


def _onward(
    flow: Any, names: tuple[str, ...], options: dict[str, Any], refuse: Any
) -> PendingTransition:
    if "num_parallel" in options:
        if "foreach" in options:
            raise refuse("`num_parallel` can't be combined with `foreach`")
        return _gang(names, options["num_parallel"], refuse)
    if "foreach" not in options:
        return PendingTransition(names)
    if len(names) != 1:
        raise refuse("a `foreach` goes to exactly one step")
    return _foreach(flow, names, options["foreach"], refuse)


def _target(flow: Any, target: Any, refuse: Any) -> str:
    name = step_name(type(flow), target)
    if name is None:
        shown = getattr(target, "__name__", None) or repr(target)
        raise refuse(
            f"`{shown}` is not a step of this flow",
            "name steps as methods: `self.next(self.a)`, each marked with `@step`",
        )
    return name


def _foreach(flow: Any, targets: tuple[str, ...], var: Any, refuse: Any) -> PendingTransition:
    if not isinstance(var, str):
        raise refuse(
            f"`foreach` takes the name of an attribute, not a value of type `{type(var).__name__}`",
            "write `foreach='x'` to iterate over `self.x`",
        )
    values = _attribute(flow, var, "foreach", refuse)
    if not isinstance(values, Iterable) and not hasattr(values, "__getitem__"):
        raise refuse(
            f"`self.{var}` can't be iterated over: it is of type `{type(values).__name__}`",
            f"for so many tasks, write `self.{var} = range({values})`"
            if isinstance(values, int)
            else "a foreach takes a list, or another collection",
        )
    items = list(values)
    if not items:
        raise refuse(
            f"`self.{var}` has no items, so there is no task to run",
            "where that may happen, let a switch lead around the foreach",
        )
    is_unbounded = hasattr(type(values), "__unbounded_foreach__")
    if is_unbounded and not _takes_unbounded(flow, targets[0]):
        raise refuse(
            f"`self.{var}` is an unbounded input, which step `{targets[0]}` does not take",
            "give that step the decorator that belongs to the input",
        )
    return PendingTransition(targets, var, items, unbounded=is_unbounded)


def _takes_unbounded(flow: Any, step: str) -> bool:
    decorators = getattr(type(flow), step).decorators
    return any(getattr(decorator, "TAKES_UNBOUNDED", False) for decorator in decorators)


def _gang(targets: tuple[str, ...], size: Any, refuse: Any) -> PendingTransition:
    if len(targets) != 1:
        raise refuse("`num_parallel` goes to exactly one step")
    try:
        nodes = index(size)
    except TypeError:
        raise refuse(
            f"`num_parallel` takes a whole number, not a value of type `{type(size).__name__}`",
            "write `num_parallel=4`, or any expression that gives an int",
        ) from None
    return PendingTransition(targets, nodes=max(0, nodes))


def _switch(
    flow: Any, targets: tuple[Any, ...], options: dict[str, Any], refuse: Any
) -> PendingTransition:
    cases = targets[0]
    if not isinstance(cases, dict) or len(targets) != 1 or not cases:
        raise refuse(
            "`condition` needs exactly one dict of cases",
            "write `self.next({'yes': self.a, 'no': self.b}, condition='answer')`",
        )
    if "condition" not in options:
        raise refuse("a dict of cases needs `condition`, the name of the attribute that chooses")
    var = options["condition"]
    if not isinstance(var, str):
        raise refuse("`condition` takes the name of an attribute, as a string")
    steps = {key: _target(flow, target, refuse) for key, target in cases.items()}
    value = _attribute(flow, var, "condition", refuse)
    try:
        chosen = steps[value]
    except (KeyError, TypeError):
        known = ", ".join(repr(key) for key in steps)
        raise RuntimeError(
            f"The condition variable `self.{var}` has the value {value!r}, which matches no "
            f"case of `self.next`. Available cases: {known}"
        ) from None
    return PendingTransition((chosen,), condition=var)


def _attribute(flow: Any, var: str, keyword: str, refuse: Any) -> Any:
    try:
        return getattr(flow, var)
    except AttributeError:
        raise refuse(
            f"`{keyword}='{var}'` names an attribute that does not exist",
            f"set `self.{var}` before `self.next`",
        ) from None
