"""`package`: what of a flow's code is sent to other machines, shown or saved."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from metaflow.errors.run import RunFileNotWritten

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from metaflow.cli.scope import Scope
    from metaflow.code_package.package import MetaflowPackage

TIMEOUT_S = 60.0


def build(scope: Scope) -> click.Group:
    """Make the group with its three commands."""
    group = click.Group(
        "package",
        params=[
            click.Option(
                ["--timeout"],
                type=click.FloatRange(min=0, min_open=True),
                default=TIMEOUT_S,
                show_default=True,
                metavar="SECONDS",
                help="Give up packing after so long.",
            )
        ],
        help="Show or save the code package of the flow.",
        no_args_is_help=True,
    )
    archive = click.Option(
        ["--archive/--no-archive"], help="Show names as they are in the package."
    )
    path = click.Argument(["path"], metavar="PATH")
    for name, action, params, text in (
        ("info", _info, [], "Say how large the package is and where its code comes from."),
        ("list", _list, [archive], "List the files of the package."),
        ("save", _save, [path], "Write the package to a file."),
    ):
        group.add_command(_command(scope, name, action, params, text))
    return group


def _command(
    scope: Scope,
    name: str,
    action: Callable[..., None],
    params: Sequence[click.Parameter],
    text: str,
) -> click.Command:
    @click.pass_context
    def run(ctx: click.Context, /, **values: Any) -> None:
        assert ctx.parent is not None, "a command of a group has it as its parent"
        action(scope, _package(scope, ctx.parent.params["timeout"]), **values)

    return click.Command(name, params=list(params), callback=run, help=text)


def _package(scope: Scope, timeout_s: float) -> MetaflowPackage:
    from metaflow.code_package.package import MetaflowPackage

    scope.decorated_graph()
    return MetaflowPackage(scope.package_order(), scope.flow, timeout_s)


def _info(scope: Scope, package: MetaflowPackage) -> None:
    import json

    contents = package.contents
    info = json.loads(contents.made[".mf_meta/INFO"].data)
    say = scope.console.plain
    say(f"Digest: {package.digest}")
    say(f"Size: {len(package.blob):,} bytes, {contents.size:,} unpacked")
    say(f"Files: {len(contents.names())}, {len(contents.user_names)} of them yours")
    for name, value in info.items():
        if value is not None:
            say(f"{name}: {value if isinstance(value, str) else json.dumps(value)}")


def _list(scope: Scope, package: MetaflowPackage, archive: bool) -> None:
    suffixes = ", ".join(scope.package_order().suffixes)
    scope.console.note(f"Files of the code package; yours end with {suffixes}:")
    for path, name in package.paths():
        scope.console.plain(name if archive else path)


def _save(scope: Scope, package: MetaflowPackage, path: str) -> None:
    temporary = f"{path}.{os.getpid()}.tmp"
    blob = package.blob
    try:
        with open(temporary, "wb") as file:
            file.write(blob)
        os.replace(temporary, path)
    except OSError as error:
        raise RunFileNotWritten(path, error.strerror or str(error)) from error
    scope.console.say(f"Code package saved in *{path}*, {len(blob):,} bytes")
