"""How long an attempt of a step may take."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from metaflow.authoring.step_decorators import DecoratorSyntax, StepDecorator
from metaflow.errors.base import MetaflowException
from metaflow.errors.decorator import InvalidDecoratorValue
from metaflow.protocols.step_hook import Attempt


class TimeoutException(MetaflowException):
    """A step took longer than its `@timeout`.

    Parameters
    ----------
    step : str
        The step.
    seconds : float
        How long it was allowed to take.
    """

    # The documented home of the name; what is stored says so.
    __module__ = "metaflow.plugins.timeout_decorator"

    headline = "@timeout"

    def __init__(self, step: str, seconds: float) -> None:
        self.step = step
        self.seconds = seconds
        minutes, rest = divmod(int(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        super().__init__(
            f"Step {step} timed out after {hours} hours, {minutes} minutes, {rest} seconds"
        )


class TimeoutDecorator(StepDecorator):
    """End an attempt that takes too long; the time starts anew with each attempt.

    Parameters
    ----------
    seconds, minutes, hours : int or float, default 0
        They are added up.
    """

    name = "timeout"
    defaults: ClassVar[Mapping[str, Any]] = {"seconds": 0, "minutes": 0, "hours": 0}
    precedence = 90

    def check(self, step: str, node: Any) -> None:
        """Refuse a time that is no time."""
        for unit, value in self.attributes.items():
            if not isinstance(value, int | float) or value < 0:
                given, allowed = f"{unit}={value!r}", "each unit is a number, 0 or more"
                raise InvalidDecoratorValue(self.name, step, node, given, allowed)
        if not self._seconds():
            allowed = "give it a time above 0, such as `@timeout(minutes=5)`"
            raise InvalidDecoratorValue(self.name, step, node, "", allowed)

    def around(self, attempt: Attempt, proceed: Callable[[], None]) -> None:
        """Interrupt the user's code when its time is up."""
        seconds = self._seconds()

        def interrupt(_signal: int, _frame: Any) -> None:
            raise TimeoutException(attempt.step, seconds)

        before = signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            proceed()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def _seconds(self) -> float:
        given = self.attributes
        return float(given["seconds"] + 60 * given["minutes"] + 3600 * given["hours"])


timeout: DecoratorSyntax = DecoratorSyntax(TimeoutDecorator)
