"""The command line of a flow file: `python flow.py [OPTIONS] COMMAND`."""

from __future__ import annotations

import contextlib
import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import click

from metaflow import registry
from metaflow.authoring.composition import config_names, has_mutators
from metaflow.cli.console import Console
from metaflow.cli.outcome import perform, read_settings
from metaflow.cli.scope import Scope, may_have_decorators, script_of
from metaflow.errors.input import MetaflowUnknownUser
from metaflow.registry import names
from metaflow.settings.load import Settings

if TYPE_CHECKING:
    from metaflow.authoring.flowspec import FlowSpec

    NameType: TypeAlias = click.ParamType[str]
else:
    NameType = click.ParamType  # older releases of click cannot be subscripted

COMMANDS: Final = {
    "check": "metaflow.cli.check",
    "dump": "metaflow.cli.dump",
    "help": "metaflow.cli.help",
    "init": "metaflow.cli.init",
    "logs": "metaflow.cli.logs",
    "output-dot": "metaflow.cli.output_dot",
    "output-raw": "metaflow.cli.output_raw",
    "package": "metaflow.cli.package",
    "resume": "metaflow.cli.resume",
    "run": "metaflow.cli.run",
    "runs": "metaflow.cli.runs",
    "show": "metaflow.cli.show",
    "spin": "metaflow.cli.spin",
    "spin-step": "metaflow.cli.spin_step",
    "status": "metaflow.cli.status",
    "step": "metaflow.cli.step",
    "tag": "metaflow.cli.tag",
    "verify": "metaflow.cli.verify",
    "version": "metaflow.cli.version",
}
"""Each module has `build(scope)`, which makes the click command of that name."""

WITHOUT_BANNER: Final = frozenset({"help", "version"})
BACK_ENDS: Final = {
    "metadata": ("local", "service", "spin"),
    "environment": ("local", "conda", "pypi", "uv"),
    "datastore": ("local", "s3", "azure", "gs", "spin"),
}
AVAILABLE: Final = {
    "metadata": ("local", "spin"),
    "environment": ("local",),
    "datastore": ("local", "s3", "azure", "gs", "spin"),
}
OF_EARLIER_RUNS: Final = frozenset({"resume", "spin", "spin-step", "step"})
"""Commands that work with the configs that a run was begun with."""
SPIN: Final = "spin"
SPINNING: Final = frozenset({"spin", "spin-step"})
"""Commands that find what to spin in the usual store, whatever is said of the other one."""
UNTOLD: Final = (Settings().default_event_logger, Settings().default_monitor)
"""Names of the event logger and of the monitor that keep nothing."""


def perform_any(flow: type[FlowSpec], args: list[str]) -> int:
    """Do what the arguments ask of a flow, whatever they are.

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

    def begin(console: Console) -> tuple[click.Command, Scope]:
        settings = read_settings(console)
        return FlowGroup(settings, flow), Scope(flow, settings, console)

    return perform(begin, args, name=_program(flow))


def _program(flow: type[FlowSpec]) -> str:
    return os.path.basename(script_of(flow))


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
        if value in AVAILABLE[self.name]:
            return str(value)
        problem = "is not one of " + ", ".join(f"'{name}'" for name in self.known)
        if value in self.known:
            have = " or ".join(f"'{name}'" for name in AVAILABLE[self.name])
            problem = f"is not available in this installation, which has {have}"
        raise click.BadParameter(f"'{value}' {problem}.", ctx, param)


class RegisteredName(NameType):
    """Name of something that the registry knows, such as an event logger."""

    def __init__(self, kind: str) -> None:
        self.name = kind

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Show all names."""
        del param, ctx
        return "[" + "|".join(names(self.name)) + "]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Accept what is registered."""
        if value not in UNTOLD and value not in names(self.name):
            known = ", ".join(f"'{name}'" for name in names(self.name))
            raise click.BadParameter(f"'{value}' is not one of {known}.", ctx, param)
        return str(value)


