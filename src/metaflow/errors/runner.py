"""What can keep a program from starting a flow, and what it learns when the flow fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow.errors.base import MetaflowException

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# --- the flow ---


class FlowFileNotFound(MetaflowException, FileNotFoundError):
    """The flow's file does not exist."""

    headline = "Flow file not found"

    def __init__(self, path: str) -> None:
        self.path: str = path
        super().__init__(
            f"There is no flow file `{path}`.",
            hint="a relative path is looked up in the program's working directory, then in `cwd`",
        )


class FlowNotUnique(MetaflowException):
    """A file defines no flow, or more than one that could be meant."""

    headline = "Flow not found"

    def __init__(self, path: str, names: Sequence[str]) -> None:
        self.path: str = path
        self.names: tuple[str, ...] = tuple(names)
        found = ", ".join(f"`{name}`" for name in names)
        what = f"several flows ({found})" if names else "no class that inherits from `FlowSpec`"
        super().__init__(f"The file `{path}` has {what}.", hint="a flow file has one flow")


class FlowNotImportable(MetaflowException):
    """A child process could not find the flow's class again."""

    headline = "Flow cannot be run"

    def __init__(self, flow: str, problem: str, hint: str | None = None) -> None:
        self.flow: str = flow
        self.problem: str = problem
        super().__init__(
            f"The flow `{flow}` can't be run in a process of its own: {problem}.",
            hint=hint or "define the class at the top level of a file or a notebook cell",
        )


class RunDuringImport(MetaflowException):
    """A module starts a flow while it is being imported for another run."""

    headline = "Flow started during import"

    def __init__(self, module: str) -> None:
        self.module: str = module
        super().__init__(
            f"`{module}` starts a flow when it is imported, and each process of a run imports it.",
            hint='put the call under `if __name__ == "__main__":`',
        )


# --- its arguments ---


class UnknownArgument(MetaflowException, ValueError):
    """A command has no option of this name."""

    headline = "Unknown argument"

    def __init__(self, name: str, command: str, known: Iterable[str]) -> None:
        from difflib import get_close_matches

        self.name: str = name
        self.command: str = command
        self.known: tuple[str, ...] = tuple(sorted(known))
        similar = get_close_matches(name, self.known, 1)
        super().__init__(
            f"Unknown argument: '{name}'. `{command}` does not take it.",
            hint=f"did you mean `{similar[0]}`?"
            if similar
            else "it takes " + ", ".join(f"`{one}`" for one in self.known),
        )


class MissingArgument(MetaflowException, ValueError):
    """A command needs an argument that was not given."""

    headline = "Missing argument"

    def __init__(self, name: str, command: str) -> None:
        self.name: str = name
        self.command: str = command
        super().__init__(f"Missing argument: `{command}` needs '{name}'.")


class ArgumentTypeWrong(MetaflowException, TypeError):
    """An argument is of another type than the command's option."""

    headline = "Wrong type of argument"

    def __init__(self, name: str, command: str, value: object, expected: str) -> None:
        self.name: str = name
        self.command: str = command
        self.expected: str = expected
        self.given: str = type(value).__name__
        super().__init__(
            f"The argument '{name}' of `{command}` is of type `{self.given}`, not {expected}."
        )


# --- how it went ---


class RunNotStarted(MetaflowException, RuntimeError):
    """The child process ended before there was a run, or took too long."""

    headline = "Run not started"

    def __init__(self, command: Sequence[str], reason: str, stdout: str, stderr: str) -> None:
        import shlex

        self.command: tuple[str, ...] = tuple(command)
        self.reason: str = reason
        self.stdout: str = stdout
        self.stderr: str = stderr
        super().__init__(
            f"The command `{shlex.join(command)}` {reason}.\n"
            f"stdout:\n{stdout.rstrip()}\nstderr:\n{stderr.rstrip()}"
        )


