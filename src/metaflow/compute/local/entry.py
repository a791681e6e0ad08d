"""What a fresh interpreter becomes when it is started on a flow's file as a worker."""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING, NoReturn

from metaflow.compute.local import child, fork_server, frames
from metaflow.compute.local.lifeline import prepare_to_die_with
from metaflow.compute.local.streams import open_output
from metaflow.model.task import RunContext

if TYPE_CHECKING:
    from metaflow.authoring.flowspec import FlowSpec


def main(flow: FlowSpec, *, is_last: bool) -> NoReturn:
    """Take the role that the command line names: `parent` or `once`.

    Parameters
    ----------
    flow : FlowSpec
        An instance of the user's flow, made by the last line of its file.
    is_last : bool
        Nothing follows the call; a worker never returns anyway.
    """
    del is_last
    role, descriptor = sys.argv[2:4]
    channel = socket.socket(fileno=int(descriptor))
    channel.set_inheritable(False)
    if role == "parent":
        fork_server.serve(type(flow), channel)
    prepare_to_die_with(os.getppid())()
    message = frames.receive(channel)
    if message is None:
        sys.exit(0)
    context = RunContext.from_json(message)
    open_output()
    ready = child.make_ready(type(flow), context)
    sys.exit(child.serve_one(ready, channel, forked=False) or 0)
