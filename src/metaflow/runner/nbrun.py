"""`NBRunner`: runs a flow that is defined in a notebook."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from metaflow.errors.runner import NBRunnerInitializationError
from metaflow.runner.cell import make_flow_file
from metaflow.runner.closing import CleansUp
from metaflow.runner.metaflow_runner import ExecutingRun, Runner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow.authoring.flowspec import FlowSpec
    from metaflow.client import Run

__all__ = ["NBRunner", "NBRunnerInitializationError"]


class NBRunner(CleansUp):
    """Runs a flow that is defined in a notebook.

    The flow's cell, without what starts runs there, is written to a file; so is what the
    flow needs of other cells, as far as that can stand in a file.

    Parameters
    ----------
    flow : type of FlowSpec
        The flow class.
    show_output : bool, default True
        Print what the run prints.
    profile : str, optional
        Profile to use, as METAFLOW_PROFILE names it.
    env : mapping of str to str, optional
        Environment variables to add to those of this process.
    base_dir : str, optional
        Folder of the file, and working directory of the run; this process's by default.
    file_read_timeout : float, default 3600
        Seconds within which the run must be registered.
    **kwargs : Any
        Top-level options of the flow.

    Raises
    ------
    NBRunnerInitializationError
        There is no IPython here.

    Examples
    --------
    >>> run = NBRunner(TrainFlow).nbrun(alpha=0.1)
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
            raise NBRunnerInitializationError
        self.flow_file: str = make_flow_file(flow, base_dir)
        try:
            self.runner: Runner = Runner(
                self.flow_file,
                show_output=show_output,
                profile=profile,
                env=env,
                cwd=base_dir,
                file_read_timeout=file_read_timeout,
                **kwargs,
            )
        except BaseException:
            os.unlink(self.flow_file)
            raise

    def nbrun(self, **kwargs: Any) -> Run:
        """Run the flow to its end, clean up, and return the run, successful or not.

        Parameters
        ----------
        **kwargs : Any
            As `Runner.run` takes them.

        Returns
        -------
        Run
            The run.
        """
        try:
            return self.run(**kwargs).run
        finally:
            self.cleanup()

    def nbresume(self, **kwargs: Any) -> Run:
        """Resume an earlier run to its end, clean up, and return the new run.

        Parameters
        ----------
        **kwargs : Any
            As `Runner.resume` takes them.

        Returns
        -------
        Run
            The new run.
        """
        try:
            return self.resume(**kwargs).run
        finally:
            self.cleanup()

    def run(self, **kwargs: Any) -> ExecutingRun:
        """Run the flow like `Runner.run`; `cleanup` is up to the caller."""
        return self.runner.run(**kwargs)

    def resume(self, **kwargs: Any) -> ExecutingRun:
        """Resume an earlier run like `Runner.resume`; `cleanup` is up to the caller."""
        return self.runner.resume(**kwargs)

    async def async_run(self, **kwargs: Any) -> ExecutingRun:
        """Run the flow like `Runner.async_run`; `cleanup` is up to the caller."""
        return await self.runner.async_run(**kwargs)

    async def async_resume(self, **kwargs: Any) -> ExecutingRun:
        """Resume an earlier run like `Runner.async_resume`; `cleanup` is up to the caller."""
        return await self.runner.async_resume(**kwargs)

    def cleanup(self) -> None:
        """End what still runs, and remove the flow's file and the output."""
        self.runner.cleanup()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.flow_file)


def in_ipython() -> bool:
    """Say whether this process is a notebook's kernel, or another IPython."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return get_ipython() is not None
