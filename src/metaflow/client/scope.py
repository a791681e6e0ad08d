"""Where the client looks: which store, and which namespace of it."""

from __future__ import annotations

import os
import time
from typing import Any, Final

from metaflow.ambient import UNSET, Unset, ambient
from metaflow.artifact_store.local import LocalArtifactStore
from metaflow.artifact_store.opening import open_artifact_store
from metaflow.artifact_store.store import ArtifactStore
from metaflow.client.older import OlderRuns
from metaflow.errors.metadata import MetadataTypeUnknown
from metaflow.metadata_store.sqlite.store import SqliteMetadataStore
from metaflow.settings import find_local_root, load_settings
from metaflow.settings.identity import resolve_identity
from metaflow.settings.roots import spin_root_beside
from metaflow.settings.search import LOCAL_DIRECTORY, SPIN_DIRECTORY, nearest_local_directory

DATABASE: Final = "metadata.db"
"""Name of the metadata store's file in a local root."""

FOLDERS: Final = {"local": LOCAL_DIRECTORY, "spin": SPIN_DIRECTORY}
"""Type of metadata -> name of the root in the directory that the rest of the spec names."""


OPEN_STORES: Final = 8
"""How many stores stay open; one that was looked at longer ago is opened again when asked."""

RECORD_WITHIN_S: Final = 5.0
"""A launcher that takes longer to record a task is in trouble that shows elsewhere."""


class Backing:
    """The two stores of one root, opened when first needed.

    Parameters
    ----------
    root : str
        The root directory, absolute.
    """

    __slots__ = ("_artifacts", "_catalog", "_inode", "_remote", "older", "root")

    def __init__(self, root: str) -> None:
        self.root: Final = root
        self._catalog: SqliteMetadataStore | None = None
        self._artifacts: ArtifactStore | None = None
        self._remote: Final[dict[str, ArtifactStore]] = {}
        """Stores of runs whose bytes are elsewhere, by address."""
        self._inode: int | None = None
        self.older: Final = OlderRuns(root)

    @property
    def spec(self) -> str:
        """What `metadata()` takes to find this root."""
        directory, folder = os.path.split(self.root)
        for kind, known in FOLDERS.items():
            if folder == known:
                return f"{kind}@{directory}"
        return f"local@{self.root}"

    @property
    def catalog(self) -> SqliteMetadataStore | None:
        """The facts; None as long as no flow was ever run here."""
        if self._catalog is None:
            self.look_again()
        return self._catalog

    @property
    def artifacts(self) -> ArtifactStore:
        """The bytes that are beside the facts."""
        if self._artifacts is None:
            self._artifacts = LocalArtifactStore(self.root)
        return self._artifacts

    def artifacts_at(self, address: str) -> ArtifactStore:
        """Open the bytes that are in an object store."""
        if address not in self._remote:
            self._remote[address] = open_artifact_store(address)
        return self._remote[address]

    def look_again(self) -> None:
        """Notice that the database has appeared, or was replaced by another one."""
        path = os.path.join(self.root, DATABASE)
        try:
            inode = os.stat(path).st_ino
        except FileNotFoundError:
            inode = None
        if inode != self._inode:
            self._inode = inode
            self._catalog = None if inode is None else SqliteMetadataStore(path, create=False)
            self._artifacts = None
        self._catalog = self.older.look(self._catalog)

    def rest(self) -> None:
        """Close the files; a later question opens them again."""
        if self._catalog is not None:
            self._catalog.close()
        if self._artifacts is not None:
            self._artifacts.close()
        for artifacts in self._remote.values():
            artifacts.close()


class Scope:
    """One view of one backing: the namespace that its objects must be in."""

    __slots__ = ("_namespace", "backing", "checked")

    def __init__(
        self, backing: Backing, *, checked: bool = True, namespace: str | Unset | None = UNSET
    ) -> None:
        self.backing: Final = backing
        self.checked: Final = checked
        self._namespace: Final = namespace

    @property
    def namespace(self) -> str | None:
        """The tag that runs must have; None for everything."""
        if not self.checked:
            return None
        return get_namespace() if isinstance(self._namespace, Unset) else self._namespace


class _Backings:
    """The backings that this process has looked at, and which is the default where."""

    __slots__ = ("_by_root", "_default_directory", "_default_root")

    def __init__(self) -> None:
        self._by_root: Final[dict[str, Backing]] = {}
        self._default_directory: str | None = None
        self._default_root = ""

    def at(self, root: str) -> Backing:
        # The one that was asked for last stands last.
        backing = self._by_root.pop(root, None) or Backing(root)
        self._by_root[root] = backing
        if len(self._by_root) > OPEN_STORES:
            list(self._by_root.values())[-OPEN_STORES - 1].rest()
        backing.look_again()
        return backing

    def default_root(self, *, fresh: bool = False) -> str:
        # Settings do not change under a process, but notebooks change the directory.
        directory = os.getcwd()
        if fresh or directory != self._default_directory:
            found = find_local_root(directory, load_settings())
            if found is None:
                return os.path.join(directory, FOLDERS["local"])
            self._default_directory, self._default_root = directory, found
        return self._default_root


