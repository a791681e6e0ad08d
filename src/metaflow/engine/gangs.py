"""What the loop adds to the members of a gang: a port to meet at, and facts for readers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow.model.records import TaskMetadata

if TYPE_CHECKING:
    from metaflow.engine.plan_messages import Launch
    from metaflow.model.task import GangPlace


class GangPorts:
    """One free port for each attempt of a gang."""

    def __init__(self) -> None:
        self._ports: dict[str, tuple[int, int]] = {}
        """Attempt and port of each gang by the id of its control task."""

    def settle(self, launch: Launch, gang: GangPlace) -> Launch:
        """Tell a member the port that all members of its gang's attempt are told."""
        if gang.port:
            return launch
        attempt, port = self._ports.get(gang.control_id, (-1, 0))
        if attempt != launch.attempt:
            # Not the port of an attempt before: it may still be in use.
            from metaflow.task.ports import free_port

            port = free_port()
            self._ports[gang.control_id] = (launch.attempt, port)
        return launch._replace(gang=gang._replace(port=port))


def gang_facts(task_id: str, attempt: int, gang: GangPlace, now: float) -> list[TaskMetadata]:
    """Record how large a member's gang is, and which of its tasks is in control."""
    facts = [TaskMetadata(task_id, attempt, "parallel-world-size", str(gang.count), now)]
    if task_id == gang.control_id:
        facts.append(TaskMetadata(task_id, attempt, "internal_task_type", "control_task", now))
    return facts
