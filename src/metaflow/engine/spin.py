"""How one step is tried out on what a task of an earlier run was given.

The spun task is a run of its own in a root of its own. What it was given stays where it is:
its root refers to the earlier run's, so that nothing is copied, however large.
"""

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from metaflow.artifact_store.origins import add_origin
from metaflow.authoring.step_decorators import declare
from metaflow.engine.console import Console, shows_colors
from metaflow.engine.launch import FlowRun, RunEnd, check_specs, write_file
from metaflow.engine.loop import RunLoop
from metaflow.engine.output import Log, LogBook
from metaflow.engine.packaging import (
    await_package,
    begin_packing,
    pack_first,
    pack_later,
    packs_first,
    record_package,
    tell_problem,
)
from metaflow.engine.plan_graph import plan_graph
from metaflow.engine.plan_messages import Launch
from metaflow.engine.request import RunRequest
from metaflow.engine.single_plan import SingleTaskPlan
from metaflow.engine.spin_source import Previous
from metaflow.errors.metadata import RunExists
from metaflow.errors.run import SpinFailed
from metaflow.metadata_store.holding import Holding
from metaflow.model.artifact import ArtifactRef
from metaflow.model.records import (
    ARTIFACTS_DROPPED,
    AttemptDone,
    Change,
    NewRun,
    OriginTask,
    TaskCreated,
)
from metaflow.model.task import RunContext
from metaflow.protocols.metadata_store import FactWriter
from metaflow.protocols.workers import WorkerSource
from metaflow.settings.search import SPIN_DIRECTORY

if TYPE_CHECKING:
    from metaflow.metadata_store.sqlite.store import SqliteMetadataStore
    from metaflow.session import Session

MEGABYTE = 1 << 20
SPUN_FROM = "spin-origin"
"""Fact of a spun run: pathspec of the task that it repeats."""


class SpinRequest(NamedTuple):
    """One step to try out, checked and ready to start."""

    run: RunRequest
    """The flow; its root is where the artifacts of the spun task go."""
    step: str
    previous: Previous
    origin_root: str
    """Root of the store that has the previous task."""
    facts_root: str
    """Root of the store that keeps facts and output; another than that of the artifacts when
    these are not kept."""
    task_id: str = "0"
    without: tuple[str, ...] = ()
    """Names of decorators that take no effect."""
    values: Mapping[str, Any] = MappingProxyType({})
    """Artifacts that take the place of what the previous task was given, by name; for a join
    by `run/step/task` of the input, then by name."""
    origin_artifacts: str = ""
    """Address in an object store of the previous task's artifacts; empty for in `origin_root`."""


def spin(
    request: SpinRequest, workers: WorkerSource, session: "Session", origin: "SqliteMetadataStore"
) -> RunEnd:
    """Run the step once.

    Parameters
    ----------
    request : SpinRequest
        What to run.
    workers : WorkerSource
        Makes the process.
    session : Session
        Open stores of the roots that the spun task goes to.
    origin : SqliteMetadataStore
        Facts of the earlier runs.

    Returns
    -------
    RunEnd
        Whether the step succeeded, and what kept it from that.
    """
    return _Spin(request, workers, session).run(origin)


