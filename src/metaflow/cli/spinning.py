"""How a spin becomes a process: workers first, then what it was given, then its own root."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from metaflow import registry
from metaflow.authoring.composition import config_names
from metaflow.cli.config_options import settled_configs
from metaflow.cli.launching import tell_end
from metaflow.cli.single_options import run_request
from metaflow.cli.validation import validate
from metaflow.errors.run import NothingToSpin, StepNotSpinnable

if TYPE_CHECKING:
    from metaflow.cli.scope import Scope
    from metaflow.compute.local.source import LocalWorkers
    from metaflow.engine.launch import RunEnd
    from metaflow.engine.request import RunRequest
    from metaflow.engine.spin_source import Previous
    from metaflow.model.package import PackageOrder
    from metaflow.session import Session


def spin_options(scope: Scope) -> list[click.Parameter]:
    """Make the options that say how a step is spun."""
    return [
        click.Option(
            ["--skip-decorators"], is_flag=True, help="No decorator of the step takes effect."
        ),
        click.Option(
            ["--artifacts-module"],
            metavar="FILE",
            help="A Python file whose dict `ARTIFACTS` replaces artifacts that the step is given.",
        ),
        click.Option(
            ["--persist/--no-persist"],
            default=scope.settings.spin_persist,
            show_default=True,
            help="Keep the task's artifacts, for the client to look at.",
        ),
        click.Option(
            ["--max-log-size"],
            type=click.IntRange(min=1),
            default=10,
            show_default=True,
            help="How many megabytes of the task's output are stored.",
        ),
        click.Option(
            ["--run-id-file"], metavar="FILE", help="Write the run's id to this file first."
        ),
        click.Option(
            ["--runner-attribute-file"],
            metavar="FILE",
            help="Write what a program needs to find the task to this file, as JSON.",
        ),
    ]


class Spinning:
    """One spin on its way.

    Parameters
    ----------
    scope : Scope
        The flow and the console.
    step : str
        The step to spin.
    values : dict
        What the options of `spin_options` were given.
    """

    def __init__(self, scope: Scope, step: str, values: dict[str, Any]) -> None:
        self._scope = scope
        self._step = step
        self._values = values
        self.run_id: str | None = None
        """Id for the spun run; None lets the engine choose."""
        self.task_id = "0"

    def perform(self, origin_root: str | None, find: Callable[[Session], Previous]) -> int:
        """Spin, on what `find` finds in the store of earlier runs.

        Returns
        -------
        int
            Exit code: 0 if the step succeeded, 1 if it failed or Ctrl-C has ended it; for one
            that another signal has ended, 128 and the number of the signal.

        Raises
        ------
        MetaflowException
            Something is wrong with the request; nothing has run.
        """
        from metaflow.compute.local.source import LocalWorkers

        # First of all, and before any store is opened, as for a run.
        workers = LocalWorkers(self._scope.flow, self._scope.settings.task_start)
        try:
            with ExitStack() as stack:
                end = self._spin(workers, origin_root, find, stack)
        finally:
            workers.close()
        return tell_end(self._scope, end)

    def _spin(
        self,
        workers: LocalWorkers,
        origin_root: str | None,
        find: Callable[[Session], Previous],
        stack: ExitStack,
    ) -> RunEnd:
        from metaflow.engine.spin import SpinRequest, spin
        from metaflow.session import Session

        scope = self._scope
        if origin_root is None or not os.path.exists(Session(origin_root).journal.path):
            raise NothingToSpin(scope.flow_name)
        origin = stack.enter_context(Session(origin_root))
        previous = find(origin)
        self._compose(origin, previous)
        # All that can be wrong is found out before anything is made.
        without = self._ignored()
        replaced = self._replaced(previous)
        root, bytes_root = self._make_roots(origin_root, stack)
        request = SpinRequest(
            self._run_request(bytes_root, self._package_order(root, origin_root), previous),
            self._step,
            previous,
            origin_root,
            root,
            self.task_id,
            without,
            replaced,
            origin.artifact_root_of(scope.flow_name, previous.run_id),
        )
        session = stack.enter_context(Session(root, bytes_root, scope.listener))
        if workers.reason is not None:
            scope.console(f"The task starts a fresh interpreter: {workers.reason}.")
        return spin(request, workers, session, origin.store)

    def _compose(self, origin: Session, previous: Previous) -> None:
        """Compose the flow with the configs of the earlier run, and check it."""
        scope = self._scope
        scope.refuse_configs("spin", "has the task to spin")
        names = config_names(scope.flow)
        if names:
            from metaflow.engine.spin_source import parameters_of

            refs = parameters_of(previous)
            artifacts = origin.artifacts_of(scope.flow_name, previous.run_id)
            stored = {name: artifacts.load(refs[name]) for name in names if name in refs}
            if len(stored) < len(names):
                context = scope.parameter_context("")
                stored = {**settled_configs(scope.flow, None, None, context), **stored}
            scope.begin(stored)
        validate(scope, scope.decospecs)

    def _ignored(self) -> tuple[str, ...]:
        """Take off what can't take effect; say so for the step that runs."""
        from metaflow.authoring.omission import leave_out

        scope = self._scope
        known, settings = set(registry.names("step_decorator")), scope.settings
        ignored: dict[str, bool] = {}
        for node in scope.graph():
            for decorator in node.decorators:
                name, here = decorator.name, node.name == self._step
                refused = name in settings.spin_disallowed_decorators
                if here and (refused or getattr(decorator, "IS_PARALLEL", False)):
                    raise StepNotSpinnable(self._step, name)
                # What users write themselves belongs to the step's own code.
                is_built_in = name in known and name not in settings.spin_allowed_decorators
                if refused or is_built_in or self._values["skip_decorators"]:
                    ignored[name] = ignored.get(name, False) or here
        shown = [f"`@{name}`" for name, here in ignored.items() if here]
        if shown and not self._values["skip_decorators"]:
            scope.console.note(
                f"Ignored while step *{self._step}* is spun: {', '.join(shown)}. "
                "METAFLOW_SPIN_ALLOWED_DECORATORS says which decorators take effect."
            )
        leave_out(scope.flow, ignored)
        return tuple(ignored)

    def _replaced(self, previous: Previous) -> Mapping[str, Any]:
        path = self._values["artifacts_module"]
        if path is None:
            return {}
        from metaflow.cli.artifacts_module import check_inputs, check_names, load_artifacts

        values = load_artifacts(path)
        if self._scope.graph()[self._step].type != "join":
            return check_names(path, values)
        inputs = [f"{previous.run_id}/{one.step}/{one.task_id}" for one in previous.inputs]
        return check_inputs(path, values, self._scope.flow_name, inputs)

    def _make_roots(self, origin_root: str, stack: ExitStack) -> tuple[str, str]:
        """Make the root of facts and output, and that of artifacts, which may be gone later."""
        from metaflow.settings.roots import spin_root_beside

        root = spin_root_beside(origin_root, os.getcwd(), self._scope.settings)
        os.makedirs(root, exist_ok=True)
        if self._values["persist"]:
            return root, root
        from metaflow.artifact_store.scratch import ScratchRoot

        return root, stack.enter_context(ScratchRoot(root)).path

    def _package_order(self, root: str, origin_root: str) -> PackageOrder | None:
        """Say what becomes of the code: without `--persist` no package is made for the spin."""
        if not self._scope.settings.code_package_mb:
            return None
        order = self._scope.package_order()
        if self._values["persist"]:
            return order._replace(root=root, artifact_root="")
        return order._replace(root=origin_root, artifact_root="", known_only=True)

    def _run_request(
        self, root: str, package: PackageOrder | None, previous: Previous
    ) -> RunRequest:
        from metaflow.engine.request import Origin

        scope, values = self._scope, self._values
        return run_request(scope, root, (), {})._replace(
            package=package,
            datastore="local",
            artifact_root="",
            tags=previous.tags,
            namespace=scope.identity,
            max_log_size_mb=values["max_log_size"],
            run_id_file=values["run_id_file"],
            runner_attribute_file=values["runner_attribute_file"],
            origin=Origin(previous.run_id, new_run_id=self.run_id),
        )
