"""`metaflow develop`: what type checkers and editors need, which the package brings along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from metaflow.errors.input import CommandException

if TYPE_CHECKING:
    from metaflow.cli.console import Console

FOREIGN = "metaflow-stubs"
"""A distribution of type stubs for another implementation of this package. Type checkers read
it instead of the types in the package itself."""

TYPED = "Metaflow ships its own types (`py.typed`), so no stubs are needed."


def build(console: Console) -> click.Group:
    """Make the group with its commands."""
    stubs = click.Group(
        "stubs",
        commands=[
            click.Command(
                "check",
                callback=lambda: _check(console),
                help="Say where type checkers find the types of this package.",
            ),
            click.Command(
                "install",
                params=[click.Option(["--force"], is_flag=True, hidden=True)],
                callback=lambda force: _install(console),  # noqa: ARG005 - there is nothing to force
                help="Install nothing, because the types are here already.",
            ),
            click.Command(
                "remove",
                callback=lambda: _remove(console),
                help="Remove stubs that hide the types of this package.",
            ),
        ],
        help="Look after type stubs.",
    )
    return click.Group("develop", commands=[stubs], help="Look after tools for development.")


def _check(console: Console) -> None:
    if _installed():
        raise CommandException(
            f"The package `{FOREIGN}` is installed. Type checkers read it instead of the types "
            "that Metaflow ships.",
            hint="remove it with `metaflow develop stubs remove`",
        )
    console.say(TYPED)


def _install(console: Console) -> None:
    console.say(TYPED)
    if _installed():
        console.say(f"But `{FOREIGN}` hides them: remove it with `metaflow develop stubs remove`.")


def _remove(console: Console) -> None:
    if not _installed():
        console.say(f"There are no stubs to remove. {TYPED}")
        return
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "pip", "uninstall", "--yes", FOREIGN],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if _installed():
        raise CommandException(
            f"`{FOREIGN}` could not be removed:\n{(done.stdout + done.stderr).strip()}",
            hint="remove it with the tool that has installed it",
        )
    console.say(f"Removed `{FOREIGN}`. {TYPED}")


def _installed() -> bool:
    from importlib import invalidate_caches
    from importlib.metadata import PackageNotFoundError, distribution

    invalidate_caches()
    try:
        distribution(FOREIGN)
    except PackageNotFoundError:
        return False
    return True
