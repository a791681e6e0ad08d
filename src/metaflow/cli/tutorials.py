"""`metaflow tutorials`: the episodes that come with the package, listed, shown and copied."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import click

from metaflow.errors.input import CommandException

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow.cli.console import Console

SOURCE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tutorials")
TARGET = "metaflow-tutorials"
"""Folder that `pull` makes in the working directory."""
README = "README.md"


class Episode(NamedTuple):
    """One episode."""

    name: str
    text: str
    """Its README."""

    @property
    def title(self) -> str:
        """First line of the README, without the mark of a title."""
        return self.text.partition("\n")[0].lstrip("# ")


def build(console: Console) -> click.Group:
    """Make the group with its commands."""
    return click.Group(
        "tutorials",
        commands=[
            click.Command(
                "list",
                callback=lambda: _list(console),
                help="List the episodes.",
            ),
            click.Command(
                "pull",
                params=[click.Option(["--episode"], metavar="NAME", help="Only this episode.")],
                callback=lambda episode: _pull(console, episode),
                help=f"Copy the episodes into the folder `{TARGET}`.",
            ),
            click.Command(
                "info",
                params=[click.Argument(["episode"])],
                callback=lambda episode: console.data(_find(episode).text, end=""),
                help="Show what an episode is about.",
            ),
        ],
        help="Learn by running small flows.",
    )


def episodes() -> list[Episode]:
    """Return all episodes in the order in which they teach.

    Returns
    -------
    list of Episode
        Sorted by name.
    """
    found = []
    for name in sorted(os.listdir(SOURCE)):
        path = os.path.join(SOURCE, name, README)
        if os.path.isfile(path):
            with open(path, encoding="utf-8") as file:
                found.append(Episode(name, file.read()))
    return found


def _find(name: str) -> Episode:
    known = episodes()
    for episode in known:
        if name in {episode.name, episode.name.partition("-")[2]}:
            return episode
    names = ", ".join(f"`{episode.name}`" for episode in known)
    raise CommandException(f"There is no episode `{name}`.", hint=f"there are {names}")


def _list(console: Console) -> None:
    for episode in episodes():
        console.data(f"{episode.name}: {episode.title}")
    console.note("\nTo copy them here: metaflow tutorials pull")


def _pull(console: Console, name: str | None) -> None:
    wanted = episodes() if name is None else [_find(name)]
    taken = [path for path in _targets(wanted) if os.path.lexists(path)]
    if taken:
        listed = ", ".join(f"`{path}`" for path in taken)
        raise CommandException(
            f"{listed} {'exist' if len(taken) > 1 else 'exists'} already.",
            hint="move or remove what is there, or go to another folder",
        )
    import shutil

    for episode, path in zip(wanted, _targets(wanted), strict=True):
        shutil.copytree(
            os.path.join(SOURCE, episode.name),
            path,
            ignore=shutil.ignore_patterns("__pycache__", ".metaflow"),
        )
        console.say(f"Copied *{episode.name}* to {path}")
    console.note(f"To see what one is about: metaflow tutorials info {wanted[0].name}")


def _targets(wanted: Iterable[Episode]) -> list[str]:
    return [os.path.join(TARGET, episode.name) for episode in wanted]
