"""Reads the arguments of a plain `run` without click, which takes longer to load than it runs.

Only what leaves no doubt is read here: options that are spelled out, with sound values. For
everything else, mistakes included, there is one way, and that is click's; what both read,
they read alike.
"""

# No postponed annotations here: a NamedTuple would compile each of them at import, which
# costs ten times as much as evaluating them.
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from metaflow import registry
from metaflow.authoring.composition import is_plain
from metaflow.authoring.parameters import Parameter, collect_parameters
from metaflow.cli.console import Console
from metaflow.cli.outcome import guarded
from metaflow.cli.requesting import MAX_LOG_SIZE, MAX_NUM_SPLITS, MAX_WORKERS
from metaflow.cli.scope import Scope, may_have_decorators
from metaflow.errors.base import MetaflowException
from metaflow.settings.load import Settings, load_settings

if TYPE_CHECKING:
    from metaflow.authoring.flowspec import FlowSpec

FLAGS: Final = {
    "--quiet": ("quiet", True),
    "--not-quiet": ("quiet", False),
    "--pylint": ("pylint", True),
    "--no-pylint": ("pylint", False),
}
"""Top-level options that take no value, with the value that each stands for."""

TEXTS: Final = {
    "--namespace": "namespace",
    "--run-id-file": "run_id_file",
    "--runner-attribute-file": "runner_attribute_file",
}
LISTS: Final = {"--tag": "tags", "--with": "decospecs"}
COUNTS: Final = {
    "--max-log-size": "max_log_size",
    "--max-num-splits": "max_num_splits",
    "--max-workers": "max_workers",
}
"""Options of `run`, with the names of what they set."""

USUAL: Final[Mapping[str, Any]] = {
    "decospecs": (),
    "max_log_size": MAX_LOG_SIZE,
    "max_num_splits": MAX_NUM_SPLITS,
    "max_workers": MAX_WORKERS,
    "namespace": None,
    "parent_task": None,
    "run_id_file": None,
    "runner_attribute_file": None,
    "tags": (),
}
"""Values of the options of `run` that are not given."""

VARIABLES: Final = frozenset(
    f"METAFLOW_{name}"
    for name in (
        "DATASTORE",
        "DATASTORE_ROOT",
        "DECOSPECS",
        "ENVIRONMENT",
        "EVENT_LOGGER",
        "FORCE_REBUILD_ENVIRONMENTS",
        "METADATA",
        "MODE",
        "MONITOR",
        "PACKAGE_SUFFIXES",
        "PYLINT",
        "QUIET",
    )
)
"""Variables that top-level options read."""
VARIABLES_OF_RUN: Final = "METAFLOW_RUN_"
"""Begins the names of the variables that options of `run` read."""

SIMPLE: Final = (str, int, float, bool)
"""Types of parameters whose values are read here."""
BACK_ENDS: Final = ("default_datastore", "default_environment", "default_metadata")
LOCAL: Final = "local"
TOLD: Final = ("default_event_logger", "default_monitor")


class PlainRun(NamedTuple):
    """A command line that asks for nothing but a run."""

    settings: Settings
    quiet: bool
    pylint: bool
    values: dict[str, Any]
    """Values of the options of `run`, by the names that click has for them."""
    parameters: dict[str, Any]
    """Values of the flow's parameters, by attribute."""


def read(
    flow: "type[FlowSpec]", args: Sequence[str], environ: Mapping[str, str]
) -> PlainRun | None:
    """Read a command line.

    Parameters
    ----------
    flow : type of FlowSpec
        The flow class.
    args : sequence of str
        Arguments, without the program's name.
    environ : mapping of str to str
        Environment variables.

    Returns
    -------
    PlainRun or None
        None when it takes click to read it, or to say what is wrong with it.
    """
    top: dict[str, bool] = {"quiet": False, "pylint": True}
    place = 0
    for arg in args:
        if arg not in FLAGS:
            break
        name, value = FLAGS[arg]
        top[name] = value
        place += 1
    if list(args[place : place + 1]) != ["run"] or _is_special(flow) or _has_options(environ):
        return None
    try:
        settings = load_settings()
        declared = collect_parameters(flow)
        if not (_is_usual(settings) and all(_is_simple(it) for _, it in declared)):
            return None
        given = _pairs(args[place + 1 :])
        values = None if given is None else _values(given, declared)
        if values is None:
            return None
        parameters = {attribute: _settled(it, given or []) for attribute, it in declared}
    except (MetaflowException, LookupError):
        return None
    return PlainRun(settings, top["quiet"], top["pylint"], values, parameters)


def perform(flow: "type[FlowSpec]", plain: PlainRun) -> int:
    """Do what `read` has returned, and return the exit code."""
    console = Console(quiet=plain.quiet, color=not plain.settings.no_color)

    def work() -> int:
        from metaflow.cli.starting import start

        scope = Scope(flow, plain.settings, console)
        scope.pylint = plain.pylint
        scope.greet()
        return start(scope, plain.parameters, plain.values)

    return guarded(console, work)


def _is_special(flow: type) -> bool:
    return may_have_decorators() or not is_plain(flow) or registry.added.extensions is not None


def _has_options(environ: Mapping[str, str]) -> bool:
    return any(name in VARIABLES or name.startswith(VARIABLES_OF_RUN) for name in environ)


def _is_usual(settings: Settings) -> bool:
    usual = Settings._field_defaults
    return all(getattr(settings, field) == LOCAL for field in BACK_ENDS) and all(
        getattr(settings, field) == usual[field] for field in TOLD
    )


def _is_simple(parameter: Parameter) -> bool:
    return (
        type(parameter) is Parameter
        and parameter.value_type in SIMPLE
        and not parameter.options
        and not parameter.has_deploy_time_default
    )


def _pairs(args: Sequence[str]) -> list[tuple[str, str]] | None:
    """Part options and values; None when an argument is something else."""
    pairs = []
    rest = iter(args)
    for arg in rest:
        option, is_joined, value = arg.partition("=")
        if not option.startswith("--"):
            return None
        if not is_joined:
            value = next(rest, "-")
            if value.startswith("-"):
                return None
        pairs.append((option, value))
    return pairs


def _values(
    given: list[tuple[str, str]], declared: list[tuple[str, Parameter]]
) -> dict[str, Any] | None:
    """Return the values of the options of `run`; None when one is not known or not sound."""
    values = dict(USUAL)
    of_parameters = {f"--{it.name}" for _, it in declared}
    for option, value in given:
        if option in TEXTS:
            values[TEXTS[option]] = value
        elif option in LISTS:
            values[LISTS[option]] += (value,)
        elif option in COUNTS and value.isascii() and value.isdecimal() and int(value) > 0:
            values[COUNTS[option]] = int(value)
        elif option not in of_parameters:
            return None
    return values


def _settled(parameter: Parameter, given: list[tuple[str, str]]) -> Any:
    """Convert a parameter's value, or its default; a `LookupError` if it has to have one."""
    option = f"--{parameter.name}"
    value: Any = parameter.default
    for name, text in given:
        if name == option:
            value = text
    if value is None:
        if parameter.required:
            raise LookupError(option)
        return None
    return parameter.convert_one(value)
