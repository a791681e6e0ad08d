"""Reads whole runs of the older layout: first the run itself, later all of its tasks."""

# No postponed annotations here: a NamedTuple would compile each of them at import.
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from metaflow.artifact_store.older.blobs import blob_path
from metaflow.artifact_store.older.trees import tree_at
from metaflow.errors.storage import ArtifactMissing, DataException
from metaflow.metadata_store.facts import OLDER_FILE
from metaflow.metadata_store.sqlite.older import OPEN, READ, OlderEnd
from metaflow.model.records import (
    PARAMETERS_STEP,
    AttemptDone,
    AttemptStarted,
    Change,
    LogWritten,
    NewRun,
    RunDone,
    RunMetadata,
    TaskCreated,
    TaskMetadata,
)
from metaflow.model.task import Frame, Transition
from metaflow.older_history.refs import manifest_of
from metaflow.older_history.shape import (
    Shape,
    ShapeStep,
    ShapeTask,
    steps_of_graph,
    steps_of_tasks,
)
from metaflow.older_history.tasks import (
    LASTING,
    MILLISECOND,
    NOTES,
    StoredAttempt,
    StoredTask,
    TaskFiles,
    stack_of,
)
from metaflow.protocols.file_tree import FileTree

QUIET_S: Final = 600.0
"""A run that did not finish, and in which no task has begun or ended for so long, has failed."""

LONG_S: Final = 7 * 86400.0
"""The same while a task has begun and not ended: it may take its time."""

PLAIN: Final = ("_foreach_num_splits", "_foreach_stack", "_graph_info", "_transition")
"""Artifacts that are read for the index."""

PACKAGE: Final = "code-package"
NOT_OF_TASKS: Final = frozenset({PACKAGE, "ds-root", "ds-type", "end_step", "start_step", "user"})
"""Facts that are told of the run as a whole."""

SHORT: Final = 64
"""Bytes of a pickled text that is too short to stand for a file."""

MICROSECONDS: Final = 16
"""Digits of a run id that is a time."""


class Place(NamedTuple):
    """Where the files of older runs are."""

    facts: FileTree
    """The notes in `_meta`."""
    bytes: FileTree
    """What tasks have stored; mostly the same."""
    prefix: str
    """What comes before the path of a blob in a reference: nothing if the reader's root is the
    one of the bytes."""
    root: str = ""
    """Where the bytes are now, if that is a bucket or they are being copied; otherwise what was
    recorded then is left."""


class RunContents(NamedTuple):
    """All that is recorded of a run once it was read."""

    changes: list[Change]
    state: int
    tasks: int


