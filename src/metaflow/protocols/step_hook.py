"""What the code behind a step decorator promises to the task and the compilers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from metaflow.model.spec import StepSpec
from metaflow.model.task import GangPlace


class Attempt:
    """One attempt as the hooks around it see it.

    Attributes
    ----------
    flow : FlowSpec
        The instance whose step runs.
    step : str
        Name of the step.
    number : int
        Number of this attempt, from 0.
    last : bool
        No retry of the user's code follows.
    fallback : bool
        Earlier attempts died without an exception; the user's code does not run again.
    afterwards : list of callable
        Hooks add what shall be called when the attempt's artifacts are stored; it is told
        whether the attempt went well.
    gang : GangPlace or None
        Which member of a gang this is; None if the task runs on its own.
    inputs : Inputs or None
        What a join is called with besides the flow.
    next_arguments : dict or None
        A hook wants the step's `self.next` to be done for it, with these keywords.
    handled : BaseException or None
        The failure that a hook took upon itself: the task counts as finished and follows
        its static transition.
    """

    __slots__ = (
        "afterwards",
        "fallback",
        "flow",
        "gang",
        "handled",
        "inputs",
        "last",
        "next_arguments",
        "number",
        "step",
    )

    def __init__(
        self,
        flow: Any,
        step: str,
        number: int,
        *,
        last: bool,
        fallback: bool,
        gang: GangPlace | None = None,
    ) -> None:
        self.flow: Any = flow
        self.step: str = step
        self.number: int = number
        self.last: bool = last
        self.fallback: bool = fallback
        self.gang: GangPlace | None = gang
        self.handled: BaseException | None = None
        self.inputs: Any = None
        self.afterwards: list[Callable[[bool], None]] = []
        self.next_arguments: dict[str, Any] | None = None


class StepHook(Protocol):
    """A step decorator at work: it declares facts before the run and wraps each attempt."""

    @property
    def name(self) -> str:
        """What stands behind the `@`."""
        ...

    @property
    def precedence(self) -> int:
        """Hooks with a lower number wrap those with a higher one."""
        ...

    def declare(self, spec: StepSpec) -> StepSpec:
        """Add this decorator's facts to the step's."""
        ...

    def around(self, attempt: Attempt, proceed: Callable[[], None]) -> None:
        """Run the attempt by calling `proceed`, which runs inner hooks and the user's code."""
        ...
