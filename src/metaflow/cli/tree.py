"""Describes the commands of a flow to programs, which call them by name and keyword."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from metaflow.authoring.composition import config_names, has_mutators
from metaflow.cli.console import Console
from metaflow.cli.flow import FlowGroup
from metaflow.cli.run_options import common_options
from metaflow.cli.scope import Scope
from metaflow.errors.base import MetaflowException
from metaflow.errors.config import ConfigInvalid
from metaflow.settings.load import load_settings

if TYPE_CHECKING:
    from metaflow.authoring.flowspec import FlowSpec

Pairs = list[tuple[str, Any]]


def command_tree(
    flow: type[FlowSpec],
    environ: Mapping[str, str],
    configs: tuple[Pairs, Pairs] = ([], []),
    cwd: str | None = None,
) -> tuple[click.Group, click.Context]:
    """Make the command line of a flow without running any of it.

    Parameters
    ----------
    flow : type of FlowSpec
        The flow class. When a command is made, it is composed with these configs.
    environ : mapping of str to str
        Environment in which the command line will run.
    configs : tuple of two lists of pairs
        Configs as `--config` and as `--config-value` give them.
    cwd : str, optional
        Directory in which it will run; that of this process by default.

    Returns
    -------
    tuple of click.Group and click.Context
        The top level, and the context in which it makes its commands. A command that takes
        unknown options is one whose parameters can only be known where it runs.
    """
    scope = Scope(flow, load_settings(environ), Console(quiet=True))
    group = _Described(scope, environ, configs, cwd)
    if has_mutators(flow):
        group.settle_options()
    return group, click.Context(group, obj=scope)


class _Described(FlowGroup):
    """A flow's top level that composes the flow anew for each command that is made."""

    def __init__(
        self,
        scope: Scope,
        environ: Mapping[str, str],
        configs: tuple[Pairs, Pairs],
        cwd: str | None,
    ) -> None:
        super().__init__(scope.settings, scope.flow)
        self._scope = scope
        self._environ = environ
        self._configs = configs
        self._cwd = cwd

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Make one command; composed is what it takes parameters from."""
        if cmd_name == "run" and not self._compose():
            namespace = click.Option(["--namespace"])
            return click.Command(
                "run",
                params=[*common_options(), namespace],
                context_settings={"ignore_unknown_options": True},
            )
        return super().get_command(ctx, cmd_name)

    def settle_options(self) -> None:
        """Find the options of decorators that mutators add; all there could be, at worst."""
        from metaflow.cli.mutated_options import possible_options, with_options_of

        try:
            is_composed = self._scope.settings.click_api_process_config and self._compose()
            if is_composed:
                self._scope.begin()
        except (MetaflowException, TypeError, ValueError):
            # Whoever uses what is wrong is told so: the command, or a check of the arguments.
            is_composed = False
        if is_composed:
            self.params = with_options_of(self._scope.flow, self.params)
        else:
            self.params = [*self.params, *possible_options(self.params)]

    def _compose(self) -> bool:
        """Compose the flow; say whether its parameters are known now."""
        scope = self._scope
        if not config_names(scope.flow):
            return True
        if not scope.settings.click_api_process_config:
            return False
        from metaflow.authoring.config_settling import GivenConfigs, settle

        paths, texts = self._configs
        given = GivenConfigs({name: self._absolute(path) for name, path in paths}, dict(texts))
        inherited = GivenConfigs(
            self._variable("METAFLOW_FLOW_CONFIG"), self._variable("METAFLOW_FLOW_CONFIG_VALUE")
        )
        try:
            scope.begin(settle(scope.flow, given.over(inherited), scope.parameter_context("")))
        except ConfigInvalid:
            if self._cwd is None:
                raise
            # Files named in the flow may be there, relative to where the command will run.
            return False
        return True

    def _variable(self, name: str) -> dict[str, Any]:
        text = self._environ.get(name)
        try:
            value = json.loads(text) if text else {}
        except ValueError:  # the command itself will say so
            value = {}
        return value if isinstance(value, dict) else {}

    def _absolute(self, path: str) -> str:
        return os.path.join(self._cwd or "", os.path.expanduser(os.fspath(path)))
