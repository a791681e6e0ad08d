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


class InvalidFlowDecorator(MetaflowException):
    """An argument of a flow decorator makes no sense.

    Parameters
    ----------
    decorator : str
        Name of the decorator.
    place : tuple of str and int
        File and line of the decorator, where known.
    given : str
        The offending argument as written, or an empty text.
    allowed : str
        What would be right.
    """

    headline = "Invalid decorator"

    def __init__(
        self, decorator: str, place: tuple[str | None, int | None], given: str, allowed: str
    ) -> None:
        self.decorator = decorator
        shown = f"@{decorator}({given})" if given else f"@{decorator}"
        super().__init__(f"`{shown}` is not valid: {allowed}.", place[1], place[0])


class DecoratorUnavailable(MetaflowException):
    """A step or a flow asks for something that this installation does not have.

    Parameters
    ----------
    decorator : str
        Name of the decorator.
    step : str or None
        The step it stands on; None for the whole flow.
    needs : str, optional
        The back end that is missing.
    from_command_line : bool, default False
        It was added by `--with` or by the settings.
    """

    headline = "Not available yet"

    def __init__(
        self, decorator: str, step: str | None, needs: str = "", *, from_command_line: bool = False
    ) -> None:
        self.decorator = decorator
        self.step = step
        self.needs = needs
        subject = "The flow" if step is None else f"Step `{step}`"
        remedy = (
            f"leave out `--with {decorator}`" if from_command_line else f"remove `@{decorator}`"
        )
        super().__init__(
            f"{subject} has `@{decorator}`, which needs {needs or 'a back end'} that this version "
            "of Millrace does not have yet. It can check and show the flow, but not run it.",
            hint=f"{remedy} to run the flow here",
        )


class ProjectOptionConflict(MetaflowException):
    """The command line and `@project` say different things.

    Parameters
    ----------
    field : str
        `branch` or `production`.
    written : Any
        What the decorator says.
    chosen : Any
        What the option says.
    place : tuple of str and int
        File and line of the decorator, where known.
    """

    headline = "Conflicting project options"

    def __init__(
        self, field: str, written: Any, chosen: Any, place: tuple[str | None, int | None]
    ) -> None:
        self.field = field
        option = f"--{field}" if chosen is True else f"--{field} {chosen}"
        super().__init__(
            f"`@project({field}={written!r})` and `{option}` say different things.",
            place[1],
            place[0],
            hint=f"leave out the option, or remove `{field}` from the decorator",
        )


class TriggerOptionInvalid(MetaflowException):
    """`--trigger` names something that cannot have started this run.

    Parameters
    ----------
    pathspec : str
        What it names.
    problem : str
        What is wrong with it, as a clause.
    """

    headline = "Invalid trigger"

    def __init__(self, pathspec: str, problem: str) -> None:
        self.pathspec = pathspec
        super().__init__(
            f"`--trigger {pathspec}` cannot be used: {problem}.",
            hint="name a run that has succeeded, as `FlowName/run_id`",
        )
