"""What `init` and `step` take from a scheduler: ids, tags, the tasks that come before."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from metaflow.model.input_paths import TaskPath, read_input_paths

if TYPE_CHECKING:
    from metaflow.cli.scope import Scope
    from metaflow.engine.request import RunRequest

    IdBase: TypeAlias = click.ParamType[str]
else:
    IdBase = click.ParamType  # older releases of click cannot be subscripted

IN_NO_ID = frozenset("/,:! \t\n\0")
"""Ids become names of files and stand in lists of input paths."""


class Id(IdBase):
    """Id of a run or task that a scheduler has chosen."""

    name = "ID"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse what can't be part of a pathspec."""
        text = str(value)
        if not text or text in {".", ".."} or IN_NO_ID & set(text):
            self.fail(
                f"'{text}' can't be an id: it has a character that ids can't have.", param, ctx
            )
        return text


def id_options(*, with_tags: bool = True) -> list[click.Parameter]:
    """Make the options that say which task of which run this is, and which tags it brings."""
    tags = click.Option(
        ["--tag", "tags"],
        multiple=True,
        metavar="TAG",
        help="Put a tag on the run. May be repeated.",
    )
    return [
        click.Option(["--run-id"], type=Id(), required=True, help="Id of the run."),
        click.Option(["--task-id"], type=Id(), required=True, help="Id of the task."),
        *([tags] if with_tags else []),
    ]


def input_options() -> list[click.Parameter]:
    """Make the options that say which tasks come before."""
    return [
        click.Option(
            ["--input-paths"],
            metavar="PATHS",
            help="Tasks before this one: RUN/STEP/TASK,…, or PREFIX:REST,…, or `!` and one of "
            "these compressed by zlib, in base64.",
        ),
        click.Option(
            ["--input-paths-filename"], metavar="FILE", help="Read the input paths from this file."
        ),
        click.Option(
            ["--split-index"],
            type=click.IntRange(min=0),
            help="Position of the item, for a task right after a foreach.",
        ),
    ]


def input_paths(scope: Scope, values: dict[str, Any]) -> tuple[TaskPath, ...]:
    """Read the paths that the options name.

    Parameters
    ----------
    scope : Scope
        The flow.
    values : dict
        What the options of `input_options` were given.

    Returns
    -------
    tuple of TaskPath
        The tasks in the order given.

    Raises
    ------
    click.UsageError
        They can't be read.
    """
    text, file = values["input_paths"], values["input_paths_filename"]
    if text is not None and file is not None:
        raise click.UsageError("--input-paths and --input-paths-filename exclude each other.")
    if file is not None:
        try:
            with open(file, encoding="utf-8") as opened:
                text = opened.read()
        except (OSError, UnicodeDecodeError) as error:
            raise click.UsageError(f"'{file}' cannot be read: {error}") from error
    try:
        return tuple(read_input_paths(text or "", scope.flow_name))
    except ValueError as error:
        raise click.UsageError(f"The input paths are wrong: {error}.") from error


def run_request(
    scope: Scope, root: str, tags: tuple[str, ...], parameters: dict[str, Any]
) -> RunRequest:
    """Say what is known of a scheduler's run; the flow is composed already.

    Parameters
    ----------
    scope : Scope
        The flow.
    root : str
        Root of the local store.
    tags : tuple of str
        Tags for the run.
    parameters : dict
        Values by attribute name, where they are known.

    Raises
    ------
    MetaflowTaggingError
        A tag is invalid.
    """
    from metaflow.cli.requesting import (
        artifact_fields,
        checked_tags,
        find_triggers,
        system_tags,
    )
    from metaflow.engine.request import RunRequest
    from metaflow.settings.identity import get_username

    identity = scope.identity
    facts = scope.declare()
    return RunRequest(
        flow=scope.flow,
        graph=scope.graph(),
        settings=scope.settings,
        root=root,
        user=get_username(scope.settings) or identity,
        parameters=parameters,
        tags=checked_tags(tags),
        system_tags=(*system_tags(identity), *(facts.system_tags if facts else ())),
        facts=facts,
        triggered_by=find_triggers(scope, root),
        script=os.path.basename(scope.script),
        package=scope.package_order() if scope.settings.code_package_mb else None,
        **artifact_fields(scope),
    )
