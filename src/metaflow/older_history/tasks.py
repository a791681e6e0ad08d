"""Reads what one task has left in files of the older layout."""

# No postponed annotations here: a NamedTuple would compile each of them at import.
import json
import pickle
import re
from functools import cache
from hashlib import sha1
from typing import Any, Final, NamedTuple

from metaflow.artifact_store.older.blobs import blob_path, read_blob
from metaflow.artifact_store.older.loading import descriptor_of
from metaflow.artifact_store.older.plain_pickle import Stand, read_plain
from metaflow.errors.storage import ArtifactCorrupt
from metaflow.protocols.file_tree import FileTree

NOTES: Final = "_meta"
MILLISECOND: Final = 1000.0

LASTING: Final = frozenset(
    {
        "ds-root",
        "ds-type",
        "metaflow_version",
        "production",
        "python_version",
        "runtime",
        "script-name",
        "user",
    }
)
"""Facts that all tasks of a step share, so that they are read from the first one only."""

MADE: Final = frozenset(
    {
        "attempt",
        "attempt-done",
        "attempt_ok",
        "foreach-execution-path",
        "foreach-stack",
        "origin-run-id",
        "origin-task-id",
    }
)
"""Facts that the client makes from what else is known of a task."""

_BEGUN: Final = re.compile(r"[0-9]\.attempt\.json")

SOURCES: Final = ("runtime", "task")
STREAMS: Final = ("stdout", "stderr")


class StoredAttempt(NamedTuple):
    """One attempt as its files tell of it."""

    number: int
    started_at: float | None
    ended_at: float | None
    """None while what it stored is not complete."""
    ok: bool
    handled: bool
    objects: dict[str, str]
    """Artifact -> digest."""
    info: dict[str, dict[str, Any]]
    """Artifact -> size, type and encoding."""
    logs: tuple[tuple[str, int], ...]
    """Stream and length of the output that was kept."""


class StoredFact(NamedTuple):
    """A fact about a task that was recorded by name."""

    attempt: int
    name: str
    value: Any
    at: float


class StoredTask(NamedTuple):
    """One task as its files tell of it."""

    step: str
    task_id: str
    created_at: float
    attempts: tuple[StoredAttempt, ...]
    facts: tuple[StoredFact, ...]
    origin_run_id: str | None
    origin_task_id: str | None

    @property
    def done(self) -> StoredAttempt | None:
        """The latest attempt if it is complete: an earlier one doesn't count once it began."""
        latest = self.attempts[-1] if self.attempts else None
        return None if latest is None or latest.ended_at is None else latest


