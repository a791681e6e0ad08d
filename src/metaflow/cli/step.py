"""`step`: run one attempt of one task, as a scheduler asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from metaflow.authoring.composition import config_names
from metaflow.cli.single_options import id_options, input_options, input_paths, run_request
from metaflow.model.spec import MAX_ATTEMPTS, NO_RETRY_EXIT_CODE

if TYPE_CHECKING:
    from metaflow.cli.scope import Scope
    from metaflow.engine.member import MemberRequest
    from metaflow.engine.single import TaskRequest
    from metaflow.model.input_paths import TaskPath
    from metaflow.session import Session

ATTEMPT = click.IntRange(min=0, max=MAX_ATTEMPTS - 1)


def build(scope: Scope) -> click.Command:
    """Make the command."""

    def step(**values: Any) -> int:
        return _step(scope, values)

    return click.Command(
        "step",
        params=[
            click.Argument(["name"]),
            *id_options(),
            *input_options(),
            click.Option(
                ["--namespace"], metavar="NS", help="What the client sees; empty for everything."
            ),
            click.Option(["--retry-count"], type=ATTEMPT, default=0, help="Number of the attempt."),
            click.Option(
                ["--max-user-code-retries"],
                type=ATTEMPT,
                default=0,
                help="Attempts after this many only record that earlier ones died.",
            ),
            click.Option(
                ["--max-log-size"],
                type=click.IntRange(min=1),
                default=10,
                help="How many megabytes of the output are stored.",
            ),
            click.Option(
                ["--clone-only"], metavar="RUN/STEP/TASK", help="Take over this task; run nothing."
            ),
            click.Option(["--clone-run-id"], metavar="ID", help="The run that this one resumes."),
            click.Option(
                ["--ubf-context"],
                type=click.Choice(["none", "ubf_control", "ubf_task"]),
                default="none",
                help="The task's part in a gang: its control task, or another member.",
            ),
            click.Option(
                ["--num-parallel"], type=click.IntRange(min=0), default=0, help="Size of the gang."
            ),
        ],
        callback=step,
        hidden=True,
        help="Run one attempt of one task.",
    )


def _step(scope: Scope, values: dict[str, Any]) -> int:
    from metaflow.errors.run import AttemptsUsedUp

    scope.known_step(values["name"])
    if values["ubf_context"] == "none" and values["num_parallel"]:
        raise click.UsageError(
            "--num-parallel goes with --ubf-context, which says whose task it is."
        )
    clone = _clone(scope, values)
    try:
        return _run(scope, values) if clone is None else _take_over(scope, values, clone)
    except AttemptsUsedUp as error:
        scope.console.error(error)
        return NO_RETRY_EXIT_CODE


def _clone(scope: Scope, values: dict[str, Any]) -> TaskPath | None:
    from metaflow.model.input_paths import read_input_paths

    text = values["clone_only"]
    if text is None:
        return None
    try:
        (path,) = read_input_paths(text, scope.flow_name)
    except ValueError as error:
        raise click.UsageError(f"--clone-only names no single task: {error}.") from error
    if values["clone_run_id"] not in {None, path.run_id}:
        raise click.UsageError("--clone-only and --clone-run-id name different runs.")
    return path


def _run(scope: Scope, values: dict[str, Any]) -> int:
    from metaflow.compute.local.source import LocalWorkers

    # Made before any store is opened: what runs the task shall inherit nothing of this one.
    workers = LocalWorkers(scope.flow, scope.settings.task_start)
    try:
        from metaflow.engine.single import run_single

        with _session(scope, values) as session:
            ending = run_single(_request(scope, values, session), workers, session)
    finally:
        workers.close()
    if ending.error is None:
        return 0
    scope.console.error(ending.error)
    return 1 if ending.retryable else NO_RETRY_EXIT_CODE


def _take_over(scope: Scope, values: dict[str, Any], clone: TaskPath) -> int:
    from metaflow.engine.single import clone_single

    with _session(scope, values) as session:
        clone_single(_request(scope, values, session), clone, session)
    return 0


def _session(scope: Scope, values: dict[str, Any]) -> Session:
    from metaflow.errors.run import RunNotBegun
    from metaflow.session import Session

    root = scope.root
    if root is None:
        raise RunNotBegun(scope.flow_name, values["run_id"])
    if scope.listener is not None:
        scope.listener.run_id = values["run_id"]
    return Session(root, scope.artifact_root, scope.listener)


def _request(scope: Scope, values: dict[str, Any], session: Session) -> TaskRequest:
    from metaflow.engine.single import TaskRequest, stored_values

    scope.refuse_configs("step", "the task belongs to")
    names = config_names(scope.flow)
    if names:
        scope.begin(stored_values(session, scope.flow_name, values["run_id"], names))
    scope.attach(scope.decospecs)
    chosen: str | None = values["namespace"]
    return TaskRequest(
        run=run_request(scope, session.root, values["tags"], {})._replace(
            namespace=scope.identity if chosen is None else chosen or None,
            max_log_size_mb=values["max_log_size"],
        ),
        run_id=values["run_id"],
        step=values["name"],
        task_id=values["task_id"],
        inputs=input_paths(scope, values),
        split_index=values["split_index"],
        attempt=values["retry_count"],
        user_retries=values["max_user_code_retries"],
        origin_run_id=values["clone_run_id"],
        member=_member(values),
    )


def _member(values: dict[str, Any]) -> MemberRequest | None:
    if values["ubf_context"] == "none":
        return None
    from metaflow.engine.member import MemberRequest
    from metaflow.settings.gang import gang_environment

    told = gang_environment()
    return MemberRequest(
        values["ubf_context"] == "ubf_control",
        values["num_parallel"],
        told.control_id,
        told.main_ip,
        told.port,
    )