class OlderRunFiles:
    """Reads one run.

    Parameters
    ----------
    place : Place
        Where its files are.
    flow, run_id : str
        The run.
    """

    __slots__ = ("_flow", "_place", "_run", "_run_id", "_tasks")

    def __init__(self, place: Place, flow: str, run_id: str) -> None:
        place = _with_bytes(place, f"{flow}/{run_id}")
        self._place = place
        self._flow = flow
        self._run_id = run_id
        self._run = f"{flow}/{run_id}"
        self._tasks = TaskFiles(place.facts, place.bytes, flow)

    # --- the run itself ---

    def head(self) -> tuple[NewRun, OlderEnd] | None:
        """Read what a listing of runs tells; None if this is no run."""
        told = self._note(f"{self._run}/{NOTES}/_self.json")
        first = self._names(f"{self._run}/{PARAMETERS_STEP}")
        if told is None and not first:
            return None
        told = told or {}
        graph = self._graph_facts(first)
        end_step = graph.get("end_step", "end")
        run = NewRun(
            self._flow,
            self._run_id,
            self._began_at(told, first),
            str(told.get("user_name", "")),
            tuple(map(str, told.get("tags", ()))),
            tuple(map(str, told.get("system_tags", ()))),
            {"end_step": end_step, "start_step": graph.get("start_step", "start")},
            self._origin(graph.get("start_step", "start")),
            f"packs/{self._run}",
        )
        return run, self._end(end_step)

    def _note(self, path: str) -> dict[str, Any] | None:
        data = self._place.facts.read(path)
        try:
            told = None if data is None else json.loads(data)
        except ValueError:
            return None
        return told if isinstance(told, dict) else None

    def _names(self, folder: str) -> list[str]:
        """List the folders of a folder that are in either tree."""
        trees = [self._place.facts]
        if self._place.bytes is not self._place.facts:
            trees.append(self._place.bytes)
        found = {
            name: None
            for tree in trees
            for name, is_folder in tree.names(folder)
            if is_folder and name != NOTES
        }
        return sorted(found)

    def _graph_facts(self, first: Sequence[str]) -> dict[str, str]:
        """Read the names of the first and last step."""
        found = {}
        for task_id in first[:1]:
            notes = f"{self._run}/{PARAMETERS_STEP}/{task_id}/{NOTES}"
            for name, _ in self._place.facts.names(notes):
                if name.startswith(("sysmeta_start_step_", "sysmeta_end_step_")):
                    told = self._note(f"{notes}/{name}") or {}
                    found[str(told.get("field_name"))] = str(told.get("value"))
        return found

    def _began_at(self, told: dict[str, Any], first: Sequence[str]) -> float:
        if "ts_epoch" in told:
            return float(told["ts_epoch"]) / MILLISECOND
        if self._run_id.isdecimal() and len(self._run_id) == MICROSECONDS:
            return int(self._run_id) / 1e6
        for task_id in first[:1]:
            task = self._read(PARAMETERS_STEP, task_id)
            if task is not None and task.created_at:
                return task.created_at
        return self._place.bytes.changed_at(self._run) or 0.0

    def _origin(self, start_step: str) -> str | None:
        for task_id in self._names(f"{self._run}/{start_step}")[:1]:
            task = self._read(start_step, task_id)
            return None if task is None else task.origin_run_id
        return None

    def _end(self, end_step: str) -> OlderEnd:
        """Tell what became of the run, as far as its end step tells."""
        for task_id in self._names(f"{self._run}/{end_step}")[-1:]:
            try:
                task = self._read(end_step, task_id)
            except DataException:
                break  # whoever reads all of the run is told
            done = None if task is None else task.done
            if done is not None:
                status = "done" if done.ok else "failed"
                ended = done.ended_at
                return OlderEnd(
                    status, ended, task_id, done.number, ended, ok=done.ok, handled=done.handled
                )
        return OlderEnd("running", None)

    # --- all of it ---

    def contents(self) -> RunContents:
        """Read all tasks of the run.

        Raises
        ------
        DataException
            A file is damaged.
        """
        steps = self._names(self._run)
        self._fetch_notes(steps)
        tasks = [task for step in steps for task in self._tasks_of(step)]
        tasks.sort(key=lambda task: (task.step != PARAMETERS_STEP, task.created_at))
        self._fetch_plain(tasks)
        first = next((task for task in tasks if task.step == PARAMETERS_STEP), None)
        stored = first.done if first is not None else None
        of_run = {} if stored is None else stored.objects
        info = self._plain(of_run.get("_graph_info")) or {}
        start = str(info.get("start_step", "start"))
        known = {task.task_id: self._shape_task(task) for task in tasks}
        rest = [known[task.task_id] for task in tasks if task.step != PARAMETERS_STEP]
        graph = steps_of_graph(info) or steps_of_tasks(rest, start)
        shape = Shape(graph, start, rest)
        lasting = self._lasting(tasks)
        changes: list[Change] = [RunMetadata(name, value) for name, value in lasting.items()]
        for task in tasks:
            is_first = task.step == PARAMETERS_STEP
            mine = known[task.task_id]
            frames = () if is_first else shape.frames(mine)
            parents = () if is_first else shape.parents(mine)
            changes += self._task_changes(task, frames, parents)
            for attempt in task.attempts:
                changes += self._attempt_changes(task, attempt, of_run, graph)
            changes += _fact_changes(task, lasting)
        end = self._end(str(info.get("end_step", "end")))
        last, goes_on = _activity(tasks)
        if end.ended_at is not None:
            changes.append(RunDone(end.ended_at, end.status == "done"))
        elif not goes_on:
            changes.append(RunDone(last, ok=False))
        is_over = end.ended_at is not None or not goes_on
        return RunContents(changes, READ if is_over else OPEN, len(tasks))

    def _fetch_notes(self, steps: list[str]) -> None:
        """Ask for what tasks have noted down, before it is read task by task."""
        tree = self._place.bytes
        folders = [
            f"{self._run}/{step}/{task}"
            for step in steps
            for task in self._names(f"{self._run}/{step}")
        ]
        wanted = (".attempt.json", ".data.json")
        tree.fetch(
            f"{folder}/{name}"
            for folder in folders
            for name, is_folder in tree.names(folder)
            if not is_folder and name.endswith(wanted)
        )

    def _fetch_plain(self, tasks: list[StoredTask]) -> None:
        """Ask for the framework's own notes that tasks have stored."""
        attempts = [attempt for task in tasks for attempt in task.attempts]
        digests = {one.objects[name] for one in attempts for name in PLAIN if name in one.objects}
        self._place.bytes.fetch(blob_path(self._flow, digest) for digest in sorted(digests))

    def _tasks_of(self, step: str) -> Iterator[StoredTask]:
        with_lasting = True
        for task_id in self._names(f"{self._run}/{step}"):
            task = self._read(step, task_id, with_lasting=with_lasting)
            if task is not None:
                with_lasting = False
                yield task

    def _read(self, step: str, task_id: str, *, with_lasting: bool = True) -> StoredTask | None:
        return self._tasks.read(f"{self._run}/{step}/{task_id}", with_lasting=with_lasting)

    def _plain(self, digest: str | None) -> Any:
        """Read a note of the framework's own; None if it is lost: then less is known."""
        try:
            return None if digest is None else self._tasks.plain(digest)
        except ArtifactMissing:
            return None

    def _shape_task(self, task: StoredTask) -> ShapeTask:
        latest = task.attempts[-1] if task.attempts else None
        objects = {} if latest is None else latest.objects
        stack = tuple(stack_of(self._plain(objects.get("_foreach_stack"))))
        targets, var = self._went(objects)
        return ShapeTask(task.task_id, task.step, stack, targets, var)

    def _went(self, objects: dict[str, str]) -> tuple[tuple[str, ...], str | None]:
        told = self._plain(objects.get("_transition"))
        if not isinstance(told, tuple) or not isinstance(told[0], list | tuple):
            return (), None
        return tuple(map(str, told[0])), told[1]

    def _task_changes(
        self, task: StoredTask, frames: tuple[Frame, ...], parents: tuple[str, ...]
    ) -> list[Change]:
        origin = task.origin_task_id
        created = task.created_at
        return [TaskCreated(task.task_id, task.step, created, frames, parents, origin)]

    def _attempt_changes(
        self,
        task: StoredTask,
        attempt: StoredAttempt,
        of_run: dict[str, str],
        graph: dict[str, ShapeStep],
    ) -> list[Change]:
        task_id, number = task.task_id, attempt.number
        began = attempt.started_at or task.created_at
        # The number of its process was not kept.
        changes: list[Change] = [AttemptStarted(task_id, number, began, 0)]
        changes += [
            LogWritten(task_id, number, stream, began, OLDER_FILE, size)
            for stream, size in attempt.logs
        ]
        if attempt.ended_at is not None:
            is_first = task.step == PARAMETERS_STEP
            prefix = self._place.prefix
            texts = self._included(attempt) if is_first else ()
            manifest = manifest_of(
                self._flow, prefix, attempt, of_run, is_first=is_first, included=texts
            )
            changes.append(
                AttemptDone(
                    task_id,
                    number,
                    attempt.ended_at,
                    attempt.ok,
                    attempt.handled,
                    json.dumps(manifest, separators=(",", ":")),
                    None if is_first else self._transition(task.step, attempt, graph),
                    None if attempt.ok else self._error(attempt),
                )
            )
        return changes

    def _included(self, attempt: StoredAttempt) -> list[str]:
        """Find the parameters whose value is a text that stands for a file."""
        texts = []
        for name, digest in attempt.objects.items():
            info = attempt.info.get(name) or {}
            if info.get("type") == "<class 'str'>" and int(info.get("size", 0)) > SHORT:
                with suppress(ArtifactMissing):
                    if self._tasks.is_included_file(digest):
                        texts.append(name)
        return texts

    def _transition(
        self, step: str, attempt: StoredAttempt, graph: dict[str, ShapeStep]
    ) -> Transition | None:
        targets, var = self._went(attempt.objects)
        if not targets:
            return None
        node = graph.get(step)
        if node is not None and node.kind == "gang":
            size = getattr(self._plain(attempt.objects.get("_parallel_ubf_iter")), "state", {})
            return Transition(targets, None, int(size.get("num_parallel", 1)))
        if var is None:
            condition = None if node is None else node.condition
            return Transition(targets, condition=condition)
        count = self._plain(attempt.objects.get("_foreach_num_splits"))
        return Transition(targets, var, count if isinstance(count, int) else None)

    def _error(self, attempt: StoredAttempt) -> str | None:
        told = getattr(self._plain(attempt.objects.get("_exception")), "state", None)
        if not isinstance(told, dict):
            return None
        return f"{told.get('type')}: {told.get('exception')}".partition("\n")[0]

    def _lasting(self, tasks: list[StoredTask]) -> dict[str, str]:
        """Find the facts that all tasks share; the pseudo-task lacks where the bytes are."""
        found: dict[str, str] = {}
        for task in tasks:
            for fact in task.facts:
                if fact.name == PACKAGE:
                    found.setdefault(PACKAGE, self._package(str(fact.value)))
                elif fact.name in LASTING and fact.name != "user":
                    found.setdefault(fact.name, _as_text(fact.value))
        if self._place.root:
            kind = self._place.root.partition("://")
            found.update({"ds-root": self._place.root, "ds-type": kind[0] if kind[1] else "local"})
        return found

    def _package(self, told: str) -> str:
        """Say where a code package is now, if its folder was moved."""
        try:
            package = json.loads(told)
            path = blob_path(self._flow, str(package["sha"]))
        except (ValueError, KeyError, TypeError):
            return told
        if self._place.bytes.changed_at(path) is None:
            return told
        root = self._place.root
        above = f"{root}/" if "://" in root else self._place.prefix
        return json.dumps({**package, "location": above + path})


