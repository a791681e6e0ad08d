"""What can keep a run from beginning."""

from __future__ import annotations

from metaflow.errors.base import MetaflowException
from metaflow.errors.metadata import MetaflowNotFound


class OriginNotFound(MetaflowException):
    """The run to resume does not exist.

    Parameters
    ----------
    flow : str
        Name of the flow.
    run_id : str
        The id that was asked for.
    latest : str, optional
        Id of the flow's newest run.
    """

    headline = "Invalid command"

    def __init__(self, flow: str, run_id: str, latest: str | None) -> None:
        self.flow = flow
        self.run_id = run_id
        hint = f"the latest run of {flow} is {latest}" if latest else f"{flow} has no runs yet"
        super().__init__(f"Resume could not find run id {run_id} of flow {flow}.", hint=hint)


class RunFileNotWritten(MetaflowException):
    """A file that tells others of the run could not be written.

    Parameters
    ----------
    path : str
        The file.
    reason : str
        What the system said.
    """

    headline = "File not written"

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        super().__init__(
            f"The file `{path}` could not be written: {reason}.",
            hint="check that its folder exists, is writable and has room",
        )


class RunNotBegun(MetaflowException):
    """A task was to run in a run that does not exist, or has no parameters yet.

    Parameters
    ----------
    flow : str
        Name of the flow.
    run_id : str
        Id of the run.
    """

    headline = "Run not begun"

    def __init__(self, flow: str, run_id: str) -> None:
        self.flow = flow
        self.run_id = run_id
        super().__init__(
            f"`{flow}/{run_id}` has not been begun in this store.",
            hint=f"begin it with `init --run-id {run_id} --task-id ID` and its parameters",
        )


class InputPathsWrong(MetaflowException):
    """The tasks that should come before a single task don't lead to it.

    Parameters
    ----------
    step : str
        The step of the task.
    problem : str
        What is wrong with its predecessors.
    """

    headline = "Wrong input paths"

    def __init__(self, step: str, problem: str, hint: str | None = None) -> None:
        self.step = step
        self.problem = problem
        super().__init__(f"The inputs of a task of `{step}` are wrong: {problem}.", hint=hint)


class AttemptsUsedUp(MetaflowException):
    """A single task was started once more than its retries allow.

    Parameters
    ----------
    step : str
        The step of the task.
    attempt : int
        Number of the attempt, from 0.
    """

    headline = "No attempts left"

    def __init__(self, step: str, attempt: int) -> None:
        self.step = step
        self.attempt = attempt
        super().__init__(
            f"Attempt {attempt} of a task of `{step}` comes after its last retry, and the step "
            "has no `@catch` that would record the failure.",
            hint="`--max-user-code-retries` says how many retries there are",
        )


class SingleTaskFailed(MetaflowException):
    """The attempt of a single task has failed.

    Parameters
    ----------
    step, task_id : str
        The task.
    attempt : int
        Number of the attempt, from 0.
    """

    headline = "Step failure"

    def __init__(self, step: str, task_id: str, attempt: int) -> None:
        self.step = step
        self.task_id = task_id
        self.attempt = attempt
        super().__init__(f"Step {step} (task-id {task_id}) failed in attempt {attempt}.")


class NothingToSpin(MetaflowNotFound):
    """A step can only be spun on what an earlier run gave it, and there is none.

    Parameters
    ----------
    flow : str
        Name of the flow.
    """

    def __init__(self, flow: str) -> None:
        self.flow = flow
        super().__init__(
            f"There is no earlier run of `{flow}` whose tasks could be spun.",
            hint="run the flow first; it may fail in the step that you want to spin",
        )


class StepNotSpinnable(MetaflowException):
    """A step has a decorator without which it makes no sense, and which can't be spun.

    Parameters
    ----------
    step, decorator : str
        The step and the decorator.
    """

    headline = "Step can't be spun"

    def __init__(self, step: str, decorator: str) -> None:
        self.step = step
        self.decorator = decorator
        super().__init__(
            f"Step `{step}` has `@{decorator}`, so one task of it can't run by itself.",
            hint="spin the step before or after it",
        )


class SpinFailed(MetaflowException):
    """A spun step has failed.

    Parameters
    ----------
    step : str
        The step.
    pathspec : str
        The task whose inputs it was given.
    """

    headline = "Step failure"

    def __init__(self, step: str, pathspec: str) -> None:
        self.step = step
        self.pathspec = pathspec
        super().__init__(
            f"Step {step} failed.",
            hint=f"correct it and spin `{pathspec}` again; what it is given stays the same",
        )


class ArtifactsModuleWrong(MetaflowException):
    """The file given with `--artifacts-module` can't be used.

    Parameters
    ----------
    path : str
        The file.
    problem : str
        What is wrong with it.
    """

    headline = "Invalid artifacts module"

    def __init__(self, path: str, problem: str, hint: str | None = None) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"The artifacts module `{path}` {problem}.", hint=hint)


class ArtifactsElsewhere(MetaflowException):
    """A run shall go on with what another one has stored, but in another place."""

    headline = "Artifacts elsewhere"

    def __init__(self, pathspec: str, root: str, wanted: str) -> None:
        self.pathspec = pathspec
        self.root = root
        """Where the artifacts of the earlier run are; empty for beside the facts."""
        self.wanted = wanted
        """Where those of the new one would go."""
        super().__init__(
            f"The artifacts of `{pathspec}` are in {_place(root)}, but this command would look "
            f"for them, and put new ones, in {_place(wanted)}.",
            hint=f"use the same store: `{_options(root)}`.",
        )


def _place(root: str) -> str:
    return f"`{root}`" if root else "the local store"


def _options(root: str) -> str:
    if not root:
        return "--datastore local"
    scheme = root.partition("://")[0]
    # A folder can stand in for a store of any kind.
    return f"--datastore {'s3' if scheme == 'file' else scheme} --datastore-root {root}"
