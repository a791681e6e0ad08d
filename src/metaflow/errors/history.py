"""Errors of reading what older versions have left."""

from __future__ import annotations

from metaflow.errors.base import MetaflowException


class NoOlderRuns(MetaflowException):
    """There is nothing to import where somebody looks for it."""

    headline = "No older runs"

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(
            f"`{path}` holds no runs that an older version of Metaflow has made.",
            hint="name the folder `.metaflow` that has them, or the one that it is in.",
        )
