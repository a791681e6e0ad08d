"""`Deployer`: installs a flow on a scheduler and asks that for runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from metaflow.protocols.deploy_target import DeployRequest
from metaflow.runner.closing import CleansUp
from metaflow.runner.deploy_targets import find_target, target_names
from metaflow.runner.deployed import DeployedFlow, TriggeredRun
from metaflow.runner.metaflow_runner import Runner

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from metaflow.protocols.deploy_target import DeployTarget

__all__ = ["DeployedFlow", "Deployer", "PreparedDeployment", "TriggeredRun"]


class PreparedDeployment:
    """A flow together with the scheduler that it is going to be deployed on."""

    def __init__(
        self, deployer: Deployer, target: DeployTarget, options: Mapping[str, Any]
    ) -> None:
        self.deployer: Deployer = deployer
        self._target = target
        self._options = options

    def create(self, **kwargs: Any) -> DeployedFlow:
        """Deploy the flow.

        Parameters
        ----------
        **kwargs : Any
            Options of the scheduler's `create`.

        Returns
        -------
        DeployedFlow
            The deployment.
        """
        facts = self._target.create(self.deployer.request(self._options, kwargs))
        return DeployedFlow(self._target, facts, self.deployer)


class Deployer(CleansUp):
    """Deploys a flow's file: `Deployer("train.py").argo_workflows(name="train").create()`.

    There is one method for each deploy target; other packages bring targets by an entry
    point of the group `metaflow.deploy`.

    Parameters
    ----------
    flow_file : str
        Path of the flow's file.
    show_output : bool, default True
        Print what deploying prints.
    profile : str, optional
        Profile to use, as METAFLOW_PROFILE names it.
    env : mapping of str to str, optional
        Environment variables to add to those of this process.
    cwd : str, optional
        Working directory; that of this process by default.
    file_read_timeout : float, default 3600
        Seconds that a target may take to tell what it has deployed.
    **kwargs : Any
        Top-level options of the flow.
    """

    def __init__(
        self,
        flow_file: str,
        show_output: bool = True,
        profile: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        file_read_timeout: float = 3600,
        **kwargs: Any,
    ) -> None:
        # What a runner checks and knows is what a deployer needs.
        self._runner = Runner(
            flow_file, show_output, profile, env, cwd, file_read_timeout, **kwargs
        )

    @property
    def flow_file(self) -> str:
        """Path of the flow's file."""
        return self._runner.flow_file

    def __getattr__(self, name: str) -> Callable[..., PreparedDeployment]:
        """Return the method for a deploy target."""
        if name.startswith("_") or name not in target_names():
            raise AttributeError(
                f"There is no deploy target `{name}`; there are "
                + ", ".join(f"`{one}`" for one in target_names())
            )
        target = find_target(name)

        def prepare(**options: Any) -> PreparedDeployment:
            return PreparedDeployment(self, target, options)

        return prepare

    def __dir__(self) -> list[str]:
        """Names of attributes and deploy targets."""
        return [*object.__dir__(self), *target_names()]

    def request(
        self, target_options: Mapping[str, Any], create_options: Mapping[str, Any]
    ) -> DeployRequest:
        """Put together what a target is told."""
        runner = self._runner
        return DeployRequest(
            runner.api.flow,
            runner.flow_file,
            runner.api.words,
            runner.env_vars,
            runner.cwd,
            target_options,
            create_options,
            runner.show_output,
        )

    def check_parameters(self, given: Mapping[str, Any]) -> None:
        """Refuse what the flow does not take.

        Raises
        ------
        UnknownArgument, MissingArgument, ArgumentTypeWrong
            The parameters do not fit.
        """
        self._runner.api.run(**given)

    def cleanup(self) -> None:
        """Remove what was made for deploying."""
        self._runner.cleanup()
