"""`dump`: print the artifacts of a step's tasks, or put them into a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow.cli.scope import Scope


def build(scope: Scope) -> click.Command:
    """Make the command."""

    def dump(**values: Any) -> None:
        _dump(scope, **values)

    return click.Command(
        "dump",
        params=[
            click.Argument(["path"], metavar="RUN/STEP[/TASK]"),
            click.Option(["--private"], is_flag=True, help="Show names that begin with `_` too."),
            click.Option(
                ["--max-value-size"],
                type=click.IntRange(min=0),
                default=1000,
                show_default=True,
                metavar="BYTES",
                help="Leave out larger values; with 0 only names are printed.",
            ),
            click.Option(["--include"], metavar="A,B", help="Show these artifacts only."),
            click.Option(["--file"], metavar="FILE", help="Pickle the values into this file."),
            click.Option(
                ["--export"],
                metavar="DIR",
                type=click.Path(file_okay=False),
                help="Write each value into a file of its own, in a format that others read.",
            ),
        ],
        callback=dump,
        help="Print the artifacts of a step or of one of its tasks; of several, each task's name "
        "stands before its artifacts.",
    )


def _dump(
    scope: Scope,
    path: str,
    private: bool,
    max_value_size: int,
    include: str | None,
    file: str | None,
    export: str | None,
) -> None:
    from metaflow.cli.past_runs import parse_path, past_tasks, short_pathspec

    wanted = None if include is None else {name.strip() for name in include.split(",")}
    named = parse_path(scope, path)
    tasks = past_tasks(scope, named)
    scope.console.note(f"Dumping output of {named}")
    collected: dict[str, dict[str, Any]] = {}
    for task in tasks:
        place = short_pathspec(task)
        artifacts = _artifacts(task, private, wanted)
        if export is not None:
            _export(scope, task, artifacts, export)
            continue
        if file is not None:
            collected[place] = {artifact.id: artifact.data for artifact in artifacts}
            continue
        if len(tasks) > 1:
            # With the data, which may go elsewhere than notes.
            scope.console.data(f"[{place}]")
        else:
            scope.console.note(f"[*{place}*]")
        for artifact in artifacts:
            scope.console.data(_line(artifact, max_value_size))
    if file is not None:
        _write(file, collected)
        scope.console.note(f"Artifacts written to *{file}*")


def _export(scope: Scope, task: Any, artifacts: Iterator[Any], folder: str) -> None:
    """Write a task's artifacts into files below `step/task`, and print their paths."""
    from metaflow.errors.storage import PickleRefused

    place = os.path.join(folder, *task.path_components[2:])
    os.makedirs(place, exist_ok=True)
    for artifact in artifacts:
        try:
            scope.console.data(artifact.export(place))
        except PickleRefused as error:
            scope.console.note(f"*{artifact.id}* is left out: {error}")


def _artifacts(task: Any, private: bool, wanted: set[str] | None) -> Iterator[Any]:
    for name in sorted(_names(task, private)):
        if wanted is None or name in wanted:
            yield task[name]


def _names(task: Any, private: bool) -> set[str]:
    names = {artifact.id for artifact in task}
    if private:
        from metaflow.client.synthesis import MADE

        stored = task._view.stored  # noqa: SLF001 - listings of the client leave these names out
        names.update(() if stored is None else (*stored.names(), *MADE))
    return names


def _line(artifact: Any, max_value_size: int) -> str:
    if max_value_size == 0:
        return str(artifact.id)
    facts = (
        f"[size: {artifact.size} type: {_shown_type(artifact.type_name)}{_shown_shape(artifact)}]"
    )
    if artifact.size > max_value_size:
        return f"{artifact.id} {facts} = < artifact too large >"
    return f"{artifact.id} {facts} = {artifact.data!r}"


def _shown_type(name: str) -> str:
    """Write a type's qualified name as `str(type)` does, without loading the value."""
    return f"<class '{name.removeprefix('builtins.')}'>"


def _shown_shape(artifact: Any) -> str:
    """Tell of arrays and tables what was noted when they were stored."""
    about = artifact.about
    if "shape" not in about:
        return ""
    dtype = f" dtype: {artifact.dtype}" if artifact.dtype else ""
    return f" shape: {tuple(about['shape'])}{dtype} format: {artifact.format}"


def _write(file: str, collected: dict[str, dict[str, Any]]) -> None:
    import pickle

    with click.open_file(file, "wb", lazy=False) as out:
        pickle.dump(collected, out, protocol=4)
