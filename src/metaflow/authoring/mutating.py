"""In which order mutators are called, and when what users write is made for a composed flow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from metaflow.authoring.custom_base import CustomMeta, call_user
from metaflow.authoring.custom_steps import CustomStepDecorator
from metaflow.authoring.delayed import resolve
from metaflow.authoring.mutation import Change, declared_flow_mutators, flow_mutators
from metaflow.authoring.overlay import visible
from metaflow.authoring.steps import own_step, step_functions


def mutate(flow: type, phase: str, names: Mapping[str, Any]) -> None:
    """Call one method of all mutators: those of the flow first, inherited ones before own ones.

    Parameters
    ----------
    flow : type
        The flow class that is being composed.
    phase : {"pre_mutate", "mutate"}
        The method. Mutators that are added in the first phase are called as well.
    names : mapping
        Values of configs by name.

    Raises
    ------
    CustomCodeFailed
        A mutator has raised an exception.
    MetaflowException
        A mutator has asked for something that cannot be.
    """
    compute = partial(_resolve, names=names)
    if phase == "pre_mutate":
        for declared in declared_flow_mutators(flow):
            made = declared._instance_for(flow, compute(declared._args), compute(declared._kwargs))
            made._initialize()
            flow_mutators(flow).append(made)
    _make_steps_ready(flow, compute)
    called: set[int] = set()
    while (mutator := _next(flow, called)) is not None:
        called.add(id(mutator))
        _call_mutator(flow, mutator, phase, compute)


def is_mutated(flow: type) -> bool:
    """Tell whether there is a mutator on a flow, its bases or one of its steps."""
    return bool(declared_flow_mutators(flow)) or any(
        hasattr(getattr(decorator, "custom", None), "pre_mutate")
        for _, function in step_functions(flow)
        for decorator in function.decorators
    )


def make_step_decorator(kind: CustomMeta, attributes: Mapping[str, Any]) -> CustomStepDecorator:
    """Make what the command line adds; it is made ready with all others."""
    cls: Any = kind
    made = cls.__new__(cls)
    made._take_arguments((), attributes)
    return CustomStepDecorator(made)


def _resolve(value: Any, names: Mapping[str, Any]) -> Any:
    return resolve(value, names)


def _next(flow: type, called: set[int]) -> Any:
    """Find the first mutator that has not had its turn; the flow's come before the steps'."""
    waiting = [*flow_mutators(flow)]
    for _, function in step_functions(flow):
        waiting += (
            decorator.custom
            for decorator in function.decorators
            if hasattr(getattr(decorator, "custom", None), "pre_mutate")
        )
    return next((mutator for mutator in waiting if id(mutator) not in called), None)


def _call_mutator(flow: type, mutator: Any, phase: str, compute: Callable[[Any], Any]) -> None:
    from metaflow.authoring.mutable import MutableFlow

    seen: Any = MutableFlow(Change(flow, mutator, compute, is_early=phase == "pre_mutate"))
    if mutator.acts_on == "step":
        seen = seen.step(mutator._my_step.name)
    call_user(mutator, phase, seen)


def _make_steps_ready(flow: type, compute: Callable[[Any], Any]) -> None:
    for step, function in list(step_functions(flow)):
        if any(isinstance(known, CustomStepDecorator) for known in function.decorators):
            own_step(flow, step)
        for decorator in visible(flow)[step].decorators:
            if isinstance(decorator, CustomStepDecorator) and not decorator.is_ready:
                decorator.make_ready(flow, visible(flow)[step], compute)
