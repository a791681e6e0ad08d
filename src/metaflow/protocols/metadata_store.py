"""What a home for facts promises to the engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from metaflow.model.artifact import ArtifactRef
from metaflow.model.records import Change, JoinedRun, NewRun, OriginTask


class FactWriter(Protocol):
    """What carries out a plan needs of a home for facts."""

    def write(self, run: int, changes: Sequence[Change]) -> None:
        """Record all changes in one transaction; on return they survive any process's death."""
        ...


class FactListener(Protocol):
    """Hears in the writing process of what has been recorded; it may not fail."""

    def begun(self, key: int, run: NewRun) -> None:
        """A run was recorded, which later changes name by this key."""
        ...

    def written(self, key: int, changes: Sequence[Change]) -> None:
        """These changes of a run were recorded."""
        ...


class RunJournal(FactWriter, Protocol):
    """The engine's side of a metadata store: append the facts of runs, read an origin back."""

    def begin_run(self, run: NewRun) -> int:
        """Record a new run and return the key that later writes name it by.

        Raises
        ------
        RunExists
            A run of this flow has that id already.
        """
        ...

    def manifests(self, run: int, task_ids: Sequence[str]) -> list[dict[str, ArtifactRef]]:
        """Manifests of the latest done attempts of these tasks, in the order asked."""
        ...

    def latest_run_id(self, flow: str) -> str | None:
        """Id of the newest run of a flow that was started by `run`, not `resume`."""
        ...

    def run_fact(self, flow: str, run_id: str, name: str) -> str | None:
        """Fact that all tasks of a run share; None if there is no such fact, or no such run."""
        ...

    def origin_tasks(self, flow: str, run_id: str) -> Iterator[OriginTask] | None:
        """All tasks of a run whose latest attempt is done, by ascending id; None if no such run."""
        ...

    def close(self) -> None:
        """Release the store."""
        ...


class JoinableJournal(RunJournal, Protocol):
    """A journal whose runs may have several writers, such as the tasks of a scheduler."""

    def join_run(
        self, flow: str, run_id: str, tags: Sequence[str] = (), origin_run_id: str | None = None
    ) -> JoinedRun | None:
        """Find a run that another process has begun; several may write one run at a time."""
        ...

    def parameters(self, run: int) -> str | None:
        """Manifest of the run's `_parameters` task as JSON text; None while it is not done."""
        ...

    def named_tasks(self, run: int, task_ids: Sequence[str]) -> list[OriginTask]:
        """Those of these tasks that have a done attempt, in the order asked."""
        ...