class TaskFiles:
    """Reads tasks of one flow.

    Parameters
    ----------
    facts : FileTree
        Where the notes are.
    bytes_ : FileTree
        Where what tasks have stored is; mostly the same.
    flow : str
        Name of the flow.
    """

    __slots__ = ("_bytes", "_facts", "_flow", "_plain")

    def __init__(self, facts: FileTree, bytes_: FileTree, flow: str) -> None:
        self._facts = facts
        self._bytes = bytes_
        self._flow = flow
        self._plain: dict[str, Any] = {}

    def plain(self, digest: str) -> Any:
        """Read plain data that the framework has stored; the same one only once.

        Raises
        ------
        DataException
            It is not there or damaged.
        """
        if digest not in self._plain:
            path = blob_path(self._flow, digest)
            try:
                value = read_plain(read_blob(self._bytes, path))
            except ValueError as error:
                raise ArtifactCorrupt(path, digest, str(error)) from error
            self._plain[digest] = value
        return self._plain[digest]

    def is_included_file(self, digest: str) -> bool:
        """Tell whether a text stands for an included file, as in the oldest versions."""
        path = blob_path(self._flow, digest)
        return descriptor_of(read_blob(self._bytes, path)) is not None

    def read(self, place: str, *, with_lasting: bool = True) -> StoredTask | None:
        """Read a task; None if there is nothing of it yet.

        Parameters
        ----------
        place : str
            `Flow/run/step/task`.
        with_lasting : bool, default True
            Read the facts that all tasks of the step share as well.
        """
        _, _, step, task_id = place.split("/")
        notes = {name for name, _ in self._facts.names(f"{place}/{NOTES}")}
        files = {name for name, is_folder in self._bytes.names(place) if not is_folder}
        numbers = sorted(int(name[0]) for name in files if _BEGUN.fullmatch(name))
        if not notes and not numbers:
            return None
        single = len(numbers) <= 1
        at, facts = self._read_notes(place, notes, single=single, with_lasting=with_lasting)
        attempts = tuple(self._attempt(place, files, number, at) for number in numbers)
        started = [one.started_at for one in attempts if one.started_at is not None]
        created = at.get(("", 0)) or (min(started) if started else 0.0)
        origin = {fact.name: fact.value for fact in facts if fact.name.startswith("origin-")}
        kept = tuple(fact for fact in facts if fact.name not in MADE)
        run, task = (_text(origin.get(f"origin-{of}-id")) for of in ("run", "task"))
        return StoredTask(step, task_id, created, attempts, kept, run, task)

    def _read_notes(
        self, place: str, notes: set[str], *, single: bool, with_lasting: bool
    ) -> tuple[dict[tuple[str, int], float], list[StoredFact]]:
        """Read facts; the times of an only attempt are told by the files' names."""
        at: dict[tuple[str, int], float] = {}
        facts: list[StoredFact] = []
        earliest = None
        for note in sorted(notes):
            if not note.startswith("sysmeta_"):
                continue
            name, _, moment = note[len("sysmeta_") : -len(".json")].rpartition("_")
            if not moment.isdecimal():
                continue
            when = int(moment) / MILLISECOND
            earliest = when if earliest is None else min(earliest, when)
            if single and name in MADE and not name.startswith("origin-"):
                at.setdefault((name, 0), when)
                continue
            if name in LASTING and not with_lasting:
                continue
            fact = self._fact(f"{place}/{NOTES}/{note}", name, when)
            if fact is not None:
                facts.append(fact)
                at.setdefault((name, fact.attempt), when)
        own = None if earliest is not None and not with_lasting else self._json(place, "_self.json")
        if own is not None and "ts_epoch" in own:
            at["", 0] = own["ts_epoch"] / MILLISECOND
        elif earliest is not None:
            at["", 0] = earliest
        return at, facts

    def _fact(self, path: str, name: str, when: float) -> StoredFact | None:
        data = self._facts.read(path)
        try:
            told = None if data is None else json.loads(data)
        except ValueError:
            told = None  # half a file, of a process that was killed
        if not isinstance(told, dict) or "value" not in told:
            return None
        marks = [tag[11:] for tag in told.get("tags", ()) if str(tag).startswith("attempt_id:")]
        if name in {"attempt", "attempt-done"} and str(told["value"]).isdecimal():
            marks = [str(told["value"])]
        number = int(marks[0]) if marks and marks[0].isdecimal() else 0
        return StoredFact(number, str(told.get("field_name", name)), told["value"], when)

    def _json(self, place: str, note: str) -> dict[str, Any] | None:
        data = self._facts.read(f"{place}/{NOTES}/{note}")
        try:
            told = None if data is None else json.loads(data)
        except ValueError:
            return None
        return told if isinstance(told, dict) else None

    def _attempt(
        self, place: str, files: set[str], number: int, at: dict[tuple[str, int], float]
    ) -> StoredAttempt:
        started = at.get(("attempt", number))
        if started is None and f"{number}.attempt.json" in files:
            told = self._stored_json(f"{place}/{number}.attempt.json")
            started = float(told["time"]) if "time" in told else None
        logs = self._logs(place, files, number)
        data = f"{number}.data.json"
        if f"{number}.DONE.lock" not in files or data not in files:
            return StoredAttempt(number, started, None, False, False, {}, {}, logs)
        told = self._stored_json(f"{place}/{data}")
        objects, info = told.get("objects", {}), told.get("info", {})
        ended = at.get(("attempt-done", number))
        if ended is None:
            ended = self._bytes.changed_at(f"{place}/{number}.DONE.lock") or started or 0.0
        ok = self._flag(objects, "_task_ok")
        # The pseudo-step of parameters of the oldest versions has neither flag.
        success = self._flag(objects, "_success", otherwise=ok)
        return StoredAttempt(number, started, ended, ok, ok and not success, objects, info, logs)

    def _stored_json(self, path: str) -> dict[str, Any]:
        data = self._bytes.read(path)
        try:
            told = json.loads(data or b"")
            if not isinstance(told, dict):
                raise TypeError("it is no JSON object")  # noqa: TRY301 - one place says it
        except (ValueError, TypeError) as error:
            raise ArtifactCorrupt(path, path.rpartition("/")[2], str(error)) from error
        return told

    def _logs(self, place: str, files: set[str], number: int) -> tuple[tuple[str, int], ...]:
        found = []
        for stream in STREAMS:
            kept = [f"{number}.{source}_{stream}.log" for source in SOURCES]
            size = sum(self._bytes.size(f"{place}/{name}") for name in kept if name in files)
            if size:
                found.append((stream, size))
        return tuple(found)

    def _flag(self, objects: dict[str, str], name: str, *, otherwise: bool = True) -> bool:
        digest = objects.get(name)
        if digest is None:
            return otherwise
        known = _flags().get(digest)
        return bool(self.plain(digest)) if known is None else known


@cache
def _flags() -> dict[str, bool]:
    """Digests of pickled flags: all attempts have two, and two values there are."""
    return {
        sha1(pickle.dumps(flag, protocol), usedforsecurity=False).hexdigest(): flag
        for flag in (True, False)
        for protocol in range(2, 6)
    }


def _text(value: Any) -> str | None:
    """Give the id that a fact holds; tools have the text `None` where there is none."""
    return None if value is None or str(value) == "None" else str(value)


def stack_of(value: Any) -> list[tuple[Any, ...]]:
    """Read a stack of foreachs: step, variable, number of items, index, and the item as text."""
    frames = value if isinstance(value, list) else []
    found = []
    for frame in frames:
        args = frame.args if isinstance(frame, Stand) else frame
        if isinstance(args, tuple) and len(args) >= 4:  # noqa: PLR2004 - the item came later
            found.append((*args, None)[:5])
    return found
