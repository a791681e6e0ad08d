"""What wants to hear in the launcher how the tasks of a step come about."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Protocol


class StepListener(Protocol):
    """Hears of one step's tasks before they start, and of the run's beginning and end.

    What it raises ends the run.
    """

    def run_started(self, run_id: str) -> None:
        """The run is recorded; no task of it has started."""
        ...

    def task_created(
        self, task_id: str, index: int | None, inputs: list[str], *, is_cloned: bool
    ) -> None:
        """A task was created.

        Parameters
        ----------
        task_id : str
            The task.
        index : int or None
            Its position in the innermost foreach.
        inputs : list of str
            Its predecessors, as `step/task`; none for the first task of a run.
        is_cloned : bool
            It is taken over from an earlier run and does not start.
        """
        ...

    def attempt_starting(self, number: int, retries: int, env: MutableMapping[str, str]) -> None:
        """An attempt of at most 1 + `retries` is about to start; `env` may be changed."""
        ...

    def run_finished(self, error: BaseException | None) -> None:
        """The run has ended; without an error it succeeded."""
        ...
