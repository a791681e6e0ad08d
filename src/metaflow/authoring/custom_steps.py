"""How a decorator that a user has written takes part in an attempt of a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

from metaflow.authoring.custom_base import Custom
from metaflow.authoring.step_decorators import StepDecorator
from metaflow.authoring.steps import StepFunction
from metaflow.errors.definition import BadStepDecoratorException
from metaflow.protocols.step_hook import Attempt


class StepCustom(Custom):
    """What stands above a step."""

    _my_step: StepFunction
    """The step, as the composed flow has it."""

    def _is_target(self, value: Any) -> bool:
        """A target is a method that `@step` has marked."""
        return bool(callable(value) and getattr(value, "is_step", False))

    def _is_mistaken(self, value: Any) -> bool:
        """A method without `@step` is no argument."""
        code = getattr(value, "__code__", None)
        is_method = code is not None and code.co_varnames[:1] == ("self",)
        return is_method and not self._is_target(value)

    def _refuse(self, target: Any) -> None:
        """Say that `@step` comes first."""
        raise BadStepDecoratorException(type(self).__name__, target)

    def _stand_on(self, target: Any) -> None:
        """Add it to the step's decorators."""
        target.decorators.append(CustomStepDecorator(self))


class CustomStepDecorator(StepDecorator):
    """Adapter: what the engine and the graph see of a user's decorator or mutator.

    Parameters
    ----------
    custom : StepCustom
        What stands above the step; once composed, the instance that works there.
    """

    # Inside of all built-in ones: the user's code is what these are about.
    precedence: ClassVar[int] = 95

    def __init__(self, custom: StepCustom) -> None:
        self.custom: StepCustom = custom
        self.is_ready: bool = False
        super().__init__({}, statically_defined=custom.statically_defined)
        self.describe()

    def describe(self) -> None:
        """Show the arguments where the attributes of built-in decorators are."""
        short, _, args, kwargs = self.custom._spec()
        vars(self)["name"] = short  # one adapter class for all
        self.given: dict[str, Any] = {**({"_args": args} if args else {}), **kwargs}
        self.attributes: dict[str, Any] = dict(self.given)
        self.statically_defined: bool = self.custom.statically_defined
        self.inserted_by: list[str] | None = self.custom.inserted_by

    def is_like(self, other: StepDecorator) -> bool:
        """Tell whether another one adapts the same class."""
        return type(getattr(other, "custom", None)) is type(self.custom)

    def assign(self, attributes: Mapping[str, Any]) -> None:
        """Take nothing: arguments are the user's instance's own."""

    def clone(self) -> Self:
        """Make one that has still to be composed."""
        twin = super().clone()
        twin.is_ready = False
        return twin

    def make_ready(self, flow: type, step: Any, resolve: Callable[[Any], Any]) -> None:
        """Make the instance that works on a step of a composed flow."""
        custom = self.custom
        made: StepCustom = custom._instance_for(
            flow, resolve(custom._args), resolve(custom._kwargs)
        )
        made._my_step = step
        self.custom = made
        self.is_ready = True
        self.describe()
        made._initialize()

    def around(self, attempt: Attempt, proceed: Callable[[], None]) -> None:
        """Let the user's decorator do its part, if it has one while the step runs."""
        run: Callable[[Attempt, Callable[[], None]], None] | None
        run = getattr(self.custom, "_metaflow_around", None)
        if run is None:
            proceed()
            return
        run(attempt, proceed)
        if attempt.next_arguments is not None and self._is_outermost(attempt):
            # Whatever the decorators further inside have set counts by now.
            from metaflow.authoring.static_next import go_on

            arguments, attempt.next_arguments = attempt.next_arguments, None
            go_on(attempt.flow, attempt.step, arguments)

    def _is_outermost(self, attempt: Attempt) -> bool:
        decorators = getattr(type(attempt.flow), attempt.step).decorators
        return self is next(known for known in reversed(decorators) if _runs_with_a_step(known))


def _runs_with_a_step(decorator: Any) -> bool:
    return hasattr(getattr(decorator, "custom", None), "_metaflow_around")
