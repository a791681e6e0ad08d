"""What a flow's decorators add to the command line, and what they declare once it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from metaflow.authoring.current import current
from metaflow.authoring.flow_decorators import FlowDecorator, declare_flow, flow_decorators
from metaflow.errors.decorator import TriggerOptionInvalid
from metaflow.errors.metadata import MetaflowNotFound
from metaflow.model.flow_facts import FlowFacts, Situation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from metaflow.settings import Settings


class BroughtOption(click.Option):
    """A top-level option that a decorator brings."""


def decorator_options(flow: type) -> list[click.Parameter]:
    """Make the top-level options that the decorators of a flow add.

    Parameters
    ----------
    flow : type of FlowSpec
        The flow class.

    Returns
    -------
    list of click.Parameter
        One per name.
    """
    return options_of(flow_decorators(flow))


def options_of(decorators: Iterable[FlowDecorator | type[FlowDecorator]]) -> list[click.Parameter]:
    """Make the top-level options of some decorators, or kinds of them; one per name."""
    made: dict[str, click.Parameter] = {}
    for decorator in decorators:
        for name, keywords in decorator.options.items():
            if name not in made:
                word = name.replace("-", "_").upper()
                settled: dict[str, Any] = {
                    "envvar": [f"METAFLOW_FLOW_{word}", f"METAFLOW_{word}"],
                    **keywords,
                }
                made[name] = BroughtOption([f"--{name.replace('_', '-')}"], **settled)
    return list(made.values())


def names_of(decorators: Iterable[FlowDecorator | type[FlowDecorator]]) -> list[str]:
    """List the names of the values of the options of some decorators, or kinds of them."""
    return [name.replace("-", "_") for decorator in decorators for name in decorator.options]


def refuse_strangers(flow: type, given: Iterable[str]) -> None:
    """Refuse options that turn out to be brought by no decorator of a composed flow.

    Raises
    ------
    click.UsageError
        There is one.
    """
    known = names_of(flow_decorators(flow))
    for option in given:
        if option.removeprefix("--").replace("-", "_") not in known:
            raise click.UsageError(
                f"No such option '{option}': with the configs of the earlier run, no decorator "
                f"of `{flow.__name__}` brings it."
            )


def declared_facts(flow: type, options: Mapping[str, Any], settings: Settings) -> FlowFacts:
    """Let the flow's decorators speak, and let functions of the user know what they say.

    Parameters
    ----------
    flow : type of FlowSpec
        The flow, whose configs are settled.
    options : mapping
        Values of the top-level options.
    settings : Settings
        Who owns what is started.

    Returns
    -------
    FlowFacts
        What they declare.
    """
    given = {
        name: options.get(name.replace("-", "_"))
        for decorator in flow_decorators(flow)
        for name in decorator.options
    }
    situation = Situation(flow.__name__, settings.owner or settings.user, given)
    facts = declare_flow(flow, situation)
    if facts.current:
        current._update_env(dict(facts.current))  # noqa: SLF001 - decorators know it by this name
    return facts


def triggered_by(pathspecs: tuple[str, ...], root: str) -> str:
    """Find the runs that are to have started this one.

    Parameters
    ----------
    pathspecs : tuple of str
        Their names.
    root : str
        Root of the store that the runs are in.

    Returns
    -------
    str
        What the run records of its triggers, as JSON.

    Raises
    ------
    TriggerOptionInvalid
        There is no such run, or it has not succeeded.
    """
    from metaflow.client.run import Run
    from metaflow.client.scope import scope_of
    from metaflow.client.trigger import Trigger

    scope = scope_of(f"local@{root}", None, checked=False)
    runs: list[Any] = []
    for pathspec in pathspecs:
        try:
            run = Run._found(scope, pathspec.split("/"))  # noqa: SLF001 - finds it in this store
        except MetaflowNotFound:
            raise TriggerOptionInvalid(pathspec, "there is no such run") from None
        if not run.successful:
            raise TriggerOptionInvalid(pathspec, "this run has not succeeded")
        runs.append(run)
    return Trigger.from_runs(runs).to_json()