def _with_bytes(place: Place, run: str) -> Place:
    """Find the bytes of a run whose notes are here: another store may have been used for it."""
    if place.bytes is not place.facts or not place.facts.notes_beside:
        return place
    for step, is_folder in sorted(place.facts.names(run)):
        if not is_folder or step in {NOTES, PARAMETERS_STEP}:
            continue
        for task, _ in sorted(place.facts.names(f"{run}/{step}")):
            names = [name for name, _ in place.facts.names(f"{run}/{step}/{task}/{NOTES}")]
            for name in names:
                if name.startswith("sysmeta_ds-root_"):
                    data = place.facts.read(f"{run}/{step}/{task}/{NOTES}/{name}") or b""
                    return _moved(place, data)
            if names:
                return place
    return place


def _moved(place: Place, note: bytes) -> Place:
    """Look at the bucket that a note names, if it names one."""
    try:
        root = str(json.loads(note)["value"])
    except (ValueError, KeyError, TypeError):
        return place
    return place._replace(bytes=tree_at(root), root=root) if "://" in root else place


def _activity(tasks: list[StoredTask]) -> tuple[float, bool]:
    """Tell when something has happened last, and whether more may happen."""
    attempts = [attempt for task in tasks for attempt in task.attempts]
    times = [at for one in attempts for at in (one.started_at, one.ended_at) if at is not None]
    last = max([*times, *(task.created_at for task in tasks)], default=0.0)
    is_begun = any(attempt.ended_at is None for attempt in attempts)
    return last, time.time() - last < (LONG_S if is_begun else QUIET_S)


def _fact_changes(task: StoredTask, lasting: dict[str, str]) -> list[Change]:
    changes: list[Change] = []
    for fact in task.facts:
        value = _as_text(fact.value)
        if fact.name in NOT_OF_TASKS:
            continue
        if lasting.get(fact.name) != value:
            changes.append(TaskMetadata(task.task_id, fact.attempt, fact.name, value, fact.at))
    return changes


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