class _Spin:
    def __init__(self, request: SpinRequest, workers: WorkerSource, session: "Session") -> None:
        self._request = request
        self._workers = workers
        self._session = session
        self._flow = request.run.flow.__name__
        self._holding = Holding()
        self._beginning = FlowRun(request.run, {}, workers, session)

    def run(self, origin: "SqliteMetadataStore") -> RunEnd:
        request = self._request
        run = request.run
        spec = declare(run.flow, run.graph)[request.step]
        check_specs(run, {request.step: spec})
        for root in {run.root, request.facts_root}:
            add_origin(root, request.origin_root)
            if request.origin_artifacts:
                add_origin(root, request.origin_artifacts)
        later = begin_packing(run, self._workers)
        run_id, key = self._begin(origin)
        write_file(run.run_id_file, run_id)
        parameters = self._beginning.save_parameters(run_id, request.previous.parameters)
        inputs, parameters = self._with_values(run_id, parameters)
        self._workers.configure(self._context(run_id, parameters)._replace(package=later))
        self._workers.request(spec.env, 1)
        if later is not None:
            pack_later(self._workers)
        self._write_attributes(run_id)
        node = plan_graph(run.graph, declare(run.flow, run.graph)).steps[request.step]
        launch = Launch(
            request.task_id,
            request.step,
            0,
            request.previous.frames,
            tuple(task.task_id for task in inputs),
            is_join=node.is_join,
            last_attempt=True,
            fallback=False,
        )
        console = Console(run_id, color=shows_colors(sys.stdout))
        journal = SpinJournal(self._session.journal, parameters)
        if packs_first(run, self._workers):
            tell_problem(record_package(pack_first(run), journal, key), console)
        book = LogBook(lambda: self._open_log(run_id), run.max_log_size_mb * MEGABYTE)
        loop = RunLoop(
            SingleTaskPlan(node, launch, SpinFailed(request.step, request.previous.pathspec)),
            self._workers,
            journal,
            key,
            {request.step: spec},
            console,
            book,
        )
        loop.keep_alive(self._holding)
        for task in inputs:
            loop.know(task)
        console.say(f"Spinning {request.previous.pathspec} (run-id {run_id}):")
        console.flush()
        try:
            loop.run(request.step)
        finally:
            book.close()
        await_package(self._workers, journal, key, console)
        if loop.error is None:
            console.say("Done!")
            console.flush()
        return RunEnd(loop.error, loop.signal if loop.error is not None else None)

    def _begin(self, origin: "SqliteMetadataStore") -> tuple[str, int]:
        asked = self._request.run.origin
        chosen = None if asked is None else asked.new_run_id
        number = time.time_ns() // 1000
        while True:
            run_id = chosen or str(number)
            # Two runs of one id would have packs of one name.
            if chosen or origin.run(self._flow, run_id) is None:
                try:
                    new = self._new_run(run_id)._replace(lease=self._holding.sign())
                    return run_id, self._session.journal.begin_run(new)
                except RunExists:
                    if chosen:
                        raise
            number += 1

    def _new_run(self, run_id: str) -> NewRun:
        previous = self._request.previous
        run = self._beginning.new_run(run_id)
        root = self._request.facts_root
        facts = {**run.metadata, "ds-type": "spin", "ds-root": root, SPUN_FROM: previous.pathspec}
        if root != self._request.run.root:
            facts[ARTIFACTS_DROPPED] = "True"
        return run._replace(metadata=facts, origin_run_id=None)

    def _context(self, run_id: str, parameters: dict[str, ArtifactRef]) -> RunContext:
        context = self._beginning.context(run_id, parameters)
        return context._replace(
            origin_run_id=None,
            metadata_spec=spin_spec(self._request.facts_root),
            without_decorators=self._request.without,
        )

    def _with_values(
        self, run_id: str, parameters: dict[str, ArtifactRef]
    ) -> tuple[list[OriginTask], dict[str, ArtifactRef]]:
        """Put the user's own values in the place of what the previous task was given."""
        values, inputs = self._request.values, list(self._request.previous.inputs)
        if not values:
            return inputs, parameters
        if self._request.run.graph[self._request.step].type == "join":
            previous = self._request.previous.run_id
            places = [values.get(f"{previous}/{one.step}/{one.task_id}", {}) for one in inputs]
            return [
                _with_refs(one, self._save(own, run_id))
                for one, own in zip(inputs, places, strict=True)
            ], parameters
        refs = self._save(values, run_id)
        fixed = {name: ref for name, ref in refs.items() if name in parameters}
        free = {name: ref for name, ref in refs.items() if name not in parameters}
        # A first step has nobody before it: its parameters stand in.
        before = inputs or [self._request.previous.parameters._replace(manifest_json="{}")]
        return [_with_refs(before[0], free), *before[1:]], {**parameters, **fixed}

    def _save(self, values: Mapping[str, Any], run_id: str) -> dict[str, ArtifactRef]:
        pack = self._beginning.context(run_id, {}).pack
        saved, problems = self._session.artifacts.save(values, pack)
        for problem in problems.values():
            raise problem
        return saved

    def _open_log(self, run_id: str) -> Log:
        from metaflow.artifact_store.logs import RunLogWriter, log_path

        return RunLogWriter(log_path(self._request.facts_root, self._flow, run_id))

    def _write_attributes(self, run_id: str) -> None:
        attributes = {
            "run_id": run_id,
            "flow_name": self._flow,
            "metadata": spin_spec(self._request.facts_root),
            "step_name": self._request.step,
            "task_id": self._request.task_id,
        }
        write_file(self._request.run.runner_attribute_file, json.dumps(attributes))


class SpinJournal:
    """Records a spun task: it stands alone, and has the run's parameters among its artifacts.

    Parameters
    ----------
    journal : FactWriter
        Where the facts go.
    parameters : dict of str to ArtifactRef
        Artifacts that every task of the run has.
    """

    def __init__(self, journal: FactWriter, parameters: dict[str, ArtifactRef]) -> None:
        self._journal = journal
        self._parameters = parameters

    def write(self, run: int, changes: Sequence[Change]) -> None:
        """Record changes of the only task."""
        self._journal.write(run, [self._own(change) for change in changes])

    def _own(self, change: Change) -> Change:
        if isinstance(change, TaskCreated):
            # The tasks before it are of another run.
            return change._replace(parents=())
        if isinstance(change, AttemptDone):
            manifest = change.manifest
            known = json.loads(manifest) if isinstance(manifest, str) else manifest
            return change._replace(manifest=json.dumps({**self._parameters, **known}))
        return change


def _with_refs(task: OriginTask, refs: Mapping[str, ArtifactRef]) -> OriginTask:
    if not refs:
        return task
    return task._replace(manifest_json=json.dumps({**json.loads(task.manifest_json), **refs}))


def spin_spec(root: str) -> str:
    """What `metaflow.metadata()` takes to find the spun tasks of this root."""
    folder, name = os.path.split(root)
    return f"spin@{folder if name == SPIN_DIRECTORY else root}"
