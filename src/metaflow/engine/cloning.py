"""What is recorded and shown of tasks that a resume takes over from an earlier run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from metaflow.engine.inputs import dumps
from metaflow.model.records import AttemptDone, TaskCreated

if TYPE_CHECKING:
    from metaflow.engine.console import Console
    from metaflow.engine.inputs import InputTexts
    from metaflow.engine.ledger import Ledger
    from metaflow.engine.plan_messages import Clone

SHOWN = 100
"""How many clones a terminal names; its status line counts all of them."""


class Cloning:
    """Carries out clones.

    Parameters
    ----------
    ledger : Ledger
        Takes the facts.
    inputs : InputTexts
        Told of what tasks that follow will read.
    console : Console
        Where lines go: one for each clone, on a terminal only for the first of very many.
    origin_run_id : str, optional
        The run that is cloned from.
    """

    def __init__(
        self, ledger: Ledger, inputs: InputTexts, console: Console, origin_run_id: str | None
    ) -> None:
        self._ledger = ledger
        self._inputs = inputs
        self._console = console
        self._origin_run_id = origin_run_id
        self._count = 0
        self._told = 0

    def clone(self, clone: Clone) -> None:
        """Record a task as done with the results of an earlier one."""
        now = time.time()
        origin, task_id, transition = clone.origin, clone.task_id, clone.origin.transition
        manifest = origin.manifest_json
        frames = dumps(clone.frames) if clone.frames else "[]"
        self._ledger.add(
            TaskCreated(task_id, clone.step, now, frames, clone.input_ids, origin.task_id)
        )
        self._ledger.add(
            AttemptDone(task_id, 0, now, origin.ok, origin.handled, manifest, transition)
        )
        if clone.gang is not None:
            from metaflow.engine.gangs import gang_facts

            self._ledger.add_all(gang_facts(task_id, 0, clone.gang, now))
        self._inputs.put(task_id, clone.step, frames, manifest, transition)
        if clone.gang is None:
            self._inputs.used(clone.input_ids)
        self._count += 1
        if self._console.live is None or self._count <= SHOWN:
            self._told += 1
            place = f"{self._origin_run_id}/{origin.step}/{origin.task_id}"
            self._console.say(f"Cloning previously run task {place}")

    def tell_rest(self) -> None:
        """Say how many clones have not been named, if there are any."""
        if self._count > self._told:
            self._console.say(f"Cloned {self._count - self._told} more tasks")
            self._told = self._count
