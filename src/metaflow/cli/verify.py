"""`verify`: read back all that a run has stored, and tell what is damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow.cli.scope import Scope
    from metaflow.client.view import RunView
    from metaflow.model.artifact import Part


def build(scope: Scope) -> click.Command:
    """Make the command."""

    def verify(**values: Any) -> int:
        return _verify(scope, **values)

    return click.Command(
        "verify",
        params=[
            click.Argument(["run_id"], required=False),
            click.Option(["--all", "all_runs"], is_flag=True, help="All runs of the flow."),
        ],
        callback=verify,
        help="Read back all artifacts of a run, the newest one if none is given, and compare them "
        "with their digests. The exit code is 1 if any is damaged.",
    )


def _verify(scope: Scope, run_id: str | None, all_runs: bool) -> int:
    from metaflow.cli.past_runs import client_of
    from metaflow.cli.status import find_run

    if all_runs and run_id is not None:
        raise click.UsageError("A run and --all exclude each other.")
    runs = client_of(scope).Flow(scope.flow_name) if all_runs else [find_run(scope, run_id)]
    checked = _Checked()
    for run in runs:
        for line in checked.damage_of(run):
            scope.console.data(line)
    scope.console.note(
        f"Verified {checked.artifacts} artifacts in {len(checked.known)} parts, "
        f"{checked.bytes / 1e6:.1f} MB as stored: {checked.damaged or 'none'} damaged."
    )
    return int(checked.damaged > 0)


class _Checked:
    """What was read until now; what several artifacts share is read once."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str, int], str | None] = {}
        """For each part, what is wrong with it."""
        self.artifacts = self.bytes = self.damaged = 0

    def damage_of(self, run: Any) -> Iterator[str]:
        """Read all that a run has stored; tell of each artifact that is damaged."""
        view = run._view  # noqa: SLF001 - verifying needs references, which users are not shown
        for place, name, parts in _artifacts(view):
            self.artifacts += 1
            problems = [found for part in parts if (found := self._problem(view, part))]
            if problems:
                self.damaged += 1
                yield f"{view.pathspec}/{place}/{name}: {problems[0]}"

    def _problem(self, view: RunView, part: Part) -> str | None:
        from metaflow.errors.storage import DataException

        key = part.digest, part.pack, part.offset
        if key not in self.known:
            self.bytes += part.stored
            try:
                view.read(lambda store: store.verify(part))
                self.known[key] = None
            except DataException as error:
                self.known[key] = error.message
        return self.known[key]


def _artifacts(view: Any) -> Iterator[tuple[str, str, tuple[Part, ...]]]:
    """Go through what all attempts of a run have stored: place, name, parts."""
    import json

    from metaflow.model.artifact import ArtifactRef
    from metaflow.model.task import Transition

    for step, task, manifest, transition in view.catalog.stored_by(view.facts.key):
        place = f"{step}/{task}"
        for name, ref in json.loads(manifest or "{}").items():
            yield place, name, ArtifactRef.from_json(ref).parts
        items = None if transition is None else Transition.from_json(json.loads(transition)).items
        if items is not None:
            yield place, "items of its foreach", (items.part,)
