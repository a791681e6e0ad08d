"""How a flow's configs are given on the command line and in the environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from metaflow.authoring.composition import config_names

if TYPE_CHECKING:
    from metaflow.authoring.config_settling import GivenConfigs
    from metaflow.authoring.deploy_time import ParameterContext


def config_options(flow: type) -> list[click.Parameter]:
    """Make the top-level options for the configs of a flow that has some."""
    described = _describe(flow)
    return [
        ConfigOption(
            ["--config", "config_paths"],
            metavar="NAME FILE",
            envvar="METAFLOW_FLOW_CONFIG",
            help=f"Read a config from a file. May be repeated. {described}",
        ),
        ConfigOption(
            ["--config-value", "config_texts"],
            metavar="NAME VALUE",
            envvar="METAFLOW_FLOW_CONFIG_VALUE",
            help="Give a config as text, as it would stand in the file. May be repeated.",
        ),
        click.Option(
            ["--local-config-file"],
            metavar="FILE",
            hidden=True,
            expose_value=False,
            callback=_take_settled,
            help="Take the values of configs from a JSON file, parsed already.",
        ),
    ]


def _describe(flow: type) -> str:
    from metaflow.authoring.configs import collect_configs

    lines = []
    for _, facts in collect_configs(flow):
        default = f" (default: {facts.default})" if isinstance(facts.default, str) else ""
        lines.append(f"`{facts.name}`{default}{': ' + facts.help if facts.help else ''}")
    return f"This flow has {', '.join(lines)}."


class ConfigOption(click.Option):
    """An option that takes a name and a value, or a JSON object of these in the environment."""

    def __init__(self, decls: list[str], **keywords: Any) -> None:
        super().__init__(
            decls,
            nargs=2,
            multiple=True,
            type=click.UNPROCESSED,
            expose_value=False,
            callback=_take,
            allow_from_autoenv=False,
            **keywords,
        )

    def value_from_envvar(self, ctx: click.Context) -> Any:
        """Read the variable, which holds one JSON object."""
        text = self.resolve_envvar_value(ctx)
        if not text:
            return None
        try:
            value = json.loads(text)
        except ValueError as error:
            raise click.BadParameter(f"{self.envvar} is not valid JSON: {error}", ctx) from error
        if not isinstance(value, dict):
            raise click.BadParameter(f"{self.envvar} is not a JSON object.", ctx)
        return list(value.items())


def _take(ctx: click.Context, option: Any, value: Any) -> None:
    """Note what was given; what the environment says counts for names not given here."""
    scope: Any = ctx.obj
    field = str(option.name).removeprefix("config_")
    source = ctx.get_parameter_source(str(option.name))
    here = dict(value or ()) if source is click.core.ParameterSource.COMMANDLINE else {}
    around = dict(option.value_from_envvar(ctx) or ())
    scope.given_configs = _with(scope.given_configs, field, here)
    scope.inherited_configs = _with(scope.inherited_configs, field, around)


def _take_settled(ctx: click.Context, option: click.Parameter, value: str | None) -> None:
    if value is None:
        return
    try:
        with open(value, encoding="utf-8") as file:
            settled = json.load(file)
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"`{value}` cannot be read: {error}", ctx, option) from error
    if not isinstance(settled, dict):
        raise click.BadParameter(f"`{value}` does not hold a JSON object.", ctx, option)
    ctx.obj.given_configs = _with(ctx.obj.given_configs, "settled", settled)


def _with(given: GivenConfigs | None, field: str, values: Mapping[str, Any]) -> GivenConfigs | None:
    if not values:
        return given
    from metaflow.authoring.config_settling import GivenConfigs

    return (given or GivenConfigs())._replace(**{field: values})


def settled_configs(
    flow: type,
    given: GivenConfigs | None,
    inherited: GivenConfigs | None,
    context: ParameterContext,
) -> dict[str, Any]:
    """Find the values of a flow's configs.

    Parameters
    ----------
    flow : type
        The flow class.
    given, inherited : GivenConfigs or None
        What the command line says, and what the environment says.
    context : ParameterContext
        What functions that compute defaults are told.

    Returns
    -------
    dict
        Plain values by attribute name.

    Raises
    ------
    click.UsageError
        With everything that is wrong with any of them.
    """
    if not config_names(flow):
        return {}
    from metaflow.authoring.config_settling import GivenConfigs, settle
    from metaflow.errors.config import ConfigInvalid

    given = given or GivenConfigs()
    if inherited is not None:
        given = given.over(inherited)
    try:
        return settle(flow, given, context)
    except ConfigInvalid as error:
        raise click.UsageError(error.message) from error
