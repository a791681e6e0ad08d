"""What a program holds of a deployed flow, and of a run that its scheduler was asked for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, Self

from metaflow.client import Run
from metaflow.client.scope import scope_of
from metaflow.errors.metadata import MetaflowNotFound
from metaflow.errors.runner import DeployTargetCannot, RunNotBegun
from metaflow.protocols.deploy_target import SupportsDelete, SupportsStatus, SupportsTerminate
from metaflow.runner.deploy_targets import find_target, target_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from metaflow.protocols.deploy_target import Deployment, DeployTarget, Triggered

DEFAULT_TARGET: Final = "argo_workflows"


class TriggeredRun:
    """A run that a scheduler was asked for; it may not have started yet."""

    def __init__(self, target: DeployTarget, facts: Triggered) -> None:
        self._target = target
        self._facts = facts

    @property
    def name(self) -> str:
        """Identity of the run at the scheduler."""
        return self._facts.name

    @property
    def pathspec(self) -> str:
        """Pathspec that the run has, or will have."""
        return self._facts.pathspec

    @property
    def metadata(self) -> str:
        """What `metaflow.metadata()` takes to find the run."""
        return self._facts.metadata

    @property
    def run(self) -> Run | None:
        """The run, whatever the namespace; None as long as it has not started."""
        scope = scope_of(self._facts.metadata, None, checked=False)
        try:
            found: Run = Run._found(scope, self._facts.pathspec.split("/"))  # noqa: SLF001 - the client's own way to look in a store that was not chosen
        except MetaflowNotFound:
            return None
        return found

    @property
    def status(self) -> str | None:
        """How the run goes, in the scheduler's word, if it can tell."""
        if not isinstance(self._target, SupportsStatus):
            return None
        return self._target.status(self._facts)

    def wait_for_run(self, check_interval: float = 5, timeout: float | None = None) -> Run:
        """Wait until the run has started.

        Parameters
        ----------
        check_interval : float, default 5
            Seconds between two looks.
        timeout : float, optional
            Seconds after which to give up.

        Returns
        -------
        Run
            The run.

        Raises
        ------
        RunNotBegun
            It has not started in time.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while (run := self.run) is None:
            rest = None if until is None else until - time.monotonic()
            if rest is not None and rest <= 0:
                raise RunNotBegun(self.pathspec, timeout or 0.0)
            time.sleep(check_interval if rest is None else min(check_interval, rest))
        return run

    def terminate(self) -> bool:
        """End the run, if the scheduler can; say whether it was running."""
        if not isinstance(self._target, SupportsTerminate):
            raise DeployTargetCannot(self._target.name, "terminate")
        return self._target.terminate(self._facts)

    def __repr__(self) -> str:
        return f"<TriggeredRun {self.pathspec}>"


class _PerTarget(type):
    """Gives `DeployedFlow` one method of each kind for each target."""

    def __getattr__(cls, name: str) -> Callable[..., Any]:
        generic: dict[tuple[str, str], Callable[..., Any]] = {
            ("from_", ""): DeployedFlow.from_deployment,
            ("list_", ""): DeployedFlow.list_deployed_flows,
            ("get_triggered_", "_run"): DeployedFlow.get_triggered_run,
        }
        for (before, after), function in generic.items():
            target = name.removeprefix(before).removesuffix(after)
            if name == f"{before}{target}{after}" and target in target_names():
                return _bound_to(function, target)
        raise AttributeError(f"`DeployedFlow` has no attribute `{name}`")


def _bound_to(function: Callable[..., Any], target: str) -> Callable[..., Any]:
    def call(*given: Any, **named: Any) -> Any:
        return function(*given, impl=target, **named)

    return call


class DeployedFlow(metaclass=_PerTarget):
    """A flow that is installed on a scheduler.

    `from_<target>`, `list_<target>` and `get_triggered_<target>_run` are the class methods
    below for one target, such as `DeployedFlow.from_argo_workflows`.
    """

    def __init__(self, target: DeployTarget, facts: Deployment, deployer: Any = None) -> None:
        self._target = target
        self._facts = facts
        self.deployer: Any = deployer
        """What has deployed it; None if it was looked up."""

    @property
    def name(self) -> str:
        """Identity at the scheduler."""
        return self._facts.name

    @property
    def flow_name(self) -> str:
        """Name of the flow."""
        return self._facts.flow_name

    @property
    def metadata(self) -> str:
        """What `metaflow.metadata()` takes to find its runs."""
        return self._facts.metadata

    @property
    def details(self) -> Mapping[str, Any]:
        """What else the target tells of it."""
        return self._facts.details

    def trigger(self, **kwargs: Any) -> TriggeredRun:
        """Ask for a run.

        Parameters
        ----------
        **kwargs : Any
            Parameters of the flow by name.

        Returns
        -------
        TriggeredRun
            The run to come.
        """
        if self.deployer is not None:
            self.deployer.check_parameters(kwargs)
        return TriggeredRun(self._target, self._target.trigger(self._facts, kwargs))

    def delete(self) -> bool:
        """Take the deployment away, if the scheduler can; say whether it was there."""
        if not isinstance(self._target, SupportsDelete):
            raise DeployTargetCannot(self._target.name, "delete")
        return self._target.delete(self._facts)

    @classmethod
    def from_deployment(
        cls, identifier: str, metadata: str | None = None, impl: str = DEFAULT_TARGET
    ) -> Self:
        """Look a deployment up.

        Parameters
        ----------
        identifier : str
            Its identity at the scheduler.
        metadata : str, optional
            Where its runs are.
        impl : str, default "argo_workflows"
            Name of the deploy target.

        Returns
        -------
        DeployedFlow
            The deployment.

        Raises
        ------
        DeployTargetUnknown
            There is no such target.
        """
        target = find_target(impl)
        return cls(target, target.find(identifier, metadata))

    @classmethod
    def list_deployed_flows(
        cls, flow_name: str | None = None, impl: str = DEFAULT_TARGET
    ) -> Iterator[Self]:
        """List deployments.

        Parameters
        ----------
        flow_name : str, optional
            Only those of this flow.
        impl : str, default "argo_workflows"
            Name of the deploy target.

        Returns
        -------
        iterator of DeployedFlow
            The deployments.
        """
        target = find_target(impl)
        return (cls(target, facts) for facts in target.list_deployments(flow_name))

    @classmethod
    def get_triggered_run(
        cls, identifier: str, run_id: str, metadata: str | None = None, impl: str = DEFAULT_TARGET
    ) -> TriggeredRun:
        """Look a run up that a deployment was asked for.

        Parameters
        ----------
        identifier : str
            Identity of the deployment at the scheduler.
        run_id : str
            Id of the run.
        metadata : str, optional
            Where the run is.
        impl : str, default "argo_workflows"
            Name of the deploy target.

        Returns
        -------
        TriggeredRun
            The run.
        """
        target = find_target(impl)
        return TriggeredRun(target, target.find_triggered(identifier, run_id, metadata))

    def __repr__(self) -> str:
        return f"<DeployedFlow {self.name} on {self._target.name}>"
