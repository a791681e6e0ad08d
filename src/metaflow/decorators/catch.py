"""How a step's failure becomes an artifact instead of the end of the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from metaflow.authoring.step_decorators import DecoratorSyntax, StepDecorator
from metaflow.errors.base import MetaflowException
from metaflow.errors.decorator import InvalidDecoratorValue
from metaflow.model.spec import StepSpec
from metaflow.protocols.step_hook import Attempt
from metaflow.task.report import exception_artifact, print_failure

if TYPE_CHECKING:
    from metaflow.errors.task import MetaflowExceptionWrapper

FALLBACKS = 3
"""Attempts to record a failure that did not end in an exception of the step."""


class FailureHandledByCatch(MetaflowException):
    """A task failed without an exception that a step can catch.

    Its process was killed, say for lack of memory, or ended by `sys.exit`, or its artifacts
    could not be stored.

    Parameters
    ----------
    attempt : int
        The attempt that recorded the failure.
    """

    # The documented home of the name; what is stored says so.
    __module__ = "metaflow.plugins.catch_decorator"

    headline = "Task execution killed but handled by @catch"

    def __init__(self, attempt: int) -> None:
        self.attempt = attempt
        super().__init__(
            "The last attempt ended without an exception that the step could catch, and the "
            f"failure was handled by `@catch` in attempt {attempt}.",
            hint="look at the logs of the earlier attempts",
        )


class CatchDecorator(StepDecorator):
    """Store a failure in an artifact and go on.

    Parameters
    ----------
    var : str, optional
        Artifact that holds the exception, or None when the step succeeded.
    print_exception : bool, default True
        Print the traceback to the task's log.
    """

    name = "catch"
    defaults: ClassVar[Mapping[str, Any]] = {"var": None, "print_exception": True}
    precedence = 0

    def check(self, step: str, node: Any) -> None:
        """Refuse steps whose transition depends on what the failed code would have said."""
        if node.type in {"foreach", "split-switch"}:
            kind = "foreach" if node.type == "foreach" else "switch"
            reason = f"a {kind} step can't go on without its code: catch in the steps after it"
            raise InvalidDecoratorValue(self.name, step, node, "", reason)

    def declare(self, spec: StepSpec) -> StepSpec:
        """Ask for fallback attempts that record the death of a process."""
        return spec._replace(fallbacks=FALLBACKS)

    def around(self, attempt: Attempt, proceed: Callable[[], None]) -> None:
        """Take the last failure upon this hook."""
        if attempt.fallback:
            self._handle(attempt, FailureHandledByCatch(attempt.number))
            return
        try:
            proceed()
        except Exception as error:
            if not attempt.last:
                raise
            self._handle(attempt, error)
        else:
            self._store(attempt, None)

    def _handle(self, attempt: Attempt, error: Exception) -> None:
        if self.attributes["print_exception"]:
            print_failure(attempt.flow, error)
        self._store(attempt, exception_artifact(error))
        attempt.handled = error

    def _store(self, attempt: Attempt, value: MetaflowExceptionWrapper | None) -> None:
        if self.attributes["var"]:
            setattr(attempt.flow, self.attributes["var"], value)


catch: DecoratorSyntax = DecoratorSyntax(CatchDecorator)
