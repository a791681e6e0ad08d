"""Fixtures for tests of flows; pytest loads this module whenever the package is installed.

That is why it imports nothing before a test asks for a fixture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def metaflow_store(tmp_path: Path) -> Iterator[Any]:
    """A store, settings and a namespace that only this test sees."""
    from metaflow.testing.stores import temporary_store

    folder = tmp_path / "metaflow-store"
    folder.mkdir()
    with temporary_store(folder) as store:
        yield store


@pytest.fixture
def run_flow(metaflow_store: Any) -> Callable[..., Any]:
    """Run a flow class in the test's own store: `run = run_flow(MyFlow, alpha=3)`."""
    run: Callable[..., Any] = metaflow_store.run
    return run


@pytest.fixture
def run_step() -> Callable[..., Any]:
    """Run one step in this process: `result = run_step(MyFlow, "train", artifacts={...})`."""
    from metaflow.testing.steps import run_step as run

    return run
