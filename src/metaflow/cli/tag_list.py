"""How tags are listed: by run, by tag, or all together; for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from metaflow.errors.input import CommandException

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from metaflow.cli.console import Console
    from metaflow.cli.scope import Scope

Tags: TypeAlias = "tuple[frozenset[str], frozenset[str]]"
"""System tags and users' tags."""


def list_tags(
    scope: Scope,
    *,
    run_id: str | None,
    my_runs: bool,
    hide_system_tags: bool,
    form: str | None,
) -> None:
    """List tags as the options of `tag list` ask.

    Parameters
    ----------
    scope : Scope
        The flow and the console.
    run_id : str, optional
        One run; without it, all runs.
    my_runs : bool
        Only the user's own runs.
    hide_system_tags : bool
        Only users' tags.
    form : str, optional
        `tag` or `run` to group by it, `flat` for one tag per line; a run given by its id
        is shown by itself, and otherwise all tags are shown together.
    """
    tags = {
        found.pathspec: tags_of(found, hide_system=hide_system_tags)
        for found in _runs(scope, run_id, my_runs)
    }
    if form == "flat":
        _print_flat(scope.console, tags.values())
    elif form == "tag":
        _print_by_tag(scope.console, tags)
    elif form == "run" or run_id is not None:
        _print_groups(scope.console, tags)
    else:
        _print_groups(scope.console, {scope.flow_name: _united(tags.values())})


def tags_of(run: Any, *, hide_system: bool = False) -> Tags:
    """Return a run's system tags, or none of them, and its users' tags."""
    return frozenset() if hide_system else run.system_tags, run.user_tags


def wording(tags: Tags) -> Iterator[str]:
    """Word tags for people, a line for each kind."""
    for kind, names in zip(("System", "User"), tags, strict=True):
        if names:
            yield f"    {kind} tags: {', '.join(sorted(names))}"


def _runs(scope: Scope, run_id: str | None, my_runs: bool) -> list[Any]:
    from metaflow.cli.past_runs import client_of
    from metaflow.errors.metadata import MetaflowNamespaceMismatch, MetaflowNotFound

    client = client_of(scope)
    if run_id is not None:
        return [client.Run(f"{scope.flow_name}/{run_id.removeprefix(scope.flow_name + '/')}")]
    if my_runs:
        client.namespace(scope.identity)
    try:
        runs = list(client.Flow(scope.flow_name))
    except (MetaflowNotFound, MetaflowNamespaceMismatch):
        runs = []
    if not runs:
        whose = f" of `{scope.identity}`" if my_runs else ""
        raise CommandException(f"`{scope.flow_name}` has no runs{whose}.")
    return runs


def _united(all_tags: Iterable[Tags]) -> Tags:
    system, user = zip(*all_tags, strict=True)
    return frozenset().union(*system), frozenset().union(*user)


def _print_flat(console: Console, all_tags: Iterable[Tags]) -> None:
    for tag in sorted(frozenset().union(*_united(all_tags))):
        console.plain(tag)


def _print_groups(console: Console, groups: dict[str, Tags]) -> None:
    for name, tags in groups.items():
        if console.quiet:
            console.plain(" ; ".join((name, *(",".join(sorted(part)) for part in tags))))
            continue
        console.plain(f"{name}:")
        for line in wording(tags):
            console.plain(line)


def _print_by_tag(console: Console, tags: dict[str, Tags]) -> None:
    system, user = _united(tags.values())
    for kind, names in (("system", system), ("user", user)):
        for tag in sorted(names):
            runs = [name for name, (own, given) in tags.items() if tag in own | given]
            if console.quiet:
                console.plain(f"{kind}:{tag} ; {','.join(runs)}")
                continue
            console.plain(f"{kind.capitalize()} tag {tag}:")
            for name in runs:
                console.plain(f"    {name}")
