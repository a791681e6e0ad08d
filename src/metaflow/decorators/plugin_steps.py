"""Step decorators that extensions write: their hooks, called in the order they are promised.

A plug-in overrides the hooks it needs. To the rest of the package it is a step decorator like
any other: it is checked, declares facts, and wraps attempts.
"""

# ruff: noqa: ARG002, PLR0913, PLR0917 - hooks take what plug-ins are promised, used or not
from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from typing import Any, Self

from metaflow.authoring import step_decorators
from metaflow.authoring.flowspec import FlowSpec, flow_graph
from metaflow.decorators.plugin_attempts import TaskHooks
from metaflow.decorators.plugin_context import system_context
from metaflow.decorators.plugin_launches import LaunchedStep
from metaflow.decorators.surroundings import (
    Environment,
    FlowDatastore,
    Metadata,
    log,
    shown,
)
from metaflow.model.spec import StepSpec
from metaflow.protocols.step_hook import Attempt


class StepDecorator(step_decorators.StepDecorator):
    """Base of step decorators in extension packages.

    Set `name`, `defaults` and perhaps `allow_multiple` on the class, and override hooks.

    Parameters
    ----------
    attributes : dict, optional
        The keyword arguments that the user gave.
    statically_defined : bool, default False
        The decorator stands in the source file.
    inserted_by : list of str, optional
        Who has added it, if it was not the user.
    """

    def __init__(
        self,
        attributes: Mapping[str, Any] | None = None,
        statically_defined: bool = False,
        inserted_by: list[str] | None = None,
    ) -> None:
        super().__init__(attributes or {}, statically_defined=statically_defined)
        self.inserted_by = inserted_by
        self.surroundings: dict[str, Any] = {}
        """What every hook may know; complete once the decorator was prepared."""

    # ── hooks, in the order in which they are called ─────────────────────────────────────

    def init(self) -> None:
        """Begin; attributes are final."""

    def step_init(
        self,
        flow: Any,
        graph: Any,
        step_name: str,
        decorators: list[Any],
        environment: Any,
        flow_datastore: Any,
        logger: Callable[..., None],
    ) -> None:
        """Look at the flow, and refuse what does not fit; in every process."""

    def package_init(self, flow: Any, step_name: str, environment: Any) -> None:
        """Prepare what the code package needs."""

    def add_to_package(self) -> Any:
        """List files to put into the code package."""
        return []

    def step_task_retry_count(self) -> tuple[int, int]:
        """Say how many further attempts of the user's code and of error handling there are."""
        return 0, 0

    def runtime_init(self, flow: Any, graph: Any, package: Any, run_id: str) -> None:
        """A run begins; in the launcher."""

    def runtime_task_created(
        self,
        task_datastore: Any,
        task_id: str,
        split_index: Any,
        input_paths: list[str],
        is_cloned: bool,
        ubf_context: Any,
    ) -> None:
        """A task of the step was created; in the launcher."""

    def runtime_step_cli(
        self, cli_args: Any, retry_count: int, max_user_code_retries: int, ubf_context: Any
    ) -> None:
        """An attempt is about to start: `cli_args.env` may be changed; in the launcher."""

    def task_pre_step(
        self,
        step_name: str,
        task_datastore: Any,
        metadata: Any,
        run_id: str,
        task_id: str,
        flow: Any,
        graph: Any,
        retry_count: int,
        max_user_code_retries: int,
        ubf_context: Any,
        inputs: Any,
    ) -> None:
        """The user's code is about to run; in the task."""

    def task_decorate(
        self,
        step_func: Callable[..., Any],
        flow: Any,
        graph: Any,
        retry_count: int,
        max_user_code_retries: int,
        ubf_context: Any,
    ) -> Callable[..., Any]:
        """Return what to call instead of the step's function."""
        return step_func

    def task_post_step(
        self, step_name: str, flow: Any, graph: Any, retry_count: int, max_user_code_retries: int
    ) -> None:
        """The user's code has ended well."""

    def task_exception(
        self,
        exception: BaseException,
        step_name: str,
        flow: Any,
        graph: Any,
        retry_count: int,
        max_user_code_retries: int,
    ) -> bool | None:
        """The user's code has failed; return True to take the failure upon the decorator."""

    def task_finished(
        self,
        step_name: str,
        flow: Any,
        graph: Any,
        is_task_ok: bool,
        retry_count: int,
        max_user_code_retries: int,
    ) -> None:
        """The task's artifacts are stored."""

    def runtime_finished(self, exception: BaseException | None) -> None:
        """The run has ended; in the launcher."""

    # ── what the rest of the package sees ────────────────────────────────────────────────

    def clone(self) -> Self:
        """Make one of these for another flow class; its hooks begin anew."""
        twin = super().clone()
        vars(twin).pop("_ready_for", None)
        return twin

    def check(self, step: str, node: Any) -> None:
        """Let the decorator look at the flow that the node belongs to."""
        flow = _flow_of(node)
        self.prepare(flow, flow_graph(flow), step)

    def declare(self, spec: StepSpec) -> StepSpec:
        """Ask for the further attempts that the decorator wants."""
        user, error = self.step_task_retry_count()
        return spec._replace(
            retries=max(spec.retries, user),
            fallbacks=max(spec.fallbacks, error),
            listeners=(*spec.listeners, LaunchedStep(self, spec.name)),
        )

    def around(self, attempt: Attempt, proceed: Callable[[], None]) -> None:
        """Run the hooks of all plug-ins of the step, the outermost of which does it for all."""
        function = getattr(type(attempt.flow), attempt.step)
        plugins = [known for known in function.decorators if isinstance(known, StepDecorator)]
        ordered = sorted(plugins, key=lambda plugin: -plugin.precedence)
        if self is ordered[-1]:
            TaskHooks(plugins, attempt).run(proceed)
        else:
            proceed()

    def prepare(self, flow: type[FlowSpec], graph: Any, step: str) -> None:
        """Call the hooks that come before any task, once for each flow class and process."""
        if vars(self).get("_ready_for") == (flow, step):
            return
        vars(self)["_ready_for"] = flow, step
        instance = shown(flow)
        self.surroundings = surroundings = {
            "flow": instance,
            "graph": graph,
            "step_name": step,
            "environment": Environment(),
            "flow_datastore": FlowDatastore(flow.__name__, None),
            "metadata": Metadata(),
            "logger": log,
        }
        with_others: list[Any] = getattr(flow, step).decorators
        environment = surroundings["environment"]
        self.init()
        self.call(
            "step_init",
            surroundings,
            (step,),
            (instance, graph, step, with_others, environment, surroundings["flow_datastore"], log),
        )
        self.call("package_init", surroundings, (step,), (instance, step, environment))

    def call(
        self,
        hook: str,
        surroundings: Mapping[str, Any],
        of_context: tuple[Any, ...],
        arguments: tuple[Any, ...],
    ) -> Any:
        """Call a hook, or its `_ctx` form where the plug-in has one.

        Parameters
        ----------
        hook : str
            Name of the hook.
        surroundings : mapping
            What `system_context` shows meanwhile.
        of_context, arguments : tuple
            What the `_ctx` form takes, as far as it does, and what the hook takes.
        """
        system_context._enter(dict(surroundings))  # noqa: SLF001 - this is who fills it
        with_context = getattr(self, f"{hook}_ctx", None)
        if with_context is None:
            return getattr(self, hook)(*arguments)
        return with_context(*of_context[: _takes(with_context)])


def _flow_of(node: Any) -> type[FlowSpec]:
    """Find the flow class in whose graph a node is."""
    waiting: list[type[FlowSpec]] = [FlowSpec]
    while waiting:
        flow = waiting.pop()
        graph = vars(flow).get("__graph__")
        if graph is not None and node.name in graph and graph[node.name] is node:
            return flow
        waiting += flow.__subclasses__()
    raise LookupError(node.name)


def _takes(function: Callable[..., Any]) -> int:
    """Count the arguments that a function takes by position."""
    parameters = signature(function).parameters.values()
    if any(parameter.kind == Parameter.VAR_POSITIONAL for parameter in parameters):
        return 99
    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    return sum(parameter.kind in kinds for parameter in parameters)
