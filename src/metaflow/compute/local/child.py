"""What a worker process does with its life: one attempt, from a clean start to its exit."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from socket import socket
from typing import TYPE_CHECKING

from metaflow.artifact_store.local import LocalArtifactStore
from metaflow.authoring.constants import seal_parameters
from metaflow.authoring.flowspec import flow_graph
from metaflow.authoring.step_decorators import attach
from metaflow.compute.local import frames
from metaflow.model.task import Assignment, RunContext
from metaflow.task.attempt import flush_output, run_attempt
from metaflow.task.freshness import refresh_random_generators

if TYPE_CHECKING:
    from metaflow.authoring.flowspec import FlowSpec


def prepare(flow: type[FlowSpec], context: RunContext) -> None:
    """Do what all attempts of a run need done once, before workers are forked."""
    attach(flow, context.with_specs)
    flow_graph(flow)
    seal_parameters(flow)


def serve_one(
    flow: type[FlowSpec], context: RunContext, channel: socket, *, forked: bool
) -> int | None:
    """Wait for an assignment, run it, and answer with its outcome.

    Parameters
    ----------
    flow : type
        The user's flow class.
    context : RunContext
        What all tasks of the run share.
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
        refresh_random_generators(sys.modules.get(flow.__module__))
    os.environ["METAFLOW_RUN_ID"] = context.run_id
    assignment = Assignment.from_json(message)
    outcome = run_attempt(flow, context, assignment, LocalArtifactStore(context.root))
    # Whatever libraries do when a program ends belongs to the task, and so does what they
    # print: do it before the task counts as finished.
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - joins the threads that the step left running
    atexit._run_exitfuncs()  # noqa: SLF001 - what a normal interpreter exit runs
    flush_output()
    channel.sendall(frames.encode(outcome))
    return 0 if outcome.ok else 1


def use_plain_signals() -> None:
    """Undo the signal handling of the process that this one was forked from."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def open_unbuffered_output() -> None:
    """Make prints reach the pipe at once, so that a crash loses nothing that was printed."""
    import io

    for number, name in ((1, "stdout"), (2, "stderr")):
        raw = io.FileIO(number, "w", closefd=False)
        text = io.TextIOWrapper(
            raw,  # type: ignore[arg-type]  # a raw file under a write-through text layer
            encoding="utf-8",
            errors="backslashreplace" if number == 2 else "surrogateescape",  # noqa: PLR2004 - standard error, as the interpreter opens it
            newline="\n",
            write_through=True,
        )
        text.mode = "w"  # what the interpreter sets on its own streams
        setattr(sys, name, text)
        setattr(sys, f"__{name}__", text)
