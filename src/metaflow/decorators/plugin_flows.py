"""Flow decorators that extensions write: their hooks, and what these make known of a flow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from metaflow.ambient import ambient
from metaflow.authoring import flow_decorators
from metaflow.authoring.flowspec import FlowSpec, flow_graph
from metaflow.decorators.surroundings import Environment, FlowDatastore, Metadata, log, shown
from metaflow.model.flow_facts import FlowFacts, Situation


class FlowMetadata(Metadata):
    """The metadata store before a run: hooks give the runs to come their system tags."""

    def __init__(self) -> None:
        super().__init__()
        self.sticky_sys_tags: set[str] = set()

    def add_sticky_tags(self, sys_tags: Iterable[str] = ()) -> None:
        """Give all runs of the flow further system tags."""
        self.sticky_sys_tags.update(sys_tags)


class FlowDecorator(flow_decorators.FlowDecorator):
    """Base of flow decorators in extension packages.

    Set `name`, `defaults`, perhaps `options` and `allow_multiple` on the class, and override
    `flow_init`.

    Parameters
    ----------
    attributes : dict, optional
        The keyword arguments that the user gave.
    statically_defined : bool, default False
        The decorator stands in the source file.
    inserted_by : list of str, optional
        Who has added it, if it was not the user.
    place : tuple of str and int, optional
        File and line that it stands on.
    """

    def __init__(
        self,
        attributes: Mapping[str, Any] | None = None,
        statically_defined: bool = False,
        inserted_by: list[str] | None = None,
        place: tuple[str | None, int | None] = (None, None),
    ) -> None:
        super().__init__(attributes or {}, statically_defined=statically_defined, place=place)
        self.inserted_by = inserted_by

    def init(self) -> None:
        """Begin; attributes are final."""

    def flow_init(
        self,
        flow: Any,
        graph: Any,
        environment: Any,
        flow_datastore: Any,
        metadata: Any,
        logger: Callable[..., None],
        echo: Callable[..., None],
        options: Mapping[str, Any],
    ) -> None:
        """Look at the flow and the options, and refuse what does not fit.

        `current._update_env` adds attributes that each task sees, if they are plain data;
        `metadata.add_sticky_tags(sys_tags=...)` adds system tags to runs.
        """

    def get_top_level_options(self) -> list[tuple[str, Any]]:
        """List the options that the decorator's tasks need; no task needs any here."""
        return []

    def declare(self, facts: FlowFacts, situation: Situation) -> FlowFacts:
        """Call the hooks and take in what they make known."""
        flow = self._flow(situation.flow)
        metadata = FlowMetadata()
        before = dict((ambient.current or {}).get("extras", {}))
        self.init()
        self.flow_init(
            shown(flow),
            flow_graph(flow),
            Environment(),
            FlowDatastore(flow.__name__, None),
            metadata,
            log,
            log,
            {name: situation.options.get(name) for name in self.options},
        )
        after: dict[str, Any] = (ambient.current or {}).get("extras", {})
        added = {
            name: value
            for name, value in after.items()
            if name not in before or before[name] != value
        }
        return facts._replace(
            current={**facts.current, **added},
            system_tags=(*facts.system_tags, *sorted(metadata.sticky_sys_tags)),
        )

    def _flow(self, name: str) -> type[FlowSpec]:
        """Find the flow class that this decorator stands on."""
        waiting: list[type[FlowSpec]] = [FlowSpec]
        while waiting:
            flow = waiting.pop()
            if flow.__name__ == name and self in flow_decorators.flow_decorators(flow):
                return flow
            waiting += flow.__subclasses__()
        raise LookupError(name)
