"""What can be wrong with a call of `run_step`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow.errors.base import MetaflowException

if TYPE_CHECKING:
    from collections.abc import Iterable


class StepCallInvalid(MetaflowException):
    """A step is to be run with what it does not take.

    Parameters
    ----------
    flow, step : str
        The step.
    problem : str
        What is wrong.
    known : iterable of str
        What could have been meant.
    """

    headline = "Step cannot be run"

    def __init__(self, flow: str, step: str, problem: str, known: Iterable[str] = ()) -> None:
        self.flow: str = flow
        self.step: str = step
        self.problem: str = problem
        names = ", ".join(f"`{name}`" for name in known)
        super().__init__(
            f"Step `{step}` of `{flow}`: {problem}.", hint=f"there is {names}" if names else None
        )
