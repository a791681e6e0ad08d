"""`metaflow configure`: look at a profile's settings and change them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from metaflow.errors.input import CommandException
from metaflow.settings import profile as profiles

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow.cli.configure_questions import Topic
    from metaflow.cli.console import Console

RUNS_LOCALLY = "Configuration is set to run locally."


def build(console: Console) -> click.Group:
    """Make the group with its commands."""
    from metaflow.cli.configure_questions import TOPICS

    return click.Group(
        "configure",
        commands=[
            _command("show", "Show the settings of a profile.", _show, console),
            _command(
                "reset",
                "Remove all settings of a profile.",
                _reset,
                console,
                click.Option(["--yes"], is_flag=True, help="Do not ask whether you are sure."),
            ),
            _command(
                "export",
                "Write the settings of a profile into a file.",
                _export,
                console,
                click.Argument(["file"]),
                click.Option(["--yes"], is_flag=True, help="Replace the file without asking."),
            ),
            _command(
                "import",
                "Take the settings of a profile from a file; `-` reads standard input.",
                _import,
                console,
                click.Argument(["file"]),
                click.Option(["--yes"], is_flag=True, help="Replace the profile without asking."),
            ),
            *(_command(topic.name, topic.help, _asking(topic), console) for topic in TOPICS),
        ],
        help="Look at the settings of this machine and change them.",
    )


def _command(
    name: str,
    text: str,
    work: Callable[..., None],
    console: Console,
    *params: click.Parameter,
) -> click.Command:
    def callback(profile: str | None, **values: Any) -> None:
        work(console, profile or profiles.current_profile(), **values)

    option = click.Option(
        ["-p", "--profile"],
        metavar="NAME",
        help="Which profile; that of METAFLOW_PROFILE if not given.",
    )
    return click.Command(name, params=[*params, option], callback=callback, help=text)


def _label(profile: str | None) -> str:
    return "the profile without a name" if profile is None else f"the profile *{profile}*"


def _show(console: Console, profile: str | None) -> None:
    from metaflow.cli.configure_questions import is_secret

    path = profiles.path_of(profile)
    values = profiles.read(path)
    console.note(f"Showing {_label(profile)}, which is in {path}")
    if not values:
        console.data(RUNS_LOCALLY)
    for key in sorted(values):
        console.data(f"{key}={'(hidden)' if is_secret(key) else values[key]}")


def _reset(console: Console, profile: str | None, yes: bool) -> None:
    path = profiles.path_of(profile)
    if not yes:
        click.confirm(f"Remove all settings in {path}? This cannot be undone", abort=True, err=True)
    profiles.write(path, {})
    console.say("Configuration successfully reset to run locally.")


def _export(console: Console, profile: str | None, file: str, yes: bool) -> None:
    path = profiles.path_of(profile)
    values = profiles.read(path)
    if not values:
        raise CommandException(
            f"There is nothing to export: `{path}` has no settings.",
            hint="make some with `metaflow configure aws` or its neighbours",
        )
    if os.path.isdir(file):
        raise CommandException(f"`{file}` is a folder.", hint="name a file to write")
    if os.path.exists(file) and not yes:
        click.confirm(f"{file} exists. Replace it?", abort=True, err=True)
    profiles.write(file, values)
    console.say(f"Configuration successfully exported to {file}")


def _import(console: Console, profile: str | None, file: str, yes: bool) -> None:
    path = profiles.path_of(profile)
    if file == "-":
        values = profiles.parse(sys.stdin.read(), "<stdin>")
    elif os.path.isfile(file):
        values = profiles.read(file)
    else:
        raise CommandException(f"There is no file `{file}`.")
    if profiles.read(path) and not yes:
        _confirm_replacing(path)
    profiles.write(path, values)
    console.say(f"Configuration successfully imported into {path}")


def _confirm_replacing(path: str) -> None:
    click.confirm(f"{path} has settings already. Replace them?", abort=True, err=True)


def _asking(topic: Topic) -> Callable[[Console, str | None], None]:
    def ask(console: Console, profile: str | None) -> None:
        from metaflow.cli.configure_questions import ask_all, without_back_end

        path = profiles.path_of(profile)
        before = profiles.read(path)
        if before and topic.replaces:
            _confirm_replacing(path)
        made = ask_all(topic, console, before)
        profiles.write(path, made if topic.replaces else {**before, **made})
        console.say(f"Configuration successfully written to {path}")
        for key, name in without_back_end(made):
            console.say(f"Note: {key} is `{name}`, which is not available in this installation.")

    return ask
