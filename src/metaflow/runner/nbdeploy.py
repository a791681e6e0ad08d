"""`NBDeployer`: deploys a flow that is defined in a notebook."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from metaflow.errors.runner import NBDeployerInitializationError
from metaflow.runner.cell import make_flow_file
from metaflow.runner.deployer import Deployer
from metaflow.runner.nbrun import in_ipython

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow.authoring.flowspec import FlowSpec

__all__ = ["NBDeployer", "NBDeployerInitializationError"]


class NBDeployer(Deployer):
    """Deploys a flow that is defined in a notebook, as `Deployer` does one of a file.

    Parameters
    ----------
    flow : type of FlowSpec
        The flow class.
    show_output, profile, env, file_read_timeout, **kwargs
        As `Deployer` takes them.
    base_dir : str, optional
        Folder of the file that is made, and working directory; this process's by default.

    Raises
    ------
    NBDeployerInitializationError
        There is no IPython here.
    """

    def __init__(
        self,
        flow: type[FlowSpec],
        show_output: bool = True,
        profile: str | None = None,
        env: Mapping[str, str] | None = None,
        base_dir: str | None = None,
        file_read_timeout: float = 3600,
        **kwargs: Any,
    ) -> None:
        if not in_ipython():
            raise NBDeployerInitializationError
        path = make_flow_file(flow, base_dir)
        try:
            super().__init__(path, show_output, profile, env, base_dir, file_read_timeout, **kwargs)
        except BaseException:
            os.unlink(path)
            raise

    def cleanup(self) -> None:
        """Remove the flow's file and what was made for deploying."""
        super().cleanup()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.flow_file)
