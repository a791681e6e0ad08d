"""How a flow's parameters become options of `run`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from metaflow.authoring.deploy_time import ParameterContext, evaluate_default
from metaflow.authoring.parameter_types import is_json
from metaflow.authoring.parameters import Parameter, collect_parameters, normalized
from metaflow.errors.input import ParameterOptionInvalid, ParameterValueInvalid

if TYPE_CHECKING:
    from metaflow.cli.scope import Scope

    AnyType: TypeAlias = click.ParamType[Any]
else:
    AnyType = click.ParamType  # older releases of click cannot be subscripted

METAVARS = {str: "TEXT", int: "INTEGER", float: "FLOAT", bool: "BOOLEAN"}


class ParameterType(AnyType):
    """Lets a parameter convert its own values."""

    def __init__(self, parameter: Parameter) -> None:
        self.parameter = parameter
        kind = parameter.value_type
        self.name = "JSON" if is_json(kind) else METAVARS.get(kind, parameter.type_name)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """Let a type of click's own, such as a choice, say what it takes."""
        kind = self.parameter.value_type
        return kind.get_metavar(param, ctx) if isinstance(kind, click.ParamType) else None

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert one value; a bad one is a usage error."""
        kind = self.parameter.value_type
        if isinstance(kind, click.ParamType):
            return kind.convert(value, param, ctx)
        try:
            return self.parameter.convert_one(value)
        except ParameterValueInvalid as error:
            self.fail(f"{error.problem}.", param, ctx)


class ParameterOption(click.Option):
    """The option of one parameter.

    Parameters
    ----------
    attribute : str
        Name of the parameter's attribute on the flow.
    parameter : Parameter
        The declaration.
    context : ParameterContext
        What a function that computes the default is told.
    command : str
        The command as it stands in names of environment variables.
    """

    def __init__(
        self, attribute: str, parameter: Parameter, context: ParameterContext, command: str
    ) -> None:
        self.attribute = attribute
        self.parameter = parameter
        self.context = context
        self.settled: list[Any] = []
        """The default, once it is known."""
        dest = normalized(parameter.name)
        super().__init__([f"--{parameter.name}", dest], **_keywords(parameter, dest, command))

    def get_default(self, ctx: click.Context, call: bool = True) -> Any:
        """Settle the default; a function is called once, and for the help text too."""
        if not self.parameter.has_deploy_time_default:
            return super().get_default(ctx, call)
        if not self.settled:
            self.settled.append(evaluate_default(self.parameter, self.context))
        return self.settled[0]


def _keywords(parameter: Parameter, dest: str, command: str) -> dict[str, Any]:
    given = dict(parameter.options)
    variable = f"METAFLOW_{command}_{dest.upper()}"
    own = given.pop("envvar", None) or ()
    keywords: dict[str, Any] = {
        "help": parameter.help,
        "required": parameter.required and parameter.default is None,
        "show_default": parameter.show_default,
        "envvar": [variable, *([own] if isinstance(own, str) else own)],
        "allow_from_autoenv": False,
    }
    if not given.get("is_flag"):
        keywords["type"] = ParameterType(parameter)
    if parameter.default is not None:
        keywords["default"] = _written_default(parameter)
    return keywords | given


def _written_default(parameter: Parameter) -> Any:
    """Write a JSON default as users would, so that the help shows what they can type."""
    default = parameter.default
    if isinstance(default, str) or callable(default) or not is_json(parameter.value_type):
        return default
    try:
        text = json.dumps(default)
    except (TypeError, ValueError):
        return default
    return text if json.loads(text) == default else default


def parameter_options(scope: Scope, command: str = "RUN") -> list[ParameterOption]:
    """Make the options of all parameters of the flow.

    Parameters
    ----------
    scope : Scope
        The flow and the console.
    command : str, default "RUN"
        The command as it stands in names of environment variables.

    Returns
    -------
    list of ParameterOption
        In the order of definition.

    Raises
    ------
    MetaflowException
        A parameter is declared in a way that cannot work.
    """
    options = []
    scope.begin()
    for attribute, parameter in collect_parameters(scope.flow):
        context = scope.parameter_context(parameter.name)
        try:
            options.append(ParameterOption(attribute, parameter, context, command))
        except (TypeError, ValueError) as error:
            raise ParameterOptionInvalid(
                parameter.name,
                str(error).rstrip("."),
                parameter.line_no,
                parameter.source_file,
            ) from error
    return options
