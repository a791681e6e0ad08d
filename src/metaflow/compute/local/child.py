"""What a worker process does with its life: one attempt, from a clean start to its exit."""

import _thread
import atexit
import os
import sys
import threading
from socket import socket
from typing import NamedTuple

from metaflow.artifact_store.local import LocalArtifactStore
from metaflow.authoring.constants import seal_parameters
from metaflow.authoring.flowspec import FlowSpec, flow_graph
from metaflow.authoring.step_decorators import attach
from metaflow.compute.local import frames
from metaflow.model.task import Assignment, RunContext
from metaflow.task.attempt import flush_output, run_attempt
from metaflow.task.freshness import refresh_random_generators


class Preparation(NamedTuple):
    """What all attempts of a run share; made once, before workers are forked."""

    flow: type[FlowSpec]
    context: RunContext
    store: LocalArtifactStore


def prepare(flow: type[FlowSpec], context: RunContext) -> Preparation:
    """Make a flow class ready to run attempts."""
    attach(flow, context.with_specs)
    flow_graph(flow)
    seal_parameters(flow)
    os.environ["METAFLOW_RUN_ID"] = context.run_id
    return Preparation(flow, context, LocalArtifactStore(context.root))


def serve_one(ready: Preparation, channel: socket, *, forked: bool) -> int | None:
    """Wait for an assignment, run it, and answer with its outcome.

    Parameters
    ----------
    ready : Preparation
        What all attempts of the run share.
    channel : socket
        The line to the launcher.
    forked : bool
        This process shares its past with siblings.

    Returns
    -------
    int or None
        Exit code of the process; None when the launcher went away before there was work.
    """
    message = frames.receive(channel)
    if message is None:
        return None
    if forked:
        refresh_random_generators(sys.modules.get(ready.flow.__module__))
    outcome = run_attempt(*ready, Assignment.from_json(message))
    finish_like_an_interpreter()
    channel.sendall(frames.encode(outcome))
    return 0 if outcome.ok else 1


def finish_like_an_interpreter() -> None:
    """Do what the end of a normal program does, as part of the task."""
    # Whatever libraries do when a program ends belongs to the task, and so does what they
    # print: do it before the task counts as finished.
    if _thread._count():  # noqa: SLF001 - threads besides the main one; counting is cheap
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - joins those that are no daemons
    if atexit._ncallbacks():  # noqa: SLF001 - likewise
        atexit._run_exitfuncs()  # noqa: SLF001 - what a normal interpreter exit runs
    flush_output()


def open_unbuffered_output() -> None:
    """Make prints reach the pipe at once, so that a crash loses nothing that was printed."""
    import io

    for number, name in ((1, "stdout"), (2, "stderr")):
        raw = io.FileIO(number, "w", closefd=False)
        text = io.TextIOWrapper(
            raw,  # a raw file under a write-through text layer: nothing is held back
            encoding="utf-8",
            errors="backslashreplace" if number == 2 else "surrogateescape",  # noqa: PLR2004 - standard error, as the interpreter opens it
            newline="\n",
            write_through=True,
        )
        setattr(sys, name, text)
        setattr(sys, f"__{name}__", text)