_BACKINGS: Final = _Backings()


def scope_of(spec: str, namespace: str | None, *, checked: bool) -> Scope:
    """Make a scope that does not follow later choices; unpickled objects live in one."""
    return Scope(_BACKINGS.at(_root_of(spec)), checked=checked, namespace=namespace)


def current_scope(*, checked: bool = True) -> Scope:
    """Return the scope of objects that are made now."""
    backing = _current_backing()
    running = ambient.current
    if running is not None and "pathspec" in running and not running.get("is_recorded"):
        running["is_recorded"] = True
        _await_record(backing, running)
    return Scope(backing, checked=checked)


def _await_record(backing: Backing, running: dict[str, Any]) -> None:
    """Wait until the launcher has recorded the task that runs here.

    Facts are recorded in batches, in order: once this task is there, so are all before it.
    A store that is not this run's own has nothing to wait for.
    """
    flow, run_id, _, task_id = running["pathspec"].split("/")
    catalog = backing.catalog
    run = None if catalog is None else catalog.run(flow, run_id)
    if catalog is None or run is None:
        return
    until = time.monotonic() + RECORD_WITHIN_S
    while catalog.task(run.key, task_id) is None and time.monotonic() < until:
        time.sleep(0.001)


def namespace(ns: str | None) -> str | None:
    """Choose the namespace that the client looks at.

    Parameters
    ----------
    ns : str, optional
        A tag that runs must have, such as `user:ann`; None looks at everything.

    Returns
    -------
    str, optional
        The namespace that is now in force.
    """
    ambient.namespace = ns
    return ns


def get_namespace() -> str | None:
    """Return the namespace that is in force.

    Returns
    -------
    str, optional
        The tag that runs must have, None when the client looks at everything.
    """
    chosen = ambient.namespace
    if not isinstance(chosen, Unset):
        return chosen
    if ambient.current is not None and "namespace" in ambient.current:
        inherited: str | None = ambient.current["namespace"]
        return inherited
    return default_namespace()


def default_namespace() -> str | None:
    """Choose the default namespace: your own identity.

    Returns
    -------
    str
        The namespace that is now in force.
    """
    return namespace(resolve_identity(load_settings()))


def metadata(ms: str) -> str:
    """Choose the metadata store that the client reads.

    Parameters
    ----------
    ms : str
        `local@DIR` or `spin@DIR`, or a directory that contains `.metaflow`.

    Returns
    -------
    str
        The choice in the form `type@info`.

    Raises
    ------
    ValueError
        The directory contains no `.metaflow`.
    """
    ambient.metadata = Backing(_root_of(ms)).spec
    return ambient.metadata


def get_metadata() -> str:
    """Return the metadata store that the client reads, in the form `type@info`."""
    return _current_backing().spec


def default_metadata() -> str:
    """Choose the default metadata store: the nearest `.metaflow` upward from here.

    Returns
    -------
    str
        The choice in the form `type@info`.
    """
    ambient.metadata = UNSET
    _BACKINGS.default_root(fresh=True)
    return get_metadata()


def inspect_spin(root: str = ".") -> None:
    """Look at the tasks that `spin` has run in a directory.

    Parameters
    ----------
    root : str, default "."
        The directory that contains `.metaflow_spin`, or one below it.
    """
    ambient.metadata = Backing(_spin_root(root)).spec


def _current_backing() -> Backing:
    chosen = ambient.metadata
    if not isinstance(chosen, Unset):
        return _BACKINGS.at(_root_of(chosen))
    spec = ambient.current.get("metadata_spec") if ambient.current is not None else None
    return _BACKINGS.at(_root_of(spec) if spec else _BACKINGS.default_root())


def _root_of(spec: str) -> str:
    kind, at, info = spec.partition("@")
    if at and kind in FOLDERS:
        if not info and kind == "local":
            return _BACKINGS.default_root()
        return _local_root(info, kind) if info else _spin_root(".")
    if spec in FOLDERS:
        return _BACKINGS.default_root() if spec == "local" else _spin_root(".")
    if "://" in spec or (at and kind.isidentifier()):
        raise MetadataTypeUnknown(spec, sorted(FOLDERS))
    root = _local_root(spec, "local")
    if not os.path.isdir(root):
        raise ValueError(f"The directory `{spec}` contains no `.metaflow`.")
    return root


def _spin_root(directory: str) -> str:
    """Find the root of spun tasks in a directory, above it, or where the settings put it."""
    path = _local_root(directory, "spin")
    if os.path.isdir(path):
        return path
    found = nearest_local_directory(os.path.dirname(path), FOLDERS["spin"])
    return found or spin_root_beside(path, directory, load_settings())


def _local_root(directory: str, kind: str) -> str:
    """Find the root in a directory, which may itself be the root."""
    path = os.path.abspath(os.path.expanduser(directory))
    if os.path.basename(path) in FOLDERS.values() or os.path.isfile(os.path.join(path, DATABASE)):
        return path
    return os.path.join(path, FOLDERS[kind])
