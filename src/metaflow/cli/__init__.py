"""The command line: one file per command, each imported only when its command is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click

    start: click.Group


def __getattr__(name: str) -> click.Group:
    """Make `start`, the top level of any flow's command line, when it is asked for."""
    if name == "start":
        from metaflow.cli.any_flow import any_start

        globals()[name] = any_start()
        return globals()[name]  # type: ignore[no-any-return]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
