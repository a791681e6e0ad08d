"""What a scheduler's back end promises to those who deploy flows on it."""

# No postponed annotations here: a NamedTuple would compile each of them at import.
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable


class DeployRequest(NamedTuple):
    """A flow that is to be deployed, checked and ready."""

    flow: type
    """The flow class, composed with its configs."""
    flow_file: str
    """Its file, absolute."""
    program: tuple[str, ...]
    """Words of its command line up to and with the top-level options."""
    environ: Mapping[str, str]
    """Environment for that command line."""
    cwd: str | None
    target_options: Mapping[str, Any]
    """Keywords of `Deployer(...).<target>(...)`, such as `name`."""
    create_options: Mapping[str, Any]
    """Keywords of `create(...)`."""
    show_output: bool = True


class Deployment(NamedTuple):
    """A flow that is installed on a scheduler."""

    name: str
    """Its identity there."""
    flow_name: str
    metadata: str
    """What `metaflow.metadata()` takes to find its runs."""
    details: Mapping[str, Any] = {}
    """What the back end wants to remember; plain data."""


class Triggered(NamedTuple):
    """A run that a scheduler was asked for."""

    name: str
    """Its identity at the scheduler."""
    pathspec: str
    """Pathspec that the run has, or will have once it starts."""
    metadata: str
    details: Mapping[str, Any] = {}


class DeployTarget(Protocol):
    """The back end of one scheduler. Its constructor takes no arguments."""

    name: ClassVar[str]

    def create(self, request: DeployRequest) -> Deployment:
        """Install a flow, or replace what has its name."""
        ...

    def trigger(self, deployment: Deployment, parameters: Mapping[str, Any]) -> Triggered:
        """Ask for a run."""
        ...

    def find(self, identifier: str, metadata: str | None) -> Deployment:
        """Look a deployment up by its identity at the scheduler."""
        ...

    def list_deployments(self, flow_name: str | None) -> Iterable[Deployment]:
        """List deployments, of one flow or of all."""
        ...

    def find_triggered(self, identifier: str, run_id: str, metadata: str | None) -> Triggered:
        """Look a run up that a deployment was asked for."""
        ...


@runtime_checkable
class SupportsDelete(Protocol):
    """A target that can take deployments away."""

    def delete(self, deployment: Deployment) -> bool:
        """Take a deployment away; say whether it was there."""
        ...


@runtime_checkable
class SupportsTerminate(Protocol):
    """A target that can end runs."""

    def terminate(self, triggered: Triggered) -> bool:
        """End a run; say whether it was running."""
        ...


@runtime_checkable
class SupportsStatus(Protocol):
    """A target that can tell how a run goes, also before it has started."""

    def status(self, triggered: Triggered) -> str | None:
        """Tell how the run goes, in the scheduler's own word."""
        ...
