"""What can be wrong with decorators and mutators that users write."""

from __future__ import annotations

from collections.abc import Iterable

from metaflow.errors.base import MetaflowException
from metaflow.errors.definition import quoted


class CustomDecoratorInvalid(MetaflowException):
    """A decorator that a user has written, or a use of it, does not follow the protocol.

    Parameters
    ----------
    decorator : str
        Its name.
    problem : str
        What is wrong, as the end of a sentence.
    step : str, optional
        The step it stands on.
    """

    headline = "Invalid custom decorator"

    def __init__(
        self,
        decorator: str,
        problem: str,
        step: str | None = None,
        lineno: int | None = None,
        source_file: str | None = None,
    ) -> None:
        self.decorator = decorator
        self.problem = problem
        self.step = step
        at_step = "" if step is None else f" on step `{step}`"
        super().__init__(f"Decorator `@{decorator}`{at_step}: {problem}.", lineno, source_file)


class DecoratorAmbiguous(MetaflowException):
    """Several loaded decorators have the name that was given."""

    headline = "Ambiguous decorator"

    def __init__(self, decorator: str, candidates: Iterable[str]) -> None:
        self.decorator = decorator
        self.candidates: tuple[str, ...] = tuple(sorted(candidates))
        super().__init__(
            f"There are several decorators `{decorator}`: {quoted(self.candidates)}.",
            hint="give the name of the module, too",
        )


class CustomCodeFailed(MetaflowException):
    """A decorator or mutator that a user has written has raised an exception.

    Parameters
    ----------
    name : str
        Its class.
    method : str
        What was called.
    trace : str
        The exception's traceback, from the user's code on.
    """

    headline = "Custom decorator failed"

    def __init__(self, name: str, method: str, trace: str) -> None:
        self.name = name
        self.method = method
        self.trace = trace
        super().__init__(f"The method `{method}` of `{name}` has raised an exception:\n{trace}")


class MutationNotAllowed(MetaflowException):
    """A mutator asks for a change that it cannot make, or not in this phase."""

    headline = "Change not allowed"


class MutationConflict(MetaflowException):
    """A mutator adds what is there already, or names what is not there."""

    headline = "Change not possible"
