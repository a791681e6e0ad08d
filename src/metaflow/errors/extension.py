"""What can be wrong with what an extension package brings."""

from __future__ import annotations

from metaflow.errors.base import MetaflowException


class ExtensionBroken(MetaflowException):
    """Something of an extension package is asked for and cannot be imported.

    Parameters
    ----------
    name : str
        Name under which the extension registers it.
    target : str
        Full name of what should be imported.
    origin : str
        The distribution or folder of the extension.
    cause : Exception
        What importing raised.
    """

    headline = "Extension broken"

    def __init__(self, name: str, target: str, origin: str, cause: Exception) -> None:
        self.extension: str = name
        self.target: str = target
        self.origin: str = origin
        super().__init__(
            f"`{name}` of the extension package {origin} cannot be loaded: importing `{target}` "
            f"ended with {type(cause).__name__}: {cause}",
            hint="METAFLOW_DEBUG_EXT=1 shows what is loaded from where",
        )


class TaskDied(MetaflowException):
    """What hooks of plug-ins are told of a task that died without an exception.

    Parameters
    ----------
    step : str
        The step.
    attempt : int
        The attempt that tells of it.
    """

    headline = "Task died"

    def __init__(self, step: str, attempt: int) -> None:
        self.step: str = step
        self.attempt: int = attempt
        super().__init__(
            f"All attempts of step `{step}` before attempt {attempt} ended without an exception.",
            hint="look at the logs of the earlier attempts",
        )


class CommandChanged(MetaflowException):
    """A plug-in wants a task to be started by another command.

    Parameters
    ----------
    decorator : str
        Name of the plug-in.
    step : str
        The step.
    """

    headline = "Not available yet"

    def __init__(self, decorator: str, step: str) -> None:
        self.decorator: str = decorator
        self.step: str = step
        super().__init__(
            f"`@{decorator}` wants to start step `{step}` by a command of its own; this version "
            "of Millrace lets `runtime_step_cli` change `cli_args.env` only.",
            hint=f"remove `@{decorator}` to run the step here",
        )
