"""Describes the commands of a flow to programs, which call them by name and keyword."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow.cli.console import Console
from metaflow.cli.flow import FlowGroup
from metaflow.cli.scope import Scope
from metaflow.settings.load import load_settings

if TYPE_CHECKING:
    import click

    from metaflow.authoring.flowspec import FlowSpec


def command_tree(flow: type[FlowSpec]) -> tuple[click.Group, click.Context]:
    """Make the command line of a flow without running any of it.

    Parameters
    ----------
    flow : type of FlowSpec
        The flow class.

    Returns
    -------
    tuple of click.Group and click.Context
        The top level, and the context in which it makes its commands.
    """
    import click

    scope = Scope(flow, load_settings(), Console(quiet=True))
    group = FlowGroup(scope.settings)
    return group, click.Context(group, obj=scope)
