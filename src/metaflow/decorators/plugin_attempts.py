"""How an attempt runs inside the hooks of plug-in decorators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from metaflow.ambient import ambient
from metaflow.authoring.flowspec import FlowSpec, flow_graph
from metaflow.decorators.surroundings import (
    Environment,
    FlowDatastore,
    Metadata,
    TaskDatastore,
    log,
)
from metaflow.errors.extension import TaskDied
from metaflow.model.spec import StepSpec
from metaflow.protocols.step_hook import Attempt


class Plugin(Protocol):
    """As much of a plug-in as is needed here."""

    def prepare(self, flow: type[FlowSpec], graph: Any, step: str) -> None:
        """Call the hooks that come before any task."""
        ...

    def call(
        self,
        hook: str,
        surroundings: Mapping[str, Any],
        of_context: tuple[Any, ...],
        arguments: tuple[Any, ...],
    ) -> Any:
        """Call a hook, or its `_ctx` form."""
        ...


class TaskHooks:
    """The hooks of all plug-ins of one attempt."""

    def __init__(self, plugins: Sequence[Plugin], attempt: Attempt) -> None:
        self._plugins = plugins
        self._attempt = attempt
        flow = attempt.flow
        facts: dict[str, Any] = ambient.current or {}
        self._run_id = str(facts.get("run_id"))
        self._task_id = str(facts.get("task_id"))
        identity = (flow.name, self._run_id, attempt.step, self._task_id)
        spec = StepSpec(attempt.step)
        for decorator in getattr(type(flow), attempt.step).decorators:
            spec = decorator.declare(spec)
        root: str = vars(flow)["__state__"].context.place_of_artifacts
        graph = flow_graph(type(flow))
        self._tail = (attempt.number, spec.retries)
        self._surroundings: dict[str, Any] = {
            "flow": flow,
            "graph": graph,
            "step_name": attempt.step,
            "environment": Environment(),
            "flow_datastore": FlowDatastore(flow.name, root),
            "metadata": Metadata(flow, identity[1:]),
            "logger": log,
            "run_id": self._run_id,
            "task_id": self._task_id,
            "retry_count": attempt.number,
            "max_user_code_retries": spec.retries,
            "ubf_context": None,
            "inputs": attempt.inputs,
            "task_datastore": TaskDatastore(flow, identity, attempt.number),
        }
        for plugin in plugins:
            plugin.prepare(type(flow), graph, attempt.step)

    def run(self, proceed: Callable[[], None]) -> None:
        """Run the attempt inside the hooks."""
        attempt, known = self._attempt, self._surroundings
        attempt.afterwards.append(self._finished)
        step, flow, graph = attempt.step, attempt.flow, known["graph"]
        try:
            if attempt.fallback:
                raise TaskDied(step, attempt.number)  # noqa: TRY301 - as if the step had raised it
            for plugin in self._plugins:
                arguments = (
                    *(step, known["task_datastore"], known["metadata"], self._run_id),
                    *(self._task_id, flow, graph, *self._tail, None, attempt.inputs),
                )
                plugin.call("task_pre_step", known, (step, attempt.inputs), arguments)
            self._decorated(proceed)()
            for plugin in self._plugins:
                plugin.call("task_post_step", known, (step,), (step, flow, graph, *self._tail))
        except Exception as error:
            handled = [
                plugin.call(
                    "task_exception", known, (step, error), (error, step, flow, graph, *self._tail)
                )
                for plugin in self._plugins
            ]
            if True not in handled:
                raise
            attempt.handled = error

    def _decorated(self, proceed: Callable[[], None]) -> Callable[[], Any]:
        attempt, known = self._attempt, self._surroundings

        def step_function(*arguments: Any, **named: Any) -> None:
            del arguments, named  # the same that the step is called with anyway
            proceed()

        step_function.__name__ = attempt.step
        function: Callable[..., Any] = step_function
        for plugin in self._plugins:
            arguments = (function, attempt.flow, known["graph"], *self._tail, None)
            function = plugin.call("task_decorate", known, (attempt.step, function), arguments)
        inputs = () if attempt.inputs is None else (attempt.inputs,)
        return lambda: function(*inputs)

    def _finished(self, is_ok: bool) -> None:
        attempt, known = self._attempt, self._surroundings
        for plugin in self._plugins:
            arguments = (attempt.step, attempt.flow, known["graph"], is_ok, *self._tail)
            plugin.call("task_finished", known, (attempt.step, is_ok), arguments)
