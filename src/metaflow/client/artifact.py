"""What a task has stored, one value at a time: `DataArtifact`, and `MetaflowData` for many."""

# ruff: noqa: SLF001 - the classes of this folder make one another without a second look-up
from __future__ import annotations

import os
import pickle
from typing import TYPE_CHECKING, Any, Final

from metaflow.client.base import MetaflowObject, place_of
from metaflow.client.scope import scope_of
from metaflow.client.synthesis import MADE, made_value
from metaflow.client.task_view import find_task
from metaflow.client.view import local_time
from metaflow.errors.metadata import AttemptNotFound, ObjectNotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from metaflow.client.task_view import TaskView
    from metaflow.client.view import AttemptView, RunView
    from metaflow.model.artifact import ArtifactRef

SEAL: Final = "seal"
"""What makes a pickle trusted is no fact about the value."""

_FORMATS: Final = {"pickle5": "pickle", "json-marked": "json", "bytearray": "bytes"}

PICKLE_PROTOCOL: Final = 4
"""Of values that stand in no store: their size and digest are those of such a pickle."""


class DataArtifact(MetaflowObject, depth=5, kind="artifact"):
    """A named value that a task has stored, found as `DataArtifact('Flow/run/step/task/name')`."""

    __slots__ = ("_name", "_ref", "_selected", "_stored", "_view")

    _name: str
    _view: TaskView
    _stored: AttemptView
    _ref: ArtifactRef | None
    _selected: int | None

    def _locate(self, components: Sequence[str], attempt: int | None) -> None:
        flow, run_id, step, task_id, name = components
        view = find_task(self._scope, flow, run_id, step, task_id, attempt)
        stored = view.stored
        ref = None if stored is None else stored.ref(name)
        if stored is None or (ref is None and name not in MADE):
            names = [] if stored is None else stored.names()
            raise ObjectNotFound("artifact", "/".join(components), names)
        self._fill(view, stored, name, ref)

    def _fill(
        self, view: TaskView, stored: AttemptView, name: str, ref: ArtifactRef | None
    ) -> None:
        self._scope = view.run.scope
        self._view = view
        self._selected = view.selected
        self._stored = stored
        self._name = name
        self._ref = ref

    @property
    def _run_view(self) -> RunView:
        return self._view.run

    def _chosen_attempt(self) -> int | None:
        return self._selected

    @property
    def path_components(self) -> list[str]:
        """The parts of the pathspec."""
        return [*self._view.path_components, self._name]

    @property
    def created_at(self) -> datetime:
        """When the artifact was stored, as naive local time."""
        return local_time(self._stored.ended_at)

    @property
    def finished_at(self) -> datetime:
        """The same as `created_at`."""
        return self.created_at

    @property
    def data(self) -> Any:
        """The value, loaded anew each time."""
        if self._ref is None:
            return made_value(self._view, self._stored, self._name)
        return self._stored.load(self._ref)

    @property
    def sha(self) -> str:
        """Content address of the value: equal values that are stored alike share it."""
        if self._ref is not None:
            return self._ref.digest
        from hashlib import sha1

        return sha1(self._made_pickle(), usedforsecurity=False).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of the serialized value, uncompressed."""
        return len(self._made_pickle()) if self._ref is None else self._ref.size

    @property
    def type_name(self) -> str:
        """Qualified name of the value's type, known without loading it."""
        if self._ref is not None:
            return self._ref.type
        kind = type(self.data)
        return f"{kind.__module__}.{kind.__qualname__}"

    @property
    def type(self) -> str:
        """Name of the value's type, such as `int` or `pandas.DataFrame`."""
        return self.type_name.removeprefix("builtins.")

    @property
    def format(self) -> str:
        """How the value is stored, such as `json`, `npy`, `arrow` or `pickle`; `made` if not."""
        if self._ref is None:
            return "made"
        name = self._ref.encoding.partition(":")[0]
        return _FORMATS.get(name, name)

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Sides of an array or a table, the length of a collection; None for other values."""
        about = self.about
        if "shape" in about:
            return tuple(about["shape"])
        return (about["len"],) if "len" in about else None

    @property
    def dtype(self) -> str | None:
        """Type of the cells of an array; None for other values."""
        return self.about.get("dtype")

    @property
    def columns(self) -> dict[str, str] | None:
        """Types of the first columns of a table by name; None for other values."""
        found = self.about.get("columns")
        return None if found is None else dict(found)

    @property
    def about(self) -> dict[str, Any]:
        """What was noted of the value when it was stored; nothing for most values."""
        noted = (None if self._ref is None else self._ref.about) or {}
        return {key: fact for key, fact in noted.items() if key != SEAL}

    def export(self, folder: str = ".") -> str:
        """Write the value into a file that other programs read.

        Parameters
        ----------
        folder : str, default "."
            Where the file goes; it is named like the artifact.

        Returns
        -------
        str
            Path of the file, which ends in `.json`, `.npy`, `.parquet`, `.safetensors`, `.txt`,
            `.bin` or, for what has no such format, `.pkl`.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        path = os.path.join(folder, self._name)
        if self._ref is not None:
            return self._stored.export(self._ref, path)
        with open(f"{path}.pkl", "wb") as file:
            file.write(self._made_pickle())
        return f"{path}.pkl"

    def _repr_html_(self) -> str:
        """Show the artifact in a notebook, without loading it."""
        return table_of([self])

    def _made_pickle(self) -> bytes:
        return pickle.dumps(self.data, PICKLE_PROTOCOL)


