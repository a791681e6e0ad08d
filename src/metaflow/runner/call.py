"""How a program runs a flow that it has as a class, and gets the finished run or an error."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any, Final

from metaflow.client import Run, Task
from metaflow.errors.runner import RunFailed, RunTimedOut
from metaflow.runner.cell import is_in_notebook, write_flow_file
from metaflow.runner.click_api import MetaflowAPI, interpreter
from metaflow.runner.entry import words_of
from metaflow.runner.loading import refuse_during_import
from metaflow.runner.metaflow_runner import ExecutingRun, Runner, child_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from metaflow.authoring.flowspec import FlowSpec

FAILED_STEP: Final = re.compile(r"Step (\w+) \(task-id (\S+)\) failed")
LAST_LINES: Final = 30
"""How much of the output stands for a traceback when there is none."""


def run_flow(
    flow: type[FlowSpec],
    /,
    *,
    parameters: Mapping[str, Any] | None = None,
    show_output: bool = False,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    profile: str | None = None,
    timeout: float | None = None,
    **options: Any,
) -> Run:
    """Run a flow in a process of its own and return the finished run.

    The class may be defined in a program, in a module that is imported, or in a notebook
    cell; its file needs no last line that runs it.

    Parameters
    ----------
    flow : type of FlowSpec
        The flow class.
    parameters : mapping of str to Any, optional
        Values of parameters whose names are keywords of this function.
    show_output : bool, default False
        Print what the run prints.
    env : mapping of str to str, optional
        Environment variables to add to those of this process.
    cwd : str, optional
        Working directory of the run; that of this process by default.
    profile : str, optional
        Profile to use, as METAFLOW_PROFILE names it.
    timeout : float, optional
        Seconds after which the run is ended.
    **options : Any
        Parameters of the flow, options of `run` and top-level options, by name.

    Returns
    -------
    Run
        The run, which has succeeded.

    Raises
    ------
    RunFailed
        A step has failed; the error has its traceback.
    RunTimedOut
        It took too long.
    RunNotStarted
        The flow was refused before there was a run.
    UnknownArgument, MissingArgument, ArgumentTypeWrong
        The arguments do not fit.

    Examples
    --------
    >>> run = run_flow(TrainFlow, alpha=0.1, tags=["nightly"])
    >>> run.data.score
    """
    refuse_during_import()
    environ = child_environment(env, profile)
    with _program_of(flow) as program:
        api = MetaflowAPI(flow, program, environ=environ, cwd=cwd)
        top = {name: value for name, value in options.items() if _is_top_level(api, name)}
        given = {name: value for name, value in options.items() if name not in top}
        with Runner.of_api(api(**top), env=environ, cwd=cwd) as runner:
            runner.show_output = show_output
            executing = runner.run_within(timeout, {**given, **(parameters or {})})
            return _finished(executing, timeout)


@contextlib.contextmanager
def _program_of(flow: type[FlowSpec]) -> Iterator[list[str]]:
    """Words that start the flow's command line; a cell is in a file meanwhile."""
    if not is_in_notebook(flow):
        yield [*interpreter(), *words_of(flow)]
        return
    with write_flow_file(flow) as path:
        yield [*interpreter(), path]


def _is_top_level(api: MetaflowAPI, name: str) -> bool:
    return api.takes(name) and name not in {"decospecs", "with"}


def _finished(executing: ExecutingRun, timeout_s: float | None) -> Run:
    if executing.status == "timeout":
        raise RunTimedOut(executing.pathspec, timeout_s or 0.0)
    run = executing.run
    if executing.status == "successful":
        return run
    found = FAILED_STEP.search(executing.stderr)
    step, task = found.groups() if found else (None, None)
    pathspec = f"{run.pathspec}/{step}/{task}" if found else None
    trace = _trace(run, step, task) or "\n".join(
        (executing.stdout + executing.stderr).splitlines()[-LAST_LINES:]
    )
    raise RunFailed(run.pathspec, step, pathspec, trace)


def _trace(run: Run, step: str | None, task_id: str | None) -> str:
    if step is None or task_id is None:
        return ""
    task: Task = run[step][task_id]
    if task.exception is not None:
        return str(task.exception)
    return "\n".join(task.stderr.splitlines()[-LAST_LINES:])
