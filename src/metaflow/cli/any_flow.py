"""The command line and its `run` as they are for any flow, for programs that want to see them."""

from __future__ import annotations

import click

from metaflow.authoring.flowspec import FlowSpec
from metaflow.cli.console import Console
from metaflow.cli.flow import FlowGroup
from metaflow.cli.scope import Scope
from metaflow.settings.load import load_settings


def any_start() -> click.Group:
    """Make the top level, without what configs and decorators of a flow add."""
    return FlowGroup(load_settings(), FlowSpec)


def any_run() -> click.Command:
    """Make `run`, without the parameters of a flow."""
    from metaflow.cli.run import build

    return build(Scope(FlowSpec, load_settings(), Console(quiet=True)))
