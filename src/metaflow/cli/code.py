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

RUN_DEPTH, TASK_DEPTH = 2, 4


def build(console: Console) -> click.Group:
    """Make the group with its four commands."""
    group = click.Group(
        "code",
        help="Compare and restore the code of past runs, named as `Flow/run` or a task's pathspec.",
    )
    run = click.Argument(["run"], metavar="RUN")

    def diff(**values: str) -> None:
        _print(console, _difference(values["run"], None))

    def diff_runs(**values: str) -> None:
        _print(console, _difference(values["first"], values["second"]))

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


def _files_here(code: Any) -> dict[str, bytes]:
    """Read the files of the working directory that a package of it would have."""
    from metaflow.code_package.finding import find_files

    suffixes = code.info.get("package_suffixes") or (".py", ".R", ".RDS")
    paths = {found.name: found.path for found in find_files(os.getcwd(), suffixes)}
    # What decorators had added may be here too, whatever its suffix.
    paths.update({name: name for name in code.files() if os.path.isfile(name)})
    contents = {}
    for name, path in sorted(paths.items()):
        with open(path, "rb") as file:
            contents[name] = file.read()
    return contents


def _difference(first: str, second: str | None) -> bytes:
    from metaflow.code_package.difference import difference

    old = _code(first)
    new: Mapping[str, bytes] = _files_here(old) if second is None else _code(second).files()
    return difference(old.files(), new)


def _print(console: Console, text: bytes) -> None:
    shown = text.decode("utf-8", "replace")
    if console.color and sys.stdout.isatty():
        from metaflow.code_package.difference import colored

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
    text = difference(_files_here(code), code.files())
    try:
        with open(target, "wb") as file:
            file.write(text)
    except OSError as error:
        raise RunFileNotWritten(target, error.strerror or str(error)) from error
    if text:
        console.say(f"Written to *{target}*; apply it with `patch -p0 < {target}`")
    else:
        console.say(f"The code here is that of *{pathspec}*; *{target}* is empty")
