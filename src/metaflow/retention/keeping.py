"""Looks after one local root: which of its runs go, and the garbage that they leave."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final, Self

from metaflow.artifact_store.origins import referrers_of
from metaflow.errors.metadata import ObjectNotFound
from metaflow.errors.retention import RunsGoOn
from metaflow.metadata_store.judging import Judge
from metaflow.retention.collecting import Collected, collect_garbage
from metaflow.retention.plan import GarbagePlan, plan_garbage
from metaflow.retention.references import References
from metaflow.retention.rules import PINNED, Rule, chosen, tags_of
from metaflow.session import DATABASE, Session

RUNNING: Final = "running"
"""Status of a run whose launcher has not said how it went."""

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType

    from metaflow.metadata_store.facts import RunToKeep
    from metaflow.metadata_store.sqlite.store import SqliteMetadataStore


class Keeping:
    """What is kept in a local root, and for how long.

    Parameters
    ----------
    root : str
        Root of a local store that has a metadata store.
    clock : callable, optional
        Returns seconds since the epoch.
    """

    def __init__(self, root: str, clock: Callable[[], float] = time.time) -> None:
        self.root: str = root
        self._clock = clock
        self._session = Session(root)
        self._referrers = [
            Session(other)
            for other in referrers_of(root)
            if os.path.exists(os.path.join(other, DATABASE))
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for session in (self._session, *self._referrers):
            session.store.close()
            session.__exit__(kind, error, trace)

    @property
    def store(self) -> SqliteMetadataStore:
        """The root's metadata store."""
        return self._session.store

    def runs(self) -> list[RunToKeep]:
        """List all runs, newest first."""
        return self.store.runs_to_keep()

    def find(self, flow: str, run_id: str) -> RunToKeep:
        """Return one run.

        Raises
        ------
        ObjectNotFound
            There is none.
        """
        for run in self.runs():
            if (run.flow, run.run_id) == (flow, run_id):
                return run
        raise ObjectNotFound("run", f"{flow}/{run_id}")

    def is_open(self, run: RunToKeep) -> bool:
        """Tell whether a run goes on."""
        return run.status == RUNNING and Judge().is_alive(self.store.lease(run.key))

    def chosen(self, rules: Iterable[Rule]) -> tuple[list[RunToKeep], list[RunToKeep]]:
        """Part the runs that rules remove from those that stay, both newest first."""
        runs = self.runs()
        open_runs = {run.key for run in runs if self.is_open(run)}
        going = chosen(runs, rules, open_runs, self._clock())
        keys = {run.key for run in going}
        return going, [run for run in runs if run.key not in keys]

    def references(self, runs: Iterable[RunToKeep]) -> References:
        """Collect what these runs refer to, and those of other roots that refer to this one."""
        used = References()
        for run in runs:
            used.add_run(self.store, run)
        for session in self._referrers:
            for run in session.store.runs_to_keep():
                used.add_run(session.store, run)
        return used

    def plan(self, rules: Iterable[Rule]) -> GarbagePlan:
        """Find out what would go; nothing is changed."""
        going, staying = self.chosen(rules)
        used = self.references(staying)
        return plan_garbage(self.root, self.store, going, len(staying), used, self._clock())

    def remove(self, rules: Iterable[Rule]) -> list[RunToKeep]:
        """Forget the runs that rules remove, and return them; their bytes become garbage."""
        going, _ = self.chosen(rules)
        self.forget(going)
        return going

    def forget(self, runs: Sequence[RunToKeep]) -> None:
        """Forget these runs."""
        self.store.remove_runs([run.key for run in runs])
        for flow in {run.flow for run in runs}:
            self._renew_latest(flow)

    def collect(self, grace_s: float) -> Collected:
        """Delete what has been garbage for so long, and note what is garbage now.

        Raises
        ------
        RunsGoOn
            There is no period of grace, and a run goes on.
        """
        runs = self.runs()
        if grace_s == 0:
            open_runs = [f"{run.flow}/{run.run_id}" for run in runs if self.is_open(run)]
            if open_runs:
                raise RunsGoOn(open_runs)
        used = self.references(runs)
        packs = {run.pack for run in runs}
        return collect_garbage(self.root, self.store, used, packs, self._clock(), grace_s)

    def pin(self, run: RunToKeep, *, pinned: bool) -> None:
        """Keep a run whatever the rules say, or no longer."""
        if (tags_of(run).get(PINNED) == 0) is pinned:
            return
        change = {"add" if pinned else "remove": [PINNED]}
        self.store.change_tags(run.key, **change)

    def _renew_latest(self, flow: str) -> None:
        """Let `latest_run` name a run that there is."""
        path = os.path.join(self.root, flow, "latest_run")
        if not os.path.exists(path):
            return
        latest = self.store.latest_run_id(flow)
        if latest is None:
            os.unlink(path)
            return
        temporary = f"{path}.{os.getpid()}.tmp"
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(latest)
        os.replace(temporary, path)
