"""`metaflow unpin`: lets the rules decide on a run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow.cli.pin import pinning

if TYPE_CHECKING:
    import click

    from metaflow.cli.console import Console


def build(console: Console) -> click.Command:
    """Make the command."""
    text = "Let the rules of `metaflow gc` decide on a run again."
    return pinning(console, "unpin", text, "is no longer pinned", pinned=False)
