"""Runs a toy attempt in the warm parent, so that its workers find everything in place.

What the first attempt of a process does for the first time (filling caches, specializing
bytecode, growing the heap) costs each forked worker its own copies of the pages it touches.
Done once before the fork, it costs nothing in the workers.
"""

from __future__ import annotations

import _socket  # what `socket` adds to it takes 2 ms to load
import contextlib
import os
import threading
from typing import Any

from metaflow.ambient import ambient
from metaflow.artifact_store.local import LocalArtifactStore
from metaflow.authoring.flowspec import FlowSpec
from metaflow.authoring.steps import step
from metaflow.compute.local import frames
from metaflow.model.task import Assignment, Frame, Input, RunContext
from metaflow.task.attempt import run_attempt
from metaflow.task.leaving import flush_output, lowest_free_descriptor

TIMES = 10
"""The interpreter specializes a function after eight calls."""


class Node:
    """As much of a graph's node as an attempt looks at."""

    out_funcs = ("work",)


class ToyFlow(FlowSpec):
    """A step of a foreach that does as little as possible."""

    __graph__ = {"work": Node}  # noqa: RUF012 - stands in for a graph read from source

    @step
    def work(self) -> None:
        """Use an item, an inherited artifact and a transition."""
        self.result = self.input
        self.next(self.work)


def rehearse() -> None:
    """Run the toy attempt a few times on a store in memory; failures do not matter."""
    with contextlib.suppress(Exception):
        _rehearse_fork()
        _rehearse_attempt()
    ambient.current = None


def _rehearse_fork() -> None:
    # What `threading` does in every forked child is most of what a fork costs there. It
    # takes other threads for dead, so it must not be called where there are any.
    after_fork = getattr(threading, "_after_fork", None)
    if after_fork is not None and threading.active_count() == 1:
        for _ in range(TIMES):
            after_fork()
    # Addresses of functions in shared libraries are looked up on first use.
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    for number in (1, 2):
        copy = os.dup(number)
        os.dup2(copy, number)
        os.closerange(copy, copy + 1)


def _rehearse_attempt() -> None:
    near, far = _socket.socketpair()
    memory = os.memfd_create("rehearsal")
    try:
        pack = str(memory)
        context = RunContext("ToyFlow", "0", "/proc/self/fd", pack, {}, (), (), "", None)
        store = LocalArtifactStore(context.root)
        items = store.save_items([1, "text"], pack)
        values = {"items": [1, "text"], "number": 1, "text": "text"}
        saved, _ = store.save(values, pack)
        # What has no open format needs `pickle`, which nobody has imported so far.
        store.save({"pickled": Node}, pack)
        frame = Frame("split", "1", "items", 0, 2, items)
        assignment: Any = Assignment("work", "2", 0, (frame,), (Input("split", "1", (), saved),))
        for _ in range(TIMES):
            far.sendall(frames.encode(assignment))
            message: Any = frames.receive_body(near)
            lowest_free_descriptor()
            outcome = run_attempt(ToyFlow, context, store, Assignment.from_body(message))
            store.close()
            flush_output()
            near.sendall(frames.encode(outcome))
            frames.receive(far)
    finally:
        os.close(memory)
        near.close()
        far.close()
