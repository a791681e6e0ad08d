"""What a home for facts promises to the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from metaflow.model.artifact import ArtifactRef
from metaflow.model.records import Change, NewRun, OriginTask


class RunJournal(Protocol):
    """The engine's side of a metadata store: append the facts of runs, read an origin back."""

    def begin_run(self, run: NewRun) -> int:
        """Record a new run and return the key that later writes name it by.

        Raises
        ------
        RunExists
            A run of this flow has that id already.
        """
        ...

    def write(self, run: int, changes: Sequence[Change]) -> None:
        """Record all changes in one transaction; on return they survive any process's death."""
        ...

    def manifests(self, run: int, task_ids: Sequence[str]) -> list[dict[str, ArtifactRef]]:
        """Manifests of the latest done attempts of these tasks, in the order asked."""
        ...

    def latest_run_id(self, flow: str) -> str | None:
        """Id of the newest run of a flow that was started by `run`, not `resume`."""
        ...

    def origin_tasks(self, flow: str, run_id: str) -> list[OriginTask] | None:
        """All tasks of a run that have a done attempt, by ascending id; None if no such run."""
        ...

    def close(self) -> None:
        """Release the store."""
        ...
