"""How a run begins and ends: its identity, its parameters, its plan, its files."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Mapping
from stat import S_ISFIFO
from typing import TYPE_CHECKING, Any, NamedTuple

from metaflow.authoring.composition import config_values, with_specs
from metaflow.authoring.constants import constants
from metaflow.authoring.flowspec import FlowSpec
from metaflow.authoring.parameters import collect_parameters
from metaflow.authoring.step_decorators import declare
from metaflow.engine.console import Console, shows_colors
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
from metaflow.engine.plan import Plan
from metaflow.engine.plan_graph import plan_graph
from metaflow.errors.base import MetaflowException
from metaflow.errors.decorator import DecoratorUnavailable
from metaflow.errors.metadata import RunExists
from metaflow.errors.run import ArtifactsElsewhere, OriginNotFound, RunFileNotWritten
from metaflow.graph.drawing import graph_info
from metaflow.metadata_store.holding import Holding
from metaflow.model.artifact import ArtifactRef, manifest_from_json
from metaflow.model.records import (
    ARTIFACT_ROOT,
    PARAMETERS_STEP,
    PARAMETERS_TASK,
    PARENT_TASK,
    AttemptDone,
    AttemptStarted,
    NewRun,
    OriginTask,
    RunDone,
    TaskCreated,
)
from metaflow.model.spec import StepSpec
from metaflow.model.task import RunContext
from metaflow.settings.durability import (
    force,
    force_folder,
    make_folders,
    survives_power_loss,
)
from metaflow.settings.search import LOCAL_DIRECTORY
from metaflow.settings.version import get_version

if TYPE_CHECKING:
    from metaflow.engine.plan_origin import OriginRun
    from metaflow.engine.request import RunRequest
    from metaflow.model.package import PackageOrder
    from metaflow.protocols.workers import WorkerSource
    from metaflow.session import Session

MEGABYTE = 1 << 20


def check_available(request: RunRequest) -> dict[str, StepSpec]:
    """Refuse a flow that needs what this installation does not have, before work starts.

    Returns
    -------
    dict of str to StepSpec
        What each step declares, by name.

    Raises
    ------
    DecoratorUnavailable
        A step's decorator has no back end here.
    """
    specs = declare(request.flow, request.graph)
    check_specs(request, specs)
    return specs


def check_specs(request: RunRequest, specs: Mapping[str, StepSpec]) -> None:
    """Refuse steps that need what this installation does not have.

    Parameters
    ----------
    request : RunRequest
        The run, for what the flow's decorators say.
    specs : mapping of str to StepSpec
        What the steps declare that will run.

    Raises
    ------
    DecoratorUnavailable
        A decorator of the flow or of a step has no back end here.
    """
    facts = request.facts
    for lack in () if facts is None else facts.unavailable:
        raise DecoratorUnavailable(lack.decorator, None, lack.needs)
    disabled = () if facts is None else facts.disabled
    for name, spec in specs.items():
        for lack in spec.unavailable:
            if lack.default_of not in disabled:
                raise DecoratorUnavailable(
                    lack.decorator, name, lack.needs, from_command_line=lack.from_command_line
                )


class RunEnd(NamedTuple):
    """How a run has ended."""

    error: MetaflowException | None
    """Why it did not succeed; None if it did."""
    signal: int | None
    """Number of the signal that has ended it."""


def run_flow(
    request: RunRequest, specs: Mapping[str, StepSpec], workers: WorkerSource, session: Session
) -> RunEnd:
    """Run a flow from its first task to its last.

    Parameters
    ----------
    request : RunRequest
        What to run.
    specs : mapping of str to StepSpec
        What `check_available` has returned.
    workers : WorkerSource
        Makes processes.
    session : Session
        Open stores.

    Returns
    -------
    RunEnd
        Whether the run succeeded, and what kept it from that.
    """
    return FlowRun(request, specs, workers, session).run()


class FlowRun:
    """One run or resume on its way from its request to its end.

    Parameters
    ----------
    request : RunRequest
        What to run.
    specs : mapping of str to StepSpec
        What each step declares.
    workers : WorkerSource
        Makes processes.
    session : Session
        Open stores.
    """

    def __init__(
        self,
        request: RunRequest,
        specs: Mapping[str, StepSpec],
        workers: WorkerSource,
        session: Session,
    ) -> None:
        self._request = request
        self._workers = workers
        self._session = session
        self._flow = request.flow.__name__
        self._holding = Holding()
        self._is_over = False
        self._specs = {
            # A local run tries again at once; waiting is for schedulers.
            name: spec._replace(retry_wait_s=0.0)
            for name, spec in specs.items()
        }
        self._package_later: PackageOrder | None = None

    def run(self) -> RunEnd:
        """Run to the end and return how that went."""
        origin = self._origin()
        self._package_later = begin_packing(self._request, self._workers)
        run_id, key = self._begin()
        try:
            return self._run(run_id, key, origin)
        except BaseException as error:
            if not self._is_over:
                self._tell_end(key, error)
            raise

    def _tell_end(self, key: int, error: BaseException) -> None:
        """Record that a run has begun and will not go on."""
        message = f"The launcher ended with {type(error).__name__}."
        if isinstance(error, MetaflowException):
            message = error.message
        killed = isinstance(error, KeyboardInterrupt)
        with contextlib.suppress(MetaflowException):
            done = RunDone(time.time(), ok=False, killed=killed, error=message)
            self._session.journal.write(key, [done])

    def _run(self, run_id: str, key: int, origin: OriginRun | None) -> RunEnd:
        request = self._request
        write_file(request.run_id_file, run_id)
        inherited = None if origin is None else origin.parameters
        parameters = self.save_parameters(run_id, inherited)
        self._workers.configure(self.context(run_id, parameters))
        # The first worker is made while this process writes down that the run exists.
        self._workers.request(self._specs[request.graph.start_step].env, 1)
        if self._package_later is not None:
            pack_later(self._workers)
        self._record_parameters(key, parameters, inherited)
        self._write_run_files(run_id)
        console = Console(run_id, color=shows_colors(sys.stdout))
        if packs_first(request, self._workers):
            packed = record_package(pack_first(request), self._session.journal, key)
            tell_problem(packed, console)
        book = LogBook(lambda: self._open_log(run_id, console), request.max_log_size_mb * MEGABYTE)
        loop = RunLoop(
            self._plan(origin),
            self._workers,
            self._session.journal,
            key,
            self._specs,
            console,
            book,
            None if request.origin is None else request.origin.run_id,
        )
        loop.keep_alive(self._holding)
        if sys.stdout.isatty():
            from metaflow.engine.live_line import StatusLine

            console.live = StatusLine(loop.progress)
        seen = self._seen_at(run_id)
        console.say(
            f"Workflow starting (run-id {run_id})"
            + (f", see it in the UI at {seen}" if seen else ":")
        )
        console.flush()
        if request.origin is not None:
            from metaflow.engine.origin_state import origin_state

            found = origin_state(self._session.store, self._flow, request.origin.run_id)
            if found is not None:
                console.say(found)
        listeners = [told for spec in self._specs.values() for told in spec.listeners]
        for listener in listeners:
            listener.run_started(run_id)
        try:
            loop.run(request.graph.start_step)
            self._is_over = True
        finally:
            book.close()
        await_package(self._workers, self._session.journal, key, console)
        for listener in listeners:
            listener.run_finished(loop.error)
        self._say_end(console, loop.error, run_id)
        self._call_exit_hooks(run_id, is_ok=loop.error is None)
        return RunEnd(loop.error, loop.signal if loop.error is not None else None)

    def _call_exit_hooks(self, run_id: str, *, is_ok: bool) -> None:
        facts = self._request.facts
        if facts is None or not facts.exit_hooks:
            return
        from metaflow.engine.exit_hooks import call_exit_hooks

        pathspec, store = f"{self._flow}/{run_id}", metadata_spec(self._request.root)
        call_exit_hooks(facts.exit_hooks, pathspec, store, is_ok=is_ok)

    def _open_log(self, run_id: str, console: Console) -> Log:
        from metaflow.artifact_store.logs import RunLogWriter, log_path
        from metaflow.artifact_store.opening import mirrored

        request = self._request
        log = RunLogWriter(log_path(request.root, self._flow, run_id))
        return mirrored(log, request.artifact_root, lambda text: console.say(text, bad=True))

    # ── the beginning ────────────────────────────────────────────────────────────────────

    def _origin(self) -> OriginRun | None:
        """Read what an earlier run has finished, for a resume."""
        origin = self._request.origin
        if origin is None:
            return None
        from metaflow.engine.older import read_older

        read_older(self._session, self._flow, origin.run_id)
        tasks = self._session.journal.origin_tasks(self._flow, origin.run_id)
        if tasks is None:
            latest = self._session.journal.latest_run_id(self._flow)
            raise OriginNotFound(self._flow, origin.run_id, latest)
        check_same_artifacts(self._session, self._flow, origin.run_id, self._request.artifact_root)
        from metaflow.engine.plan_origin import OriginRun

        return OriginRun(tasks)

    def _begin(self) -> tuple[str, int]:
        request = self._request
        chosen = request.origin.new_run_id if request.origin else None
        number = time.time_ns() // 1000
        while True:
            run_id = chosen or str(number)
            try:
                new = self.new_run(run_id)._replace(lease=self._holding.sign())
                return run_id, self._session.journal.begin_run(new)
            except RunExists:
                if chosen is not None:
                    raise
                number += 1

    def new_run(self, run_id: str) -> NewRun:
        """Say what is known of the run before it begins."""
        request = self._request
        version = get_version()
        python = ".".join(str(number) for number in sys.version_info[:3])
        return NewRun(
            self._flow,
            run_id,
            time.time(),
            request.user,
            request.tags,
            request.system_tags,
            {
                "end_step": request.graph.end_step,
                "start_step": request.graph.start_step,
                "ds-type": request.datastore,
                ARTIFACT_ROOT: request.artifact_root or request.root,
                "runtime": "dev",
                "user": request.user,
                "python_version": python,
                "metaflow_version": version,
                "script-name": request.script,
                **({PARENT_TASK: request.parent_task} if request.parent_task else {}),
                **({"execution-triggers": request.triggered_by} if request.triggered_by else {}),
            },
            request.origin.run_id if request.origin else None,
            self._pack(run_id),
        )

    def _pack(self, run_id: str) -> str:
        return f"packs/{self._flow}/{run_id}"

    def save_parameters(self, run_id: str, origin: OriginTask | None) -> dict[str, ArtifactRef]:
        """Store what every task has: parameters, constants, the graph.

        Parameters
        ----------
        run_id : str
            The run.
        origin : OriginTask, optional
            What holds the parameters of the run that this one resumes.

        Returns
        -------
        dict of str to ArtifactRef
            References by name.
        """
        request = self._request
        fixed = constants(request.flow, FlowSpec)
        configs = config_values(request.flow)
        declared = dict(collect_parameters(request.flow))
        names = [*configs, *declared]
        given = {**configs, **request.parameters}
        info = graph_info(
            request.graph,
            file=request.script,
            parameters=[
                (name, declared[name].value_type if is_unset else type(given[name]))
                for name in names
                for is_unset in (name in declared and given.get(name) is None,)
            ],
            constants=[(name, type(value).__name__) for name, value in fixed.items()],
            decorators=self._flow_decorators(),
        )
        values: dict[str, Any] = {"name": self._flow, "_graph_info": info, **fixed}
        inherited: dict[str, ArtifactRef] = {}
        if request.origin is None:
            values.update({name: given.get(name) for name in names})
        else:
            known = {} if origin is None else manifest_from_json(json.loads(origin.manifest_json))
            inherited = {name: known[name] for name in names if name in known}
            values.update({name: given.get(name) for name in names if name not in known})
        for name in [name for name, value in values.items() if hasattr(value, "store_in")]:
            # A file that the run includes: too large, perhaps, to be handed around.
            stored = values.pop(name).store_in(self._session.artifacts, self._pack(run_id))
            inherited[name] = stored
        saved = None
        if not request.artifact_root:
            # Who forks can't send anything to an object store.
            saved = self._workers.save(values, request.root, self._pack(run_id))
        if saved is None:
            saved, problems = self._session.artifacts.save(values, self._pack(run_id))
            for problem in problems.values():
                raise problem
        return {**inherited, **saved}

    def _flow_decorators(self) -> list[Any]:
        if self._request.facts is None:
            return []
        from metaflow.authoring.flow_decorators import flow_decorators

        return list(flow_decorators(self._request.flow))

    def context(self, run_id: str, parameters: dict[str, ArtifactRef]) -> RunContext:
        """Say what all tasks of the run share."""
        request = self._request
        parameters_only = (name for name, _ in collect_parameters(request.flow))
        names = (*config_values(request.flow), *parameters_only)
        return RunContext(
            self._flow,
            run_id,
            request.root,
            self._pack(run_id),
            parameters,
            names,
            request.tags,
            request.user,
            request.namespace,
            request.origin.run_id if request.origin else None,
            metadata_spec(request.root),
            with_specs(request.flow),
            None if request.facts is None else dict(request.facts.current),
            request.triggered_by,
            self._package_later,
            artifact_root=request.artifact_root,
        )

    def _record_parameters(
        self, key: int, parameters: dict[str, ArtifactRef], origin: OriginTask | None
    ) -> None:
        now = time.time()
        origin_id = None if origin is None else origin.task_id
        changes = (
            TaskCreated(PARAMETERS_TASK, PARAMETERS_STEP, now, (), (), origin_id),
            AttemptStarted(PARAMETERS_TASK, 0, now, os.getpid()),
            AttemptDone(PARAMETERS_TASK, 0, now, True, False, parameters, None),
        )
        self._session.journal.write(key, changes)

    def _write_run_files(self, run_id: str) -> None:
        request = self._request
        attributes = {
            "run_id": run_id,
            "flow_name": self._flow,
            "metadata": metadata_spec(request.root),
        }
        write_file(request.runner_attribute_file, json.dumps(attributes))
        if request.origin is None:
            folder = os.path.join(request.root, self._flow)
            make_folders(folder)
            write_file(os.path.join(folder, "latest_run"), run_id)

    def _plan(self, origin: OriginRun | None) -> Plan:
        request = self._request
        return Plan(
            plan_graph(request.graph, self._specs),
            max_workers=request.max_workers,
            max_num_splits=request.max_num_splits,
            origin=origin,
            step_to_rerun=None if request.origin is None else request.origin.step_to_rerun,
            clone_only=request.origin is not None and request.origin.clone_only,
        )

    def _say_end(self, console: Console, error: MetaflowException | None, run_id: str) -> None:
        console.end_live()
        origin = self._request.origin
        if error is not None:
            console.say("Flushing logs...", bad=True)
        elif origin is not None and origin.clone_only:
            console.say(f"{self._flow}/{run_id} cloned!")
        else:
            seen = self._seen_at(run_id)
            console.say(f"Done! See the run in the UI at {seen}" if seen else "Done!")
        console.flush()

    def _seen_at(self, run_id: str) -> str | None:
        """Return the page of the run in the web interface, if the settings name one."""
        address = self._request.settings.ui_url
        return address and f"{address}/{self._flow}/{run_id}"


def _is_pipe(path: str) -> bool:
    try:
        return S_ISFIFO(os.stat(path).st_mode)
    except OSError:
        return False


def write_file(path: str | None, text: str) -> None:
    """Write a small file so that a reader sees all of it or nothing."""
    if path is None:
        return
    # Into a named pipe, whose reader is waiting, goes the text itself.
    is_pipe = _is_pipe(path)
    temporary = path if is_pipe else f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
            if not is_pipe and survives_power_loss():
                file.flush()
                force(file.fileno())
        if not is_pipe:
            os.replace(temporary, path)
            force_folder(os.path.dirname(path))
    except OSError as error:
        raise RunFileNotWritten(path, error.strerror or str(error)) from error


def metadata_spec(root: str) -> str:
    """What `metaflow.metadata()` takes to find the store with this root."""
    folder, name = os.path.split(root)
    return f"local@{folder if name == LOCAL_DIRECTORY else root}"


def check_same_artifacts(session: Session, flow: str, run_id: str, artifact_root: str) -> None:
    """Refuse to go on with a run whose artifacts are not where new ones would go.

    What is cloned refers to bytes of its own root.

    Raises
    ------
    ArtifactsElsewhere
        They are in another store.
    """
    found = session.artifact_root_of(flow, run_id)
    if found != artifact_root:
        raise ArtifactsElsewhere(f"{flow}/{run_id}", found, artifact_root)
