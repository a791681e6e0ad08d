"""`resume`: a new run that reuses what an earlier one has done."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from metaflow.authoring.composition import config_names
from metaflow.cli.requesting import common_fields, find_triggers
from metaflow.cli.run_options import common_options
from metaflow.cli.validation import validate
from metaflow.errors.input import CommandException
from metaflow.errors.metadata import RunExists
from metaflow.errors.run import OriginNotFound

if TYPE_CHECKING:
    from metaflow.cli.scope import Scope
    from metaflow.engine.request import RunRequest


def build(scope: Scope) -> click.Command:
    """Make the command."""

    def resume(**values: Any) -> int:
        return _resume(scope, values)

    return click.Command(
        "resume",
        params=[
            click.Argument(["step_to_rerun"], required=False),
            click.Option(
                ["--origin-run-id"],
                metavar="ID",
                help="The run to build on; the latest one made by `run` if not given.",
            ),
            click.Option(["--run-id"], hidden=True, callback=_not_an_integer),
            click.Option(["--clone-only"], is_flag=True, hidden=True),
            click.Option(["--reentrant"], is_flag=True, hidden=True),
            click.Option(["--resume-identifier"], hidden=True),
            *common_options(),
        ],
        callback=resume,
        help="Run again what did not succeed in an earlier run, or STEP_TO_RERUN and what "
        "follows from it.",
    )


def _not_an_integer(ctx: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is not None and value.strip().lstrip("+-").isdigit():
        raise click.BadParameter(
            "integers are made by `run`; choose an id that is no integer.", ctx, option
        )
    return value


def _resume(scope: Scope, values: dict[str, Any]) -> int:
    from metaflow.cli.launching import launch

    run_id, reentrant = values["run_id"], values["reentrant"]
    if reentrant and run_id is None:
        raise click.UsageError("--reentrant needs --run-id, which all callers agree on.")
    if values["resume_identifier"] is not None:
        scope.console.note(f"Resume asked for by *{values['resume_identifier']}*.")
    try:
        return launch(scope, lambda: _request(scope, values))
    except RunExists:
        if not reentrant:
            raise
    from metaflow.cli.reentrant import wait_for

    return wait_for(scope, run_id)


def _request(scope: Scope, values: dict[str, Any]) -> RunRequest:
    scope.refuse_configs("resume", "it resumes")
    if config_names(scope.flow):
        origin_id = values["origin_run_id"] or _latest_run(scope)
        scope.begin(_origin_configs(scope, origin_id))
    fields = common_fields(scope, values)
    validate(scope, scope.all_decospecs(values["decospecs"]))
    step = _matching_step(scope, values["step_to_rerun"])
    origin_id = values["origin_run_id"] or _latest_run(scope)
    root = _known_root(scope, origin_id)

    from metaflow.engine.request import Origin, RunRequest

    return RunRequest(
        graph=scope.graph(),
        root=root,
        parameters={},
        namespace=scope.identity,
        origin=Origin(
            run_id=origin_id,
            step_to_rerun=step,
            clone_only=values["clone_only"],
            new_run_id=values["run_id"],
        ),
        triggered_by=find_triggers(scope, root),
        **fields,
    )


def _origin_configs(scope: Scope, origin_id: str) -> Mapping[str, Any]:
    """Values that the origin had; a config that it did not have gets its default."""
    from metaflow.engine.origin_values import origin_values

    names = config_names(scope.flow)
    stored = origin_values(_known_root(scope, origin_id), scope.flow_name, origin_id, names)
    if len(stored) == len(names):
        return stored
    from metaflow.cli.config_options import settled_configs

    defaults = settled_configs(scope.flow, None, None, scope.parameter_context(""))
    return {**defaults, **stored}


def _known_root(scope: Scope, origin_id: str) -> str:
    root = scope.root
    if root is None:
        raise OriginNotFound(scope.flow_name, origin_id, None)
    return root


def _matching_step(scope: Scope, wanted: str | None) -> str | None:
    """Find the step that the user means, which may be written in another case."""
    if wanted is None:
        return None
    steps = [node.name for node in scope.graph()]
    if wanted in steps:
        return wanted
    similar = [name for name in steps if name.lower() == wanted.lower()]
    if len(similar) == 1:
        scope.console.note(f"Resuming from step *{similar[0]}*.")
        return str(similar[0])
    raise CommandException(
        f"The flow `{scope.flow_name}` has no step `{wanted}`.",
        hint="its steps are " + ", ".join(f"`{name}`" for name in steps),
    )


def _latest_run(scope: Scope) -> str:
    root = scope.root
    text = "" if root is None else _first_line(os.path.join(root, scope.flow_name, "latest_run"))
    if not text:
        raise CommandException(
            f"There is no earlier run of `{scope.flow_name}` to resume.",
            hint="name a run with `--origin-run-id`",
        )
    return text


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.readline().strip()
    except FileNotFoundError:
        return ""
