"""Steps whose tasks are a gang: they run at the same time and know of one another."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

from metaflow.authoring.current import current
from metaflow.authoring.step_decorators import DecoratorSyntax, StepDecorator
from metaflow.errors.decorator import InvalidDecoratorValue
from metaflow.model.task import GangPlace
from metaflow.protocols.step_hook import Attempt
from metaflow.task.ports import LOCALHOST, free_port

HIGHEST_PORT = 65535


class Parallel(NamedTuple):
    """What `current.parallel` shows."""

    main_ip: str
    """Address of node 0."""
    num_nodes: int
    node_index: int
    control_task_id: str
    """Task id of node 0."""


class ParallelDecorator(StepDecorator):
    """Run the step as a gang, which `self.next(self.step, num_parallel=N)` starts.

    Each of the N tasks finds the others by `current.parallel`, and so do libraries, by
    environment variables. All succeed, or the step fails.
    """

    IS_PARALLEL: ClassVar[bool] = True
    """Read by the graph's checks."""

    name = "parallel"
    precedence = 10

    def around(self, attempt: Attempt, proceed: Callable[[], None]) -> None:
        """Tell the user's code which member of its gang it is."""
        gang = attempt.gang
        if gang is None:
            # A plain call, by a `num_parallel` below 1: a gang of one.
            place, port = Parallel(LOCALHOST, 1, 0, str(current.task_id)), 0
        else:
            place, port = _seen_by(gang), gang.port
        os.environ.update(self.variables(place, port))
        current._update_env({"parallel": place})  # noqa: SLF001 - it is there for decorators
        proceed()

    def variables(self, place: Parallel, port: int) -> dict[str, str]:
        """Make the environment variables that describe a member; `port` is 0 in a plain call."""
        del port
        return {
            "MF_PARALLEL_MAIN_IP": place.main_ip,
            "MF_PARALLEL_NUM_NODES": str(place.num_nodes),
            "MF_PARALLEL_NODE_INDEX": str(place.node_index),
            "MF_PARALLEL_CONTROL_TASK_ID": place.control_task_id,
        }


def _seen_by(gang: GangPlace) -> Parallel:
    return Parallel(gang.main_ip or LOCALHOST, gang.count, gang.node, gang.control_id)


class PytorchParallelDecorator(ParallelDecorator):
    """Run the step as a gang whose members meet as PyTorch and Lightning expect it.

    Parameters
    ----------
    master_port : int, optional
        Port of node 0 at which the members meet; a free one by default.
    """

    name = "pytorch_parallel"
    defaults: ClassVar[Mapping[str, Any]] = {"master_port": None}

    def check(self, step: str, node: Any) -> None:
        """Refuse what is no port."""
        port = self.attributes["master_port"]
        if port is None or (type(port) is int and 0 < port <= HIGHEST_PORT):
            return
        allowed = f"a port is a whole number from 1 to {HIGHEST_PORT}; None takes a free one"
        raise InvalidDecoratorValue(self.name, step, node, f"master_port={port!r}", allowed)

    def variables(self, place: Parallel, port: int) -> dict[str, str]:
        """Add what PyTorch reads to what every gang has."""
        port = self.attributes["master_port"] or port or free_port()
        return {
            **super().variables(place, port),
            "MASTER_ADDR": place.main_ip,
            "MASTER_PORT": str(port),
            "NODE_RANK": str(place.node_index),
            "NUM_NODES": str(place.num_nodes),
            "WORLD_SIZE": str(place.num_nodes),
        }


parallel: DecoratorSyntax = DecoratorSyntax(ParallelDecorator)
pytorch_parallel: DecoratorSyntax = DecoratorSyntax(PytorchParallelDecorator)
