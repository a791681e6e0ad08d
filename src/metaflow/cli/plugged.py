"""Commands of flows that extension packages bring, and what these find in their context."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from metaflow import registry
from metaflow.decorators.surroundings import Environment, FlowDatastore, Metadata, log

if TYPE_CHECKING:
    from metaflow.cli.scope import Scope

KINDS = ("cli", "runner_cli")


class PluggedScope:
    """What a command of an extension finds as the context's `obj`.

    Parameters
    ----------
    scope : Scope
        The flow and the console.
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self.flow: Any = scope.flow(use_cli=False)
        self.is_quiet: bool = scope.console.quiet
        self.environment: Environment = Environment()
        self.metadata: Metadata = Metadata()
        self.logger: Any = log

    @property
    def graph(self) -> Any:
        """Graph of the flow, with all decorators that a run would have."""
        return self._scope.decorated_graph()

    @property
    def datastore_root(self) -> str | None:
        """Root of the local store, or None if there is none yet."""
        return self._scope.artifact_root or self._scope.root

    @property
    def flow_datastore(self) -> FlowDatastore:
        """The artifact store of the flow."""
        return FlowDatastore(self.flow.name, self.datastore_root)

    def echo(self, line: str = "", **options: Any) -> None:
        """Show a message, unless the user wants it quiet."""
        del options
        self._scope.console.note(line)

    def echo_always(self, line: str = "", **options: Any) -> None:
        """Show a message."""
        del options
        self._scope.console(line)


def plugged_commands() -> dict[str, click.Command]:
    """List the commands of all groups that extensions bring, by name."""
    if registry.added.extensions is None:
        return {}
    found: dict[str, click.Command] = {}
    for kind in KINDS:
        for make in registry.added.extensions.plugins(kind).values():
            group = None if make is None else make()
            if isinstance(group, click.Group):
                found.update(group.commands)
            elif isinstance(group, click.Command) and group.name is not None:
                found[group.name] = group
    return found


def plugged_command(name: str, ctx: click.Context) -> click.Command | None:
    """Find a command of an extension and let it see the flow; None if there is none."""
    command = plugged_commands().get(name)
    if command is None:
        return None
    scope: Scope = ctx.obj

    class Bound(type(command)):  # type: ignore[misc]  # commands, groups and their own kinds
        """The command with its context."""

        def make_context(self, *arguments: Any, **options: Any) -> click.Context:
            """Make the context that the command and those below it look into."""
            options["obj"] = PluggedScope(scope)
            return super().make_context(*arguments, **options)  # type: ignore[no-any-return]

    bound = object.__new__(Bound)
    bound.__dict__.update(vars(command))
    return bound
