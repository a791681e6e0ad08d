"""`spin-step`: run one step by itself, on tasks that a program names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from metaflow.cli.single_options import id_options, input_options, input_paths
from metaflow.cli.spinning import Spinning, spin_options
from metaflow.errors.input import CommandException

if TYPE_CHECKING:
    from metaflow.cli.scope import Scope
    from metaflow.engine.spin_source import Previous
    from metaflow.session import Session


def build(scope: Scope) -> click.Command:
    """Make the command."""

    def spin_step(**values: Any) -> int:
        return _spin_step(scope, values)

    return click.Command(
        "spin-step",
        params=[
            click.Argument(["name"]),
            *id_options(with_tags=False),
            *input_options(),
            click.Option(
                ["--orig-flow-datastore"],
                metavar="TYPE@ROOT",
                help="The store that has the input paths; the usual one if not given.",
            ),
            *spin_options(scope),
        ],
        callback=spin_step,
        hidden=True,
        help="Run one step by itself on tasks of an earlier run.",
    )


def _spin_step(scope: Scope, values: dict[str, Any]) -> int:
    from metaflow.engine.spin_source import after_inputs

    name = scope.known_step(values["name"])
    paths = input_paths(scope, values)

    def find(origin: Session) -> Previous:
        return after_inputs(origin.store, scope.graph(), name, paths, values["split_index"])

    spinning = Spinning(scope, name, values)
    spinning.run_id, spinning.task_id = values["run_id"], values["task_id"]
    return spinning.perform(_origin_root(scope, values["orig_flow_datastore"]), find)


def _origin_root(scope: Scope, spec: str | None) -> str | None:
    if spec is None:
        return scope.root
    kind, at, root = spec.partition("@")
    if not at or kind not in {"local", "spin"}:
        raise CommandException(
            f"`{spec}` names no store that this installation can read.",
            hint="write `local@ROOT` with the root directory of a local store",
        )
    return os.path.abspath(os.path.expanduser(root))
