"""Where looking starts: `Metaflow()`, all flows, and `Flow('Name')`, all runs of one."""

# ruff: noqa: SLF001 - the classes of this folder make one another without a second look-up
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from metaflow.client.base import MetaflowObject, place_of
from metaflow.client.run import Run, run_object
from metaflow.client.scope import Scope, current_scope, scope_of
from metaflow.client.siblings import RunListing
from metaflow.client.view import RUNNING, RunView, catalog_of, local_time
from metaflow.errors.metadata import MetaflowNamespaceMismatch, ObjectNotFound
from metaflow.metadata_store.sqlite.catalog import NEWEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from metaflow.metadata_store.facts import FlowFacts, RunFacts
    from metaflow.metadata_store.sqlite.store import SqliteMetadataStore

FIRST_PAGE: Final = 32
LARGEST_PAGE: Final = 512
"""Listings come in pages that grow: the newest few at once, all in few queries."""


class Flow(MetaflowObject, depth=1, kind="flow"):
    """All runs of a flow, found as `Flow('Name')`.

    Iterating it yields the runs in the namespace, newest first; `flow['1842']` is one run.
    """

    __slots__ = ("_catalog", "_facts")

    _catalog: SqliteMetadataStore
    _facts: FlowFacts

    def _locate(self, components: Sequence[str], attempt: int | None) -> None:  # noqa: ARG002 - flows have no attempts
        (name,) = components
        catalog = catalog_of(self._scope, "flow", name)
        facts = catalog.flow(name)
        if facts is None:
            names = [known.name for known in catalog.flows()]
            raise ObjectNotFound("flow", name, names, self._scope.backing.root)
        self._catalog = catalog
        self._facts = facts
        if not self.is_in_namespace():
            raise MetaflowNamespaceMismatch(self._scope.namespace, name)

    @property
    def _run_view(self) -> None:
        return None

    @property
    def path_components(self) -> list[str]:
        """The parts of the pathspec."""
        return [self._facts.name]

    @property
    def created_at(self) -> datetime:
        """When the flow's first run began, as naive local time."""
        return local_time(self._facts.created_at)

    def is_in_namespace(self) -> bool:
        """Say whether any run of the flow is in the namespace.

        Returns
        -------
        bool
            True if a run has the namespace's tag.
        """
        namespace = self._scope.namespace
        return namespace is None or self._catalog.flow_has_tag(self._facts.key, namespace)

    @property
    def latest_run(self) -> Run | Any:
        """The newest run in the namespace."""
        found = self._catalog.runs(self._facts.key, self._wanted(()), count=1)
        return self._run(found[0]) if found else None

    @property
    def latest_successful_run(self) -> Run | Any:
        """The newest run in the namespace that has succeeded."""
        found = self._catalog.latest_successful_run(self._facts.key, self._wanted(()))
        return None if found is None else self._run(found)

    def runs(self, *tags: str) -> Iterator[Run]:
        """Go through the runs in the namespace, newest first.

        Parameters
        ----------
        *tags : str
            A run must have all of these tags.

        Yields
        ------
        Run
            The next run.
        """
        catalog, flow = self._catalog, self._facts.key
        wanted = catalog.rarest_first(flow, self._wanted(tags))
        count, before = FIRST_PAGE, NEWEST
        while True:
            version = catalog.version()
            listed = catalog.runs(flow, wanted, before=before, count=count)
            listing = RunListing(catalog, version, listed, RUNNING)
            for facts in listed:
                yield self._run(facts, listing)
            if len(listed) < count:
                return
            before = listed[-1].key
            count = min(count * 4, LARGEST_PAGE)

    def __iter__(self) -> Iterator[Run]:
        return self.runs()

    def __getitem__(self, run_id: str) -> Run:
        facts = self._catalog.run(self._facts.name, str(run_id))
        if facts is None:
            raise KeyError(run_id)
        run = self._run(facts)
        run._view.check_namespace(run.pathspec)
        return run

    def __contains__(self, run_id: object) -> bool:
        return self._catalog.run(self._facts.name, str(run_id)) is not None

    def _run(self, facts: RunFacts, listing: RunListing | None = None) -> Run:
        return run_object(RunView(self._scope, self._catalog, self._facts.name, facts, listing))

    def _wanted(self, tags: tuple[str, ...]) -> tuple[str, ...]:
        namespace = self._scope.namespace
        return tags if namespace is None else (*tags, namespace)


class Metaflow:
    """All flows that have a run in the namespace; `Metaflow()['Name']` is one of them."""

    __slots__ = ("_scope",)

    def __init__(self) -> None:
        self._scope: Scope = current_scope()

    @property
    def flows(self) -> list[Flow]:
        """The flows, newest first."""
        return list(self)

    def __iter__(self) -> Iterator[Flow]:
        catalog = self._scope.backing.catalog
        if catalog is None:
            return
        for facts in catalog.flows(self._scope.namespace):
            flow = Flow.__new__(Flow)
            flow._scope = self._scope
            flow._catalog = catalog
            flow._facts = facts
            yield flow

    def __getitem__(self, name: str) -> Flow:
        if name not in self:
            raise KeyError(name)
        return Flow._found(self._scope, [name])

    def __contains__(self, name: object) -> bool:
        catalog = self._scope.backing.catalog
        return catalog is not None and isinstance(name, str) and catalog.flow(name) is not None

    def __reduce__(self) -> tuple[object, ...]:
        return _restored_root, place_of(self._scope)

    def __repr__(self) -> str:
        return "Metaflow()"

    def __str__(self) -> str:
        return f"Metaflow() looking at `{self._scope.backing.spec}`"


def _restored_root(spec: str, namespace: str | None, checked: bool) -> Metaflow:
    root = Metaflow.__new__(Metaflow)
    root._scope = scope_of(spec, namespace, checked=checked)
    return root
