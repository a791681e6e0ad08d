"""The command line of a flow file: `python flow.py [OPTIONS] COMMAND`."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

import click

from metaflow.cli.config_options import config_options
from metaflow.cli.console import Console, open_missing_streams
from metaflow.cli.outcome import ExitCode, perform
from metaflow.cli.scope import Scope
from metaflow.errors.base import MetaflowException
from metaflow.settings.load import load_settings
from metaflow.settings.version import get_version
from metaflow.task.leaving import leave_like_a_program

if TYPE_CHECKING:
    from metaflow.authoring.flowspec import FlowSpec
    from metaflow.settings import Settings

    NameType: TypeAlias = click.ParamType[str]
else:
    NameType = click.ParamType  # older releases of click cannot be subscripted

COMMANDS: Final = {
    "check": "metaflow.cli.check",
    "dump": "metaflow.cli.dump",
    "help": "metaflow.cli.help",
    "logs": "metaflow.cli.logs",
    "output-dot": "metaflow.cli.output_dot",
    "output-raw": "metaflow.cli.output_raw",
    "resume": "metaflow.cli.resume",
    "run": "metaflow.cli.run",
    "show": "metaflow.cli.show",
    "tag": "metaflow.cli.tag",
    "version": "metaflow.cli.version",
}
"""Each module has `build(scope)`, which makes the click command of that name."""

WITHOUT_BANNER: Final = frozenset({"help", "version"})
BACK_ENDS: Final = {
    "metadata": ("local", "service", "spin"),
    "environment": ("local", "conda", "pypi", "uv"),
    "datastore": ("local", "s3", "azure", "gs", "spin"),
}
AVAILABLE: Final = frozenset({"local"})


def main(flow: FlowSpec, *, is_last: bool) -> NoReturn:
    """Run the command line of a flow and end the process.

    Parameters
    ----------
    flow : FlowSpec
        What the last line of the flow's file has made.
    is_last : bool
        Nothing follows this call in the file, so the process may end without taking itself
        apart, which costs more than a short task.
    """
    open_missing_streams()
    # Collections during start-up find nothing and take a tenth of it; what runs for long
    # turns them on again.
    gc.disable()
    code = run_command_line(type(flow), sys.argv[1:])
    if not is_last or sys.flags.interactive:
        sys.exit(code)
    leave_like_a_program(vars(sys.modules[type(flow).__module__]))
    os._exit(code)


def run_command_line(flow: type[FlowSpec], args: list[str]) -> int:
    """Do what the arguments ask of a flow.

    Parameters
    ----------
    flow : type of FlowSpec
        The flow class.
    args : list of str
        Arguments, without the program's name.

    Returns
    -------
    int
        The exit code.
    """
    console = Console()
    try:
        settings = load_settings()
    except MetaflowException as error:
        console.error(error)
        return ExitCode.FAILED
    console.color = not settings.no_color
    scope = Scope(flow, settings, console)
    return perform(FlowGroup(settings, flow), args, console, name=_program(scope), scope=scope)


def _program(scope: Scope) -> str:
    return os.path.basename(scope.script)


class BackEndName(NameType):
    """Name of a back end: known ones are told from those that this installation has."""

    def __init__(self, kind: str) -> None:
        self.name = kind
        self.known = BACK_ENDS[kind]

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Show all known names."""
        del param, ctx
        return "[" + "|".join(self.known) + "]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Accept what is available and say which of two things is wrong with the rest."""
        if value in AVAILABLE:
            return str(value)
        problem = "is not one of " + ", ".join(f"'{name}'" for name in self.known)
        if value in self.known:
            have = " or ".join(f"'{name}'" for name in self.known if name in AVAILABLE)
            problem = f"is not available in this installation, which has {have}"
        raise click.BadParameter(f"'{value}' {problem}.", ctx, param)


class FlowGroup(click.Group):
    """The top level of a flow's command line; imports a command when it is asked for."""

    def __init__(self, settings: Settings, flow: type[FlowSpec]) -> None:
        super().__init__(
            "flow",
            params=[*_top_level_options(settings), *config_options(flow)],
            callback=click.pass_context(_begin),
            invoke_without_command=True,
            no_args_is_help=False,
        )

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the names of all commands."""
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Make one command, or None if there is none of that name."""
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = import_module(module).build(ctx.obj)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command and note whether it is only asked for its help."""
        scope: Scope = ctx.obj
        if scope.given_configs is not None and args[0] != "resume":
            scope.begin()  # whatever the command, a bad config is refused
        name, command, rest = super().resolve_command(ctx, args)
        scope.wants_help = "--help" in rest
        return name, command, rest


def _top_level_options(settings: Settings) -> list[click.Parameter]:
    return [
        click.Option(
            ["--quiet/--not-quiet"],
            default=False,
            help="Show less: no banner and no notes.",
        ),
        _back_end_option("metadata", settings.default_metadata, "Where facts about runs are."),
        _back_end_option("environment", settings.default_environment, "Where steps run."),
        _back_end_option("datastore", settings.default_datastore, "Where artifacts are."),
        click.Option(["--datastore-root"], metavar="PATH", help="Root of the store, as it is."),
        click.Option(
            ["--with", "decospecs"],
            multiple=True,
            metavar="DECOSPEC",
            help="Add a decorator to all steps, such as `retry:times=2`. May be repeated.",
        ),
        click.Option(
            ["--pylint/--no-pylint"],
            default=True,
            show_default=True,
            help="Let Pylint look at the flow's file.",
        ),
    ]


def _back_end_option(kind: str, default: str, text: str) -> click.Option:
    return click.Option(
        [f"--{kind}"], type=BackEndName(kind), default=default, show_default=True, help=text
    )


def _begin(ctx: click.Context, **options: Any) -> Any:
    """Take in the top-level options, say hello, and check the flow if no command is given."""
    scope: Scope = ctx.obj
    scope.console.quiet = options["quiet"]
    scope.pylint = options["pylint"]
    scope.decospecs = options["decospecs"]
    scope.datastore_root = options["datastore_root"]
    if ctx.invoked_subcommand in WITHOUT_BANNER or scope.wants_help:
        return None
    scope.console.note(
        f"Metaflow {get_version()} executing *{scope.flow_name}* for *{scope.identity}*"
    )
    if ctx.invoked_subcommand is not None:
        return None
    check = import_module(COMMANDS["check"])
    return ctx.invoke(check.build(scope), warnings=False)