class FlowGroup(click.Group):
    """The top level of a flow's command line; imports a command when it is asked for."""

    def __init__(self, settings: Settings, flow: type[FlowSpec]) -> None:
        super().__init__(
            "flow",
            params=[*_top_level_options(settings), *_of_configs(flow), *_of_decorators(flow)],
            callback=click.pass_context(_begin),
            invoke_without_command=True,
            no_args_is_help=False,
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options; mutators may add some, so a flow that has them is composed first."""
        if has_mutators(ctx.obj.flow):
            from metaflow.cli.mutated_options import add_options

            self.params = add_options(self.params, ctx.obj, args, OF_EARLIER_RUNS)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the names of all commands."""
        del ctx
        if registry.added.extensions is None:
            return sorted(COMMANDS)
        from metaflow.cli.plugged import plugged_commands

        return sorted({*COMMANDS, *plugged_commands()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Make one command, or None if there is none of that name."""
        module = COMMANDS.get(cmd_name)
        if module is None:
            if registry.added.extensions is None:
                return None
            from metaflow.cli.plugged import plugged_command

            return plugged_command(cmd_name, ctx)
        command: click.Command = import_module(module).build(ctx.obj)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands; this must work for a flow whose parameters are not known yet."""
        ctx.obj.only_lists = True
        super().format_commands(ctx, formatter)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command and note whether it is only asked for its help."""
        scope: Scope = ctx.obj
        if scope.given_configs is not None and args[0] not in OF_EARLIER_RUNS:
            scope.begin()  # whatever the command, a bad config is refused
        name, command, rest = super().resolve_command(ctx, args)
        scope.wants_help = "--help" in rest
        return name, command, rest

    def invoke(self, ctx: click.Context) -> Any:
        """Carry out the command, and tell those who want to know."""
        event_logger, monitor = ctx.params["event_logger"], ctx.params["monitor"]
        if (event_logger, monitor) == UNTOLD:
            return super().invoke(ctx)
        from metaflow.cli.telemetry import tell

        # The name is looked for here, because what follows is told under it.
        words = [*getattr(ctx, "_protected_args", ()), *ctx.args]  # click 8 keeps the first apart
        ctx.obj.command = next(iter(words), ctx.obj.command)
        return tell(ctx.obj, event_logger, monitor, lambda: super(FlowGroup, self).invoke(ctx))


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
            ["--package-suffixes"],
            metavar="LIST",
            help="Pack files with these endings too, such as `.yaml,.sql`.",
        ),
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
        click.Option(
            ["--event-logger"],
            type=RegisteredName("event_logger"),
            default=settings.default_event_logger,
            show_default=True,
            help="Who is told what happens.",
        ),
        click.Option(
            ["--monitor"],
            type=RegisteredName("monitor"),
            default=settings.default_monitor,
            show_default=True,
            help="Who is told how long it takes.",
        ),
        click.Option(
            ["--mode"],
            type=click.Choice([SPIN]),
            help="Use the store of spun tasks: short for `--metadata spin --datastore spin`.",
        ),
        click.Option(["--force-rebuild-environments"], is_flag=True, hidden=True),
    ]


def _of_configs(flow: type[FlowSpec]) -> list[click.Parameter]:
    if not config_names(flow):
        return []
    from metaflow.cli.config_options import config_options

    return config_options(flow)


def _of_decorators(flow: type[FlowSpec]) -> list[click.Parameter]:
    if not may_have_decorators():
        return []
    from metaflow.cli.flow_facts import decorator_options

    return decorator_options(flow)


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
    scope.datastore = options["datastore"]
    scope.datastore_root = options["datastore_root"]
    scope.package_suffixes = options["package_suffixes"]
    scope.flow_options = options
    scope.is_of_spins = _is_of_spins(ctx) and ctx.invoked_subcommand not in SPINNING
    if ctx.invoked_subcommand in WITHOUT_BANNER:
        return None
    if scope.wants_help:
        with contextlib.suppress(MetaflowUnknownUser):
            _declare(scope, ctx.invoked_subcommand)
        return None
    scope.greet()
    if options["force_rebuild_environments"]:
        scope.console.note("Nothing to rebuild: local steps use the environment as it is.")
    _declare(scope, ctx.invoked_subcommand)
    if ctx.invoked_subcommand is not None:
        return None
    check = import_module(COMMANDS["check"])
    return ctx.invoke(check.build(scope), warnings=False)


def _is_of_spins(ctx: click.Context) -> bool:
    """Tell whether the store of spun tasks is meant; it holds their facts and their artifacts."""
    stores = ("metadata", "datastore")
    if SPIN not in {ctx.params["mode"], *(ctx.params[kind] for kind in stores)}:
        return False
    source = click.core.ParameterSource.DEFAULT
    for kind in stores:
        if ctx.params[kind] != SPIN and ctx.get_parameter_source(kind) is not source:
            raise click.UsageError(
                f"`--{kind} {ctx.params[kind]}` contradicts `spin`: the facts and the artifacts of "
                "spun tasks are in one store."
            )
    return True


def _declare(scope: Scope, command: str | None) -> None:
    """Let the flow's decorators speak before the command's own options are read."""
    # These have the configs of an earlier run, and let them speak once they have read these.
    if command not in OF_EARLIER_RUNS:
        scope.declare()
