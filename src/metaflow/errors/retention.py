"""What can be wrong when runs are removed and garbage is collected."""

from __future__ import annotations

from metaflow.errors.base import MetaflowException


class RetentionError(MetaflowException):
    """Runs cannot be removed, or garbage cannot be collected, as asked."""

    headline = "Retention error"


class AgeInvalid(RetentionError):
    """A text is no age."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(
            f"`{text}` is no age.", hint="write a number and a unit, such as `90m`, `36h` or `14d`"
        )


class RetentionRuleInvalid(RetentionError):
    """The setting with the rules says something that is none."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(
            f"METAFLOW_RETENTION cannot be used: {problem}.",
            hint='write a list of rules, such as [{"tag": "try", "older_than": "14d"}]',
        )


class RunGoesOn(RetentionError):
    """A run that goes on cannot be removed."""

    def __init__(self, pathspec: str) -> None:
        self.pathspec = pathspec
        super().__init__(
            f"The run `{pathspec}` goes on.", hint="wait for its end, or stop it, and try again"
        )


class RunPinned(RetentionError):
    """A pinned run is not removed."""

    def __init__(self, pathspec: str) -> None:
        self.pathspec = pathspec
        super().__init__(
            f"The run `{pathspec}` is pinned.", hint=f"say `metaflow unpin {pathspec}` first"
        )


class RunsGoOn(RetentionError):
    """Garbage cannot be collected at once while there are runs that may be using it."""

    def __init__(self, pathspecs: list[str]) -> None:
        self.pathspecs = pathspecs
        super().__init__(
            f"With `--grace 0` no run may go on, but these do: {', '.join(pathspecs)}.",
            hint="wait for their end, or leave `--grace` out",
        )


class OlderRunNotErased(RetentionError):
    """The files of a run of an older version are not ours to delete."""

    def __init__(self, pathspec: str, folder: str) -> None:
        self.pathspec = pathspec
        self.folder = folder
        super().__init__(
            f"An older version of Metaflow has made the run `{pathspec}`, and has stored bytes of "
            f"it together with those of other runs, which may not be known here.",
            hint=f"delete `{folder}` and what its artifacts were stored in by hand",
        )
