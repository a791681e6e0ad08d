"""The older path of the command `run`: `metaflow.cli_components.run_cmds`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click

    run: click.Command

__all__ = ["run"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> click.Command:
    """Make the command, as it is for any flow, when it is asked for."""
    if name == "run":
        from metaflow.cli.any_flow import any_run

        globals()[name] = any_run()
        return globals()[name]  # type: ignore[no-any-return]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