class MetaflowData:
    """The artifacts of a task as attributes, each loaded when it is asked for."""

    __slots__ = ("_stored",)

    def __init__(self, stored: AttemptView) -> None:
        self._stored = stored

    def __getattr__(self, name: str) -> Any:
        stored = object.__getattribute__(self, "_stored")
        ref = stored.ref(name)
        if ref is None:
            raise AttributeError(
                f"The task `{stored.run.pathspec}/{stored.step}/{stored.task_id}` "
                f"has no artifact `{name}`."
            )
        return stored.load(ref)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._stored.ref(name) is not None

    def __dir__(self) -> list[str]:
        return [name for name in self._stored.names() if not name.startswith("_")]

    def __repr__(self) -> str:
        return f"<MetaflowData: {', '.join(dir(self))}>"

    def __reduce__(self) -> tuple[object, ...]:
        stored = self._stored
        components = [stored.run.flow, stored.run.facts.run_id, stored.step, stored.task_id]
        return _restored_data, (components, stored.attempt, place_of(stored.run.scope))


def table_of(artifacts: Iterable[DataArtifact]) -> str:
    """Show artifacts as a table of HTML, without loading them."""
    from html import escape

    heads = ("artifact", "type", "shape", "size", "format")
    rows = [(one.id, one.type, _sides(one.shape), f"{one.size:,}", one.format) for one in artifacts]
    head = "".join(f"<th>{text}</th>" for text in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _sides(shape: tuple[int, ...] | None) -> str:
    return "" if shape is None else " x ".join(map(str, shape))


def artifact_of(view: TaskView, stored: AttemptView, name: str) -> DataArtifact | None:
    """Return one artifact of an attempt, stored or made from what else is known of it."""
    ref = stored.ref(name)
    if ref is None and name not in MADE:
        return None
    artifact = DataArtifact.__new__(DataArtifact)
    artifact._fill(view, stored, name, ref)
    return artifact


def artifacts_of(view: TaskView, stored: AttemptView) -> Iterator[DataArtifact]:
    """Go through an attempt's artifacts, private ones left out."""
    for name in stored.names():
        if not name.startswith("_"):
            artifact = artifact_of(view, stored, name)
            if artifact is not None:
                yield artifact


def _restored_data(
    components: list[str], attempt: int, place: tuple[str, str | None, bool]
) -> MetaflowData:
    spec, namespace, checked = place
    flow, run_id, step, task_id = components
    scope = scope_of(spec, namespace, checked=checked)
    view = find_task(scope, flow, run_id, step, task_id, attempt)
    if view.stored is None:
        raise AttemptNotFound("/".join(components), attempt, [])
    return MetaflowData(view.stored)
