"""How often a step is tried again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from metaflow.authoring.step_decorators import DecoratorSyntax, StepDecorator
from metaflow.errors.decorator import InvalidDecoratorValue
from metaflow.model.spec import MAX_ATTEMPTS, StepSpec

MAX_RETRIES = MAX_ATTEMPTS - 2
"""One attempt is the first, one is left for a fallback."""


class RetryDecorator(StepDecorator):
    """Try the step again when it fails.

    Parameters
    ----------
    times : int, default 3
        How many further attempts there are.
    minutes_between_retries : int, default 2
        How long schedulers wait before each; a local run tries again at once.
    """

    name = "retry"
    defaults: ClassVar[Mapping[str, Any]] = {"times": 3, "minutes_between_retries": 2}

    def check(self, step: str, node: Any) -> None:
        """Refuse counts that the engine could not honour."""
        times, wait = self.attributes["times"], self.attributes["minutes_between_retries"]
        if not isinstance(times, int) or not 0 <= times <= MAX_RETRIES:
            allowed = f"`times` is a whole number from 0 to {MAX_RETRIES}"
            raise InvalidDecoratorValue(self.name, step, node, f"times={times!r}", allowed)
        if not isinstance(wait, int | float) or wait < 0:
            allowed = "`minutes_between_retries` is a number, 0 or more"
            given = f"minutes_between_retries={wait!r}"
            raise InvalidDecoratorValue(self.name, step, node, given, allowed)

    def declare(self, spec: StepSpec) -> StepSpec:
        """Raise the step's number of retries."""
        return spec._replace(
            retries=max(spec.retries, self.attributes["times"]),
            retry_wait_s=self.attributes["minutes_between_retries"] * 60.0,
        )


retry: DecoratorSyntax = DecoratorSyntax(RetryDecorator)
