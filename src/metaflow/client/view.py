"""What client objects of one run share: its facts, re-read while they can still change."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from metaflow.artifact_store.opening import is_remote
from metaflow.client.siblings import RunListing, many
from metaflow.errors.metadata import MetaflowNamespaceMismatch, ObjectNotFound
from metaflow.errors.storage import ArtifactMissing, ArtifactsNotKept, ArtifactUnreadable
from metaflow.model.artifact import ArtifactRef
from metaflow.model.records import ARTIFACT_ROOT, ARTIFACTS_DROPPED, PARAMETERS_STEP

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from metaflow.artifact_store.store import ArtifactStore
    from metaflow.client.scope import Scope
    from metaflow.metadata_store.facts import RunFacts
    from metaflow.metadata_store.judging import Judge
    from metaflow.metadata_store.sqlite.store import SqliteMetadataStore

T = TypeVar("T")

RUNNING: Final = "running"
SUGGESTED: Final = 50
"""Among so many names an error looks for the one that was meant."""

_decode: Final = json.JSONDecoder().decode


def local_time(seconds: float) -> datetime:
    """Turn a stored time into the naive local time that the client shows."""
    return datetime.fromtimestamp(seconds)  # noqa: DTZ006 - naive local time is the contract


def catalog_of(scope: Scope, kind: str, pathspec: str) -> SqliteMetadataStore:
    """Return the facts of a scope.

    Raises
    ------
    MetaflowNotFound
        No flow was ever run there.
    """
    catalog = scope.backing.catalog
    if catalog is None:
        name = pathspec.partition("/")[0]
        raise ObjectNotFound("flow" if "/" in pathspec else kind, name, (), scope.backing.root)
    return catalog


def find_run(scope: Scope, flow: str, run_id: str) -> RunView:
    """Look a run up.

    Raises
    ------
    MetaflowNotFound
        There is no such flow or run.
    MetaflowNamespaceMismatch
        The run is not in the scope's namespace.
    """
    catalog = catalog_of(scope, "run", f"{flow}/{run_id}")
    facts = catalog.run(flow, run_id)
    if facts is None:
        raise _missing_run(scope, catalog, flow, run_id)
    view = RunView(scope, catalog, flow, facts)
    view.check_namespace(f"{flow}/{run_id}")
    return view


class RunView:
    """One run as the client sees it; all objects below a `Run` share its view."""

    __slots__ = (
        "_catalog",
        "_is_read",
        "_metadata",
        "_parameters",
        "_remote",
        "_tags",
        "facts",
        "flow",
        "judges",
        "listing",
        "scope",
    )

    def __init__(
        self,
        scope: Scope,
        catalog: SqliteMetadataStore,
        flow: str,
        facts: RunFacts,
        listing: RunListing | None = None,
    ) -> None:
        self.scope: Final = scope
        self._catalog: Final = catalog
        self._is_read = False
        self.flow: Final = flow
        self.facts: RunFacts = facts
        self.listing: Final = listing
        """The runs that it was found with, if it was."""
        self.judges: dict[str, Judge] = {}
        """What was seen of the leases of its tasks, and of its own under the empty id."""
        self._tags: tuple[frozenset[str], frozenset[str]] | None = None
        self._metadata: dict[str, str] | None = None
        self._parameters: dict[str, list[Any]] | None = None
        self._remote: ArtifactStore | None = None

    @property
    def catalog(self) -> SqliteMetadataStore:
        """The facts, among them all of this run."""
        if not self._is_read:
            # Of a run that an older version has made, maybe nothing but its name was read yet.
            self.scope.backing.older.read(self.facts.key, self.flow, self.facts.run_id)
            self._is_read = True
        return self._catalog

    @property
    def pathspec(self) -> str:
        """Identity of the run."""
        return f"{self.flow}/{self.facts.run_id}"

    @property
    def settled(self) -> bool:
        """Whether the run was over when its facts were read, so that they stay true."""
        return self.facts.status != RUNNING

    def now(self) -> RunFacts:
        """Return the facts as they are now."""
        facts = self.facts
        if facts.status != RUNNING or facts.end_ok:
            return facts
        listing = self._listing
        if listing is None:
            return self.refresh()
        found = listing.now(facts.key)
        return facts if found is facts else self._take(found)

    def refresh(self) -> RunFacts:
        """Read the run and its tags again."""
        self._is_read = False
        return self._take(self.catalog.run_again(self.facts.key))

    def _take(self, facts: RunFacts | None) -> RunFacts:
        if facts is None:
            raise ObjectNotFound("run", self.pathspec)
        self._tags = None
        self.facts = facts
        return facts

    def ask(
        self, question: str, one: Callable[[], T], some: Callable[[Sequence[int]], dict[int, T]]
    ) -> T | None:
        """Ask the store something about this run, or about the runs after it as well.

        Parameters
        ----------
        question : str
            Tells the question from others.
        one : callable
            Asks about this run.
        some : callable
            Asks about all runs with these keys; returns answers by key.
        """
        listing = self._listing
        if listing is None or not self.settled:
            return one()
        return listing.siblings.ask(question, self.facts.key, one, some)

    @property
    def _listing(self) -> RunListing | None:
        # What older versions have left is read run by run, when it is asked for.
        return None if self.scope.backing.older.is_there else self.listing

    @property
    def tags(self) -> tuple[frozenset[str], frozenset[str]]:
        """User tags and system tags."""
        if self._tags is None:
            tags: dict[str, int] = _decode(self.facts.tags)
            self._tags = (
                frozenset(tag for tag, system in tags.items() if not system),
                frozenset(tag for tag, system in tags.items() if system),
            )
        return self._tags

    def is_in(self, namespace: str | None) -> bool:
        """Say whether the run has the namespace's tag."""
        if namespace is None:
            return True
        user, system = self.tags
        return namespace in system or namespace in user

    def check_namespace(self, pathspec: str) -> None:
        """Refuse to show what is outside the namespace."""
        namespace = self.scope.namespace
        if not self.is_in(namespace):
            raise MetaflowNamespaceMismatch(namespace, pathspec)

    @property
    def metadata(self) -> dict[str, str]:
        """Facts that all tasks share."""
        if self._metadata is None:
            catalog, key = self.catalog, self.facts.key
            found = self.ask(
                "metadata",
                lambda: catalog.run_metadata(key),
                lambda keys: many().metadata_of_runs(catalog, keys),
            )
            self._metadata = found or {}
        return self._metadata

    def lasting_fact(self, name: str) -> str | None:
        """Return a fact that all tasks share and that may become known while the run goes on."""
        value = self.metadata.get(name)
        if value is None and self.facts.status == RUNNING:
            self._metadata = None
            value = self.metadata.get(name)
        return value

    def read(self, read: Callable[[ArtifactStore], Any]) -> Any:
        """Read stored bytes: those beside the facts, or else those where the run says they are.

        Parameters
        ----------
        read : callable
            Reads from a store; called again with another one when something is not there.

        Raises
        ------
        ArtifactMissing
            They are nowhere.
        """
        backing = self.scope.backing
        if self._remote is None:
            # Nearly all runs have them there, and these are not even asked.
            try:
                return read(backing.artifacts)
            except ArtifactMissing:
                root = self.metadata.get(ARTIFACT_ROOT, "")
                if not is_remote(root):
                    raise
                self._remote = backing.artifacts_at(root)
        return read(self._remote)

    @property
    def parameters(self) -> dict[str, list[Any]]:
        """What the pseudo-task `_parameters` has stored: artifacts that every task has."""
        if self._parameters is None:
            catalog, key = self.catalog, self.facts.key
            text = self.ask(
                "parameters",
                lambda: catalog.parameters(key),
                lambda keys: many().parameters_of_runs(catalog, keys),
            )
            if text is None:
                return {}
            self._parameters = _decode(text)
        return self._parameters


