"""Utilities, and older paths that programs import."""

from metaflow import parallel_imap_unordered, parallel_map, profile
from metaflow._vendor import click
from metaflow.datastore.exceptions import DataException, UnpicklableArtifactException
from metaflow.events import MetaflowEvent, Trigger
from metaflow.flowspec import FlowSpec, InvalidNextException
from metaflow.lint import LintWarn, linter
from metaflow.multicore_utils import MulticoreException
from metaflow.plugins.catch_decorator import FailureHandledByCatch
from metaflow.plugins.timeout_decorator import TimeoutException
from metaflow.tagging_util import validate_tags
from metaflow.util import get_username, is_stringish, resolve_identity, to_pod


def square(number: int) -> int:
    return number * number


def work() -> None:
    took: dict[str, int] = {}
    with profile("work", stats_dict=took):
        squares: list[int] = parallel_map(square, range(3), max_parallel=2, dir=".")
    try:
        for number in parallel_imap_unordered(square, [1, 2]):
            print(number + squares[0], took["work"])
    except (MulticoreException, DataException, UnpicklableArtifactException) as error:
        print(error.headline)
    except (FailureHandledByCatch, TimeoutException, InvalidNextException) as error:
        print(error.message)


def check(flow: FlowSpec, trigger: Trigger) -> None:
    try:
        linter.run_checks(flow._graph)  # pyright: ignore[reportPrivateUsage]
    except LintWarn as warning:
        click.echo(str(warning))
    event: MetaflowEvent | None = trigger.event
    validate_tags(["a"], existing_tags=["b"])
    user: str | None = get_username()
    print(event, user, resolve_identity(), is_stringish(user), to_pod({"a": square}))
