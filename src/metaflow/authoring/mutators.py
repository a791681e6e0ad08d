"""How users write code that changes a flow before it runs: mutators of steps and of flows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from metaflow.authoring.custom_base import Custom
from metaflow.authoring.custom_steps import StepCustom
from metaflow.authoring.mutation import FLOW_MUTATORS

if TYPE_CHECKING:
    from metaflow.authoring.mutable import MutableFlow, MutableStep


class StepMutator(StepCustom):
    """Base of what changes the decorators of the step that it stands on.

    It is used as `@M`, `@M()` or `@M(arguments)`. Every process that works with the flow calls
    it, so it must do the same each time.

    Examples
    --------
    >>> class robust(StepMutator):
    ...     def init(self, times=2):
    ...         self.times = times
    ...
    ...     def mutate(self, mutable_step):
    ...         mutable_step.add_decorator("retry", deco_kwargs={"times": self.times})
    """

    def pre_mutate(self, mutable_step: MutableStep) -> None:
        """Change the step once the values of configs are known."""

    def mutate(self, mutable_step: MutableStep) -> None:
        """Change the step after the decorators of the command line were added."""


class FlowMutator(Custom):
    """Base of what changes a flow: its parameters, its decorators and those of its steps.

    It is used as `@M`, `@M()` or `@M(arguments)` above a class, and inherited. Every process that
    works with the flow calls it, so it must do the same each time.

    Examples
    --------
    >>> class patient(FlowMutator):
    ...     def mutate(self, mutable_flow):
    ...         for name, step in mutable_flow.steps:
    ...             step.add_decorator("timeout", deco_kwargs={"hours": 1})
    """

    acts_on: ClassVar[str] = "flow"

    def pre_mutate(self, mutable_flow: MutableFlow) -> None:
        """Change the flow once the values of configs are known; parameters only here."""

    def mutate(self, mutable_flow: MutableFlow) -> None:
        """Change the steps after the decorators of the command line were added."""

    def _is_target(self, value: Any) -> bool:
        """A target is a subclass of FlowSpec."""
        return isinstance(value, type) and hasattr(value, "_flow_cls")

    def _refuse(self, target: Any) -> None:
        """Say what it stands on."""
        from metaflow.errors.definition import BadFlowDecoratorException

        raise BadFlowDecoratorException(type(self).__name__, target)

    def _stand_on(self, target: Any) -> None:
        """Add it to the class's mutators."""
        known: tuple[FlowMutator, ...] = vars(target).get(FLOW_MUTATORS, ())
        type.__setattr__(target, FLOW_MUTATORS, (*known, self))