class AttemptView:
    """What one done attempt has stored, read from JSON no sooner than it is asked for.

    Parameters
    ----------
    run : RunView
        The run.
    step, task_id : str
        The task.
    attempt : int
        The attempt.
    ended_at : float
        When it ended.
    text : str
        Its manifest, as JSON.
    """

    __slots__ = ("_manifest", "_text", "attempt", "ended_at", "run", "step", "task_id")

    def __init__(
        self, run: RunView, step: str, task_id: str, attempt: int, ended_at: float, text: str
    ) -> None:
        self.run: Final = run
        self.step: Final = step
        self.task_id: Final = task_id
        self.attempt: Final = attempt
        self.ended_at: Final = ended_at
        self._text: str = text
        self._manifest: dict[str, list[Any]] | None = None

    @property
    def manifest(self) -> dict[str, list[Any]]:
        """Name -> reference, as JSON has it."""
        if self._manifest is None:
            self._manifest = _decode(self._text)
            self._text = ""
        return self._manifest

    def names(self) -> list[str]:
        """List all artifacts, private ones included, in the order they were stored."""
        if self.step == PARAMETERS_STEP:
            return list(self.manifest)
        return list({**self.run.parameters, **self.manifest})

    def ref(self, name: str) -> ArtifactRef | None:
        """Return the reference of an artifact; the run's parameters belong to every task."""
        found = self.manifest.get(name)
        if found is None and self.step != PARAMETERS_STEP:
            found = self.run.parameters.get(name)
        return None if found is None else ArtifactRef.from_json(found)

    def load(self, ref: ArtifactRef) -> Any:
        """Load a value."""
        return self._read(ref, lambda artifacts: _load_verified(artifacts, ref))

    def export(self, ref: ArtifactRef, path: str) -> str:
        """Write a value into a file, to whose path a suffix is added."""
        found: str = self._read(ref, lambda artifacts: artifacts.export(ref, path))
        return found

    def _read(self, ref: ArtifactRef, read: Callable[[ArtifactStore], Any]) -> Any:
        try:
            return self.run.read(read)
        except ArtifactUnreadable as error:
            if not isinstance(error, ArtifactMissing) or ARTIFACTS_DROPPED not in self.run.metadata:
                self._tell_unreadable(error, ref)
                raise
            pathspec = f"{self.run.pathspec}/{self.step}/{self.task_id}"
            raise ArtifactsNotKept(pathspec) from error

    def _tell_unreadable(self, error: ArtifactUnreadable, ref: ArtifactRef) -> None:
        known = {**self.run.parameters, **self.manifest}
        name = next((name for name in known if self.ref(name) == ref), "?")
        place = f"{self.run.pathspec}/{self.step}/{self.task_id}"
        error.name(f"Artifact `{place}/{name}`", self.run.pathspec)


def _load_verified(artifacts: ArtifactStore, ref: ArtifactRef) -> Any:
    value = artifacts.load(ref)
    # Nobody asks later whether what was mapped is what was stored.
    artifacts.verify_mapped(ref)
    return value


def _missing_run(
    scope: Scope, catalog: SqliteMetadataStore, flow: str, run_id: str
) -> ObjectNotFound:
    found = catalog.flow(flow)
    if found is None:
        names = [known.name for known in catalog.flows()]
        return ObjectNotFound("flow", flow, names, scope.backing.root)
    recent = [run.run_id for run in catalog.runs(found.key, count=SUGGESTED)]
    return ObjectNotFound("run", f"{flow}/{run_id}", recent)
