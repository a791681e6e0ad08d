"""`metaflow import`: indexes the runs that older versions have made, all at once."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import click

from metaflow.errors.history import NoOlderRuns
from metaflow.errors.storage import DataException
from metaflow.settings import load_settings
from metaflow.settings.roots import ensure_local_root, find_local_root
from metaflow.settings.search import LOCAL_DIRECTORY

if TYPE_CHECKING:
    from metaflow.cli.console import Console
    from metaflow.older_history.importing import Import

TELL_EVERY_S: Final = 0.2


def build(console: Console) -> click.Command:
    """Make the command."""

    def run(**values: Any) -> int:
        return _import(console, values["path"], values["datastore_root"], copied=values["copy"])

    return click.Command(
        "import",
        params=[
            click.Argument(["path"], required=False),
            click.Option(
                ["--datastore-root"],
                metavar="ROOT",
                help="Where the tasks' bytes are, if that is not PATH: a folder, or an address "
                "such as s3://bucket/prefix.",
            ),
            click.Option(
                ["--copy"],
                is_flag=True,
                help="Copy artifacts, logs and code packages instead of leaving them in place.",
            ),
        ],
        callback=run,
        help="Index the runs that older versions of Metaflow have left in PATH, by default the "
        "store of this directory. What is indexed already is skipped.",
    )


def _import(console: Console, path: str | None, datastore_root: str | None, *, copied: bool) -> int:
    from metaflow.older_history.importing import open_import

    source = _source(path)
    target, _ = ensure_local_root(os.getcwd(), load_settings())
    files = datastore_root
    if files is not None and "://" not in files:
        files = os.path.abspath(os.path.expanduser(files))
    work = open_import(target, source, files, copied=copied)
    flows = work.flows()
    if not flows:
        raise NoOlderRuns(source)
    line = _Line(work)
    for flow in flows:
        for problem in work.flow(flow):
            if isinstance(problem, DataException):
                line.end()
                console.error(problem)
            line.tell()
    line.end()
    skipped = f", {work.known} were known" if work.known else ""
    console.say(
        f"Imported {work.runs} runs with {work.tasks} tasks of {len(flows)} flows "
        f"in {time.monotonic() - work.began:.1f} s{skipped}."
    )
    if work.damaged:
        console.say(f"{work.damaged} runs are damaged and were left out.")
    return 1 if work.damaged else 0


def _source(path: str | None) -> str:
    """Find the folder with the runs: PATH itself, or `.metaflow` in it."""
    if path is None:
        found = find_local_root(os.getcwd(), load_settings())
        if found is None:
            raise NoOlderRuns(os.getcwd())
        return found
    folder = os.path.abspath(os.path.expanduser(path))
    inside = os.path.join(folder, LOCAL_DIRECTORY)
    return inside if os.path.isdir(inside) else folder


class _Line:
    """One line on a terminal that tells how far it is."""

    def __init__(self, work: Import) -> None:
        self._work = work
        self._told_at = 0.0
        self._shown = sys.stderr.isatty()

    def tell(self) -> None:
        """Tell it anew, unless that was just done."""
        now = time.monotonic()
        if not self._shown or now - self._told_at < TELL_EVERY_S:
            return
        self._told_at = now
        work = self._work
        rate = work.tasks / max(now - work.began, 0.001)
        sys.stderr.write(
            f"\r\033[K{work.runs + work.known} of {work.found} runs, {work.tasks} tasks, "
            f"{rate:,.0f} tasks/s"
        )
        sys.stderr.flush()

    def end(self) -> None:
        """Take the line away."""
        if self._shown and self._told_at:
            sys.stderr.write("\r\033[K")
            self._told_at = 0.0
