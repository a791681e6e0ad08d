"""What can be wrong with the arguments of a decorator."""

from __future__ import annotations

from typing import Any

from metaflow.errors.base import MetaflowException


class InvalidDecoratorValue(MetaflowException):
    """A decorator's argument makes no sense, or the decorator stands on the wrong step.

    Parameters
    ----------
    decorator : str
        Name of the decorator.
    step : str
        The step it stands on.
    node : object
        The step's graph node, for file and line.
    given : str
        The offending argument as written, or an empty text.
    allowed : str
        What would be right.
    """

    headline = "Invalid decorator"

    def __init__(self, decorator: str, step: str, node: Any, given: str, allowed: str) -> None:
        self.decorator = decorator
        self.step = step
        shown = f"@{decorator}({given})" if given else f"@{decorator}"
        super().__init__(
            f"`{shown}` on step `{step}` is not valid: {allowed}.",
            getattr(node, "line", None),
            getattr(node, "source_file", None),
        )


class DecoratorUnavailable(MetaflowException):
    """A step asks for something that this installation does not have.

    Parameters
    ----------
    decorator : str
        Name of the decorator.
    step : str
        The step it stands on.
    """

    headline = "Not available yet"

    def __init__(self, decorator: str, step: str) -> None:
        self.decorator = decorator
        self.step = step
        super().__init__(
            f"Step `{step}` has `@{decorator}`, which this version of Millrace can check and "
            "show but not run yet.",
            hint=f"remove `@{decorator}` to run the flow here",
        )
