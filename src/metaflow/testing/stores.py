"""How a test gets a store and settings of its own, which nothing else sees."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from typing import TYPE_CHECKING, Any, Final

from metaflow.ambient import ambient
from metaflow.client.scope import metadata
from metaflow.runner.call import run_flow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow.authoring.flowspec import FlowSpec
    from metaflow.client import Run

USER: Final = "tester"
PREFIX: Final = "METAFLOW_"


class TemporaryStore:
    """A store that a test has for itself.

    Attributes
    ----------
    folder : str
        What contains the store; its settings are there too.
    root : str
        Root of the store.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.root: str = os.path.join(folder, ".metaflow")

    def run(self, flow: type[FlowSpec], /, **options: Any) -> Run:
        """Run a flow in the store, as `metaflow.run_flow` does, and return the run."""
        return run_flow(flow, **options)


@contextlib.contextmanager
def temporary_store(folder: str | os.PathLike[str] | None = None) -> Iterator[TemporaryStore]:
    """Give what runs inside the block a store, settings and a namespace of its own.

    The client looks at the new store, and so do runs that are started inside the block;
    METAFLOW variables and the user's profile count for nothing.

    Parameters
    ----------
    folder : str or path, optional
        An existing empty folder for it; one that is removed afterwards by default.

    Yields
    ------
    TemporaryStore
        The store.
    """
    made = None if folder is not None else tempfile.mkdtemp(prefix="metaflow-test-")
    try:
        with _isolated(os.path.abspath(made or os.fspath(folder or ""))) as store:
            yield store
    finally:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)


def run_in_temporary_store(flow: type[FlowSpec], /, **options: Any) -> Run:
    """Run a flow in a store of its own and return the run.

    The store is there until the process ends, so that the run can be looked at.

    Parameters
    ----------
    flow : type of FlowSpec
        The flow class.
    **options : Any
        Parameters and other keywords, as `metaflow.run_flow` takes them.

    Returns
    -------
    Run
        The run, which has succeeded.

    Raises
    ------
    RunFailed
        A step has failed.
    """
    import atexit

    folder = tempfile.mkdtemp(prefix="metaflow-test-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with _isolated(folder):
        return run_flow(flow, **options)


@contextlib.contextmanager
def _isolated(folder: str) -> Iterator[TemporaryStore]:
    store = TemporaryStore(folder)
    os.makedirs(store.root, exist_ok=True)
    before = {name: text for name, text in os.environ.items() if name.startswith(PREFIX)}
    chosen = ambient.metadata, ambient.namespace
    for name in before:
        del os.environ[name]
    os.environ.update(
        METAFLOW_DATASTORE_SYSROOT_LOCAL=folder,
        METAFLOW_HOME=os.path.join(folder, "home"),
        METAFLOW_USER=USER,
    )
    metadata(folder)
    ambient.namespace = f"user:{USER}"
    try:
        yield store
    finally:
        ambient.metadata, ambient.namespace = chosen
        for name in [name for name in os.environ if name.startswith(PREFIX)]:
            del os.environ[name]
        os.environ.update(before)
