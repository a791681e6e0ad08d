"""What a worker process does with its life: one attempt, from a clean start to its exit."""

import os
import sys
from typing import NamedTuple

from metaflow.artifact_store.opening import open_artifact_store
from metaflow.artifact_store.store import ArtifactStore
from metaflow.authoring.composition import config_names, is_plain, repeat
from metaflow.authoring.constants import seal_parameters
from metaflow.authoring.flowspec import FlowSpec, flow_graph
from metaflow.compute.local import frames
from metaflow.model.task import Assignment, RunContext
from metaflow.settings.durability import survives_power_loss
from metaflow.task.attempt import run_attempt
from metaflow.task.freshness import refresh_random_generators
from metaflow.task.leaving import leave_like_a_program, lowest_free_descriptor


class Ready(NamedTuple):
    """What all attempts of a run share; made once, before workers are forked."""

    flow: type[FlowSpec]
    context: RunContext
    store: ArtifactStore


def prepare(flow: type[FlowSpec]) -> None:
    """Do what can be done before the run is known."""
    flow_graph(flow)
    if is_plain(flow):
        seal_parameters(flow)


def make_ready(flow: type[FlowSpec], context: RunContext) -> Ready:
    """Do the rest of what comes before the first attempt of a run."""
    store = open_artifact_store(context.place_of_artifacts)
    store.load_ahead()
    survives_power_loss()  # asked for all workers that are forked from here
    flow_graph(flow)
    configs = {name: store.load(context.parameters[name]) for name in config_names(flow)}
    repeat(flow, configs, context.with_specs)
    if context.without_decorators:
        from metaflow.authoring.omission import leave_out

        leave_out(flow, context.without_decorators)
    seal_parameters(flow)
    os.environ["METAFLOW_RUN_ID"] = context.run_id
    return Ready(flow, context, store)


def serve_one(ready: Ready, channel: frames.Channel, *, forked: bool) -> int | None:
    """Wait for an assignment, run it, and answer with its outcome.

    Parameters
    ----------
    ready : Ready
        What all attempts of the run share.
    channel : Channel
        The line to the launcher.
    forked : bool
        This process shares its past with siblings.

    Returns
    -------
    int or None
        Exit code of the process; None when the launcher went away before there was work.
    """
    message = frames.receive_body(channel)
    if message is None:
        return None
    module = sys.modules.get(ready.flow.__module__)
    if forked:
        refresh_random_generators(module)
    free = lowest_free_descriptor()
    outcome = run_attempt(*ready, Assignment.from_body(message))
    ready.store.close()
    leave_like_a_program(vars(module) if module else {}, free)
    channel.sendall(frames.encode(outcome))
    return 0 if outcome.ok else 1
