"""`metaflow code`: the code of past runs, compared, pulled out, or made into a patch."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from metaflow.errors.package import NoCodePackage, TargetExists
from metaflow.errors.run import RunFileNotWritten

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow.cli.console import Console

TASK_DEPTH = 4
SHOWN = 5
"""So many files that are only here are named."""


def build(console: Console) -> click.Group:
    """Make the group with its four commands."""
    group = click.Group(
        "code",
        help="Compare and restore the code of past runs, named as `Flow/run` or a task's pathspec.",
    )
    run = click.Argument(["run"], metavar="RUN")

    def diff(**values: str) -> None:
        _diff(console, values["run"])

    def diff_runs(**values: str) -> None:
        _print(console, _code(values["first"]).files(), _code(values["second"]).files())

    def pull(**values: str | None) -> None:
        _pull(console, str(values["run"]), values["directory"])

    def patch(**values: Any) -> None:
        _patch(console, values["run"], values["file_path"], overwrite=values["overwrite"])

    directory = click.Option(
        ["--dir", "directory"],
        metavar="DIR",
        help="The folder to make; named after the run if not given.",
    )
    file_path = click.Option(
        ["--file_path", "--file-path", "file_path"],
        metavar="PATH",
        help="The patch to write; named after the run if not given.",
    )
    overwrite = click.Option(
        ["--overwrite"], is_flag=True, help="Replace the file if there is one."
    )
    first = click.Argument(["first"], metavar="RUN_A")
    second = click.Argument(["second"], metavar="RUN_B")
    for name, params, callback, text in (
        ("diff", [run], diff, "Show what has changed here since RUN."),
        ("diff-runs", [first, second], diff_runs, "Show what has changed from RUN_A to RUN_B."),
        ("pull", [run, directory], pull, "Put the code of RUN into a new folder."),
        (
            "patch",
            [run, file_path, overwrite],
            patch,
            "Write a patch that turns the code here into that of RUN.",
        ),
    ):
        group.add_command(click.Command(name, params=list(params), callback=callback, help=text))
    return group


def _code(pathspec: str) -> Any:
    """Find the code package of a run or a task, in no namespace.

    Raises
    ------
    NoCodePackage
        It has none.
    """
    from metaflow import client

    client.namespace(None)
    depth = pathspec.count("/") + 1
    found = client.Task(pathspec) if depth == TASK_DEPTH else client.Run(pathspec)
    if found.code is None:
        raise NoCodePackage(pathspec)
    return found.code


def _files_here(console: Console, code: Any) -> dict[str, bytes]:
    """Read what the working directory has of the files of a package.

    Files that the package does not have are no part of the comparison, because a patch that
    removes them would do harm; a note names some.
    """
    from metaflow.code_package.finding import find_files

    names = code.files().keys()
    suffixes = code.info.get("package_suffixes") or (".py", ".R", ".RDS")
    here = sorted(found.name for found in find_files(os.getcwd(), suffixes))
    new = [name for name in here if name not in names]
    if new:
        more = f" and {len(new) - SHOWN} more" if len(new) > SHOWN else ""
        console.note(f"Only here, and left out: {', '.join(new[:SHOWN])}{more}")
    contents = {}
    for name in names:
        if os.path.isfile(name):
            with open(name, "rb") as file:
                contents[name] = file.read()
    return contents


def _diff(console: Console, pathspec: str) -> None:
    code = _code(pathspec)
    _print(console, code.files(), _files_here(console, code))


def _print(console: Console, old: Mapping[str, bytes], new: Mapping[str, bytes]) -> None:
    from metaflow.code_package.difference import colored, difference

    shown = difference(old, new).decode("utf-8", "replace")
    if console.color and sys.stdout.isatty():
        shown = colored(shown)
    console.data(shown, end="")


def _stem(pathspec: str) -> str:
    return pathspec.lower().replace("/", "_")


def _pull(console: Console, pathspec: str, directory: str | None) -> None:
    target = directory or f"{_stem(pathspec)}_code"
    code = _code(pathspec)
    if os.path.lexists(target):
        raise TargetExists(target, "choose another folder with `--dir`")
    try:
        code.extract_to(target)
    except OSError as error:
        raise RunFileNotWritten(target, error.strerror or str(error)) from error
    console.say(f"The code of *{pathspec}* is in *{target}*")


def _patch(console: Console, pathspec: str, path: str | None, *, overwrite: bool) -> None:
    from metaflow.code_package.difference import difference

    target = path or f"{_stem(pathspec)}.patch"
    code = _code(pathspec)
    if os.path.lexists(target) and not overwrite:
        raise TargetExists(target, "give `--overwrite` to replace it, or another `--file_path`")
    text = difference(_files_here(console, code), code.files())
    try:
        with open(target, "wb") as file:
            file.write(text)
    except OSError as error:
        raise RunFileNotWritten(target, error.strerror or str(error)) from error
    if text:
        console.say(f"Written to *{target}*; apply it with `patch -p0 < {target}`")
    else:
        console.say(f"The code here is that of *{pathspec}*; *{target}* is empty")
