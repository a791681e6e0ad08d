"""What a run is asked to be: everything the command line or an API call has settled."""

from typing import TYPE_CHECKING, Any, NamedTuple

from metaflow.authoring.flowspec import FlowSpec
from metaflow.graph.model import FlowGraph
from metaflow.model.package import PackageOrder
from metaflow.settings import Settings

if TYPE_CHECKING:
    from metaflow.model.flow_facts import FlowFacts


class Origin(NamedTuple):
    """The earlier run that a resume builds on."""

    run_id: str
    step_to_rerun: str | None = None
    """This step and all that follow from it run again; None: only what did not succeed."""
    clone_only: bool = False
    new_run_id: str | None = None
    """Id for the new run; None lets the engine choose."""


class RunRequest(NamedTuple):
    """One run or resume, checked and ready to start."""

    flow: type[FlowSpec]
    graph: FlowGraph
    settings: Settings
    root: str
    """Root directory of the local store, absolute; it exists."""
    user: str
    parameters: dict[str, Any]
    """Value of every parameter by attribute name, already converted; empty for a resume."""
    tags: tuple[str, ...] = ()
    system_tags: tuple[str, ...] = ()
    max_workers: int = 16
    max_num_splits: int = 100
    max_log_size_mb: int = 10
    run_id_file: str | None = None
    runner_attribute_file: str | None = None
    namespace: str | None = None
    origin: Origin | None = None
    parent_task: str | None = None
    """Pathspec of the task that has started this run from its step, if one has."""
    script: str = ""
    """Base name of the flow's file."""
    facts: "FlowFacts | None" = None
    """What the flow's decorators declare; None for a flow that has none."""
    triggered_by: str = ""
    """What has started the run, as JSON; empty if it is started by hand."""
    datastore: str = "local"
    """Kind of store that has the artifacts."""
    artifact_root: str = ""
    """Address in an object store where artifacts go; empty for beside the facts, in `root`."""
    package: PackageOrder | None = None
    """What of the user's code is stored with the run; None for nothing."""
