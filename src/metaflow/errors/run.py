"""What can keep a run from beginning."""

from __future__ import annotations

from metaflow.errors.base import MetaflowException


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