class RunFailed(MetaflowException):
    """A run that a program waits for has failed."""

    headline = "Run failed"

    def __init__(self, pathspec: str, step: str | None, task: str | None, trace: str) -> None:
        self.pathspec: str = pathspec
        self.step: str | None = step
        self.task: str | None = task
        """Pathspec of the task that failed, when a task did."""
        self.trace: str = trace
        """The failed step's traceback, or else what the run printed last."""
        where = f" in step `{step}` (task {task})" if step else ""
        super().__init__(
            f"The run `{pathspec}` failed{where}:\n{trace.rstrip()}",
            hint=f"look at it with `Run('{pathspec}')`, or resume it once the cause is gone",
        )


class RunTimedOut(MetaflowException):
    """A run took longer than the program was ready to wait; it was ended."""

    headline = "Run timed out"

    def __init__(self, pathspec: str, timeout_s: float) -> None:
        self.pathspec: str = pathspec
        self.timeout_s: float = timeout_s
        super().__init__(f"The run `{pathspec}` was ended after {timeout_s:g} seconds.")


class RunNotBegun(MetaflowException, TimeoutError):
    """A scheduler has not started a run in time."""

    headline = "Run not begun"

    def __init__(self, pathspec: str, timeout_s: float) -> None:
        self.pathspec: str = pathspec
        self.timeout_s: float = timeout_s
        super().__init__(
            f"The run `{pathspec}` has not begun within {timeout_s:g} seconds.",
            hint="it is still due; look at `run` later",
        )


class LogsRemoved(MetaflowException):
    """The output of a command is asked for after its files were removed."""

    headline = "Output removed"

    def __init__(self) -> None:
        super().__init__(
            "The output of this command was removed by `cleanup()` or at the end of `with`.",
            hint="read it before, or read the tasks' logs with the client",
        )


# --- notebooks ---


class NBRunnerInitializationError(MetaflowException):
    """NBRunner can only be used in a notebook."""

    headline = "Not in a notebook"

    def __init__(self, name: str = "NBRunner", instead: str = "Runner") -> None:
        self.name: str = name
        self.instead: str = instead
        super().__init__(
            f"`{name}` takes a flow from a notebook cell, but there is no IPython here.",
            hint=f"use `{instead}` with the flow's file",
        )


class NBDeployerInitializationError(NBRunnerInitializationError):
    """NBDeployer can only be used in a notebook."""

    def __init__(self) -> None:
        super().__init__("NBDeployer", "Deployer")


class CellIncomplete(MetaflowException):
    """A flow in a notebook needs a value that no file can be given."""

    headline = "Flow needs a value of the notebook"

    def __init__(self, flow: str, name: str, kind: str) -> None:
        self.flow: str = flow
        self.name: str = name
        self.kind: str = kind
        super().__init__(
            f"The flow `{flow}` uses `{name}`, a `{kind}` that was made in another cell.",
            hint="make it in the flow's cell or in a step, or hand it in as a parameter",
        )


# --- deployments ---


class DeployTargetUnknown(MetaflowException, ValueError):
    """There is no deploy target of this name."""

    headline = "Unknown deploy target"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name: str = name
        self.known: tuple[str, ...] = tuple(known)
        super().__init__(
            f"There is no deploy target `{name}`.",
            hint="there are " + ", ".join(f"`{one}`" for one in self.known),
        )


class DeployTargetUnavailable(MetaflowException):
    """A deploy target is known, but its back end is not part of this installation."""

    headline = "Deploy target not available"

    def __init__(self, name: str) -> None:
        self.name: str = name
        super().__init__(
            f"Flows can't be deployed to `{name}`: this installation has no back end for it.",
            hint="install a package that provides it, or run the flow with `Runner`",
        )


class DeployTargetCannot(MetaflowException, NotImplementedError):
    """A deploy target does not offer an operation."""

    headline = "Not offered by the deploy target"

    def __init__(self, name: str, operation: str) -> None:
        self.name: str = name
        self.operation: str = operation
        super().__init__(f"The deploy target `{name}` can't do `{operation}`.")
