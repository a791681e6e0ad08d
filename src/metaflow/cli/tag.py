"""`tag`: look at the tags of runs and change them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from metaflow.errors.input import CommandException

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from metaflow.cli.scope import Scope


def build(scope: Scope) -> click.Command:
    """Make the group with its commands."""
    return click.Group(
        "tag",
        commands=[_add(scope), _remove(scope), _replace(scope), _list(scope)],
        help="Show or change the tags of runs.",
    )


def _add(scope: Scope) -> click.Command:
    def add(run_id: str | None, namespace: str | None, tags: tuple[str, ...]) -> None:
        _change(scope, run_id, namespace, lambda run: run.add_tags(tags))

    return click.Command(
        "add",
        params=[*_selectors(), click.Argument(["tags"], nargs=-1, required=True)],
        callback=add,
        help="Put tags on a run.",
    )


def _remove(scope: Scope) -> click.Command:
    def remove(run_id: str | None, namespace: str | None, tags: tuple[str, ...]) -> None:
        _change(scope, run_id, namespace, lambda run: run.remove_tags(tags))

    return click.Command(
        "remove",
        params=[*_selectors(), click.Argument(["tags"], nargs=-1, required=True)],
        callback=remove,
        help="Take tags off a run.",
    )


def _replace(scope: Scope) -> click.Command:
    def replace(
        run_id: str | None,
        namespace: str | None,
        removed: tuple[str, ...],
        added: tuple[str, ...],
    ) -> None:
        _change(scope, run_id, namespace, lambda run: run.replace_tags(removed, added))

    return click.Command(
        "replace",
        params=[
            *_selectors(),
            click.Option(
                ["--remove", "removed"],
                multiple=True,
                required=True,
                metavar="TAG",
                help="Take this tag off. May be repeated.",
            ),
            click.Option(
                ["--add", "added"],
                multiple=True,
                required=True,
                metavar="TAG",
                help="Put this tag on. May be repeated.",
            ),
        ],
        callback=replace,
        help="Take tags off a run and put others on, in one step.",
    )


def _list(scope: Scope) -> click.Command:
    def list_tags(**values: Any) -> None:
        _list_tags(scope, values)

    return click.Command(
        "list",
        params=[
            click.Argument(["run"], metavar="[RUN_ID]", required=False),
            click.Option(["--run-id"], metavar="ID", help="Only the tags of this run."),
            click.Option(
                ["--all", "all_runs"], is_flag=True, help="Tags of everybody's runs. (default)"
            ),
            click.Option(["--my-runs"], is_flag=True, help="Only tags of your own runs."),
            click.Option(["--hide-system-tags"], is_flag=True, help="Only users' tags."),
            click.Option(["--group-by-tag"], is_flag=True, help="For each tag, its runs."),
            click.Option(["--group-by-run"], is_flag=True, help="For each run, its tags."),
            click.Option(["--flat"], is_flag=True, hidden=True),
        ],
        callback=list_tags,
        help="List the tags of runs.",
    )


def _list_tags(scope: Scope, values: dict[str, Any]) -> None:
    from metaflow.cli.tag_list import list_tags

    named = [name for name in (values["run"], values["run_id"]) if name is not None]
    if len(named) + values["all_runs"] + values["my_runs"] > 1:
        raise click.UsageError("Name one run, or --all, or --my-runs.")
    forms = [form for form in ("group_by_tag", "group_by_run", "flat") if values[form]]
    if len(forms) > 1:
        raise click.UsageError("--group-by-tag, --group-by-run and --flat exclude each other.")
    list_tags(
        scope,
        run_id=named[0] if named else None,
        my_runs=values["my_runs"],
        hide_system_tags=values["hide_system_tags"],
        form=forms[0].removeprefix("group_by_") if forms else None,
    )


def _selectors() -> list[click.Parameter]:
    return [
        click.Option(["--run-id"], metavar="ID", help="The run whose tags change."),
        click.Option(
            ["--namespace"],
            metavar="NS",
            help="Namespace that the run is in; your own if not given, empty for any.",
        ),
    ]


def _change(
    scope: Scope, run_id: str | None, namespace: str | None, change: Callable[[Any], None]
) -> None:
    from metaflow.cli.past_runs import client_of
    from metaflow.cli.tag_list import tags_of, wording

    client = client_of(scope)
    client.namespace(scope.identity if namespace is None else namespace or None)
    if run_id is None:
        raise _no_run_named(scope, client)
    change(client.Run(f"{scope.flow_name}/{run_id}"))
    # Read it again, because another process may have changed the tags as well.
    tags = tags_of(client.Run(f"{scope.flow_name}/{run_id}"))
    scope.console.note("Operation successful. New tags:")
    for line in wording(tags):
        scope.console.plain(line)


def _no_run_named(scope: Scope, client: ModuleType) -> CommandException:
    from metaflow.errors.metadata import MetaflowNamespaceMismatch, MetaflowNotFound

    try:
        latest = client.Flow(scope.flow_name).latest_run
    except (MetaflowNotFound, MetaflowNamespaceMismatch):
        latest = None
    known = "there is no run yet" if latest is None else f"the latest one is `{latest.id}`"
    return CommandException(
        f"The run whose tags change must be named; {known}.", hint="add `--run-id ID`"
    )
