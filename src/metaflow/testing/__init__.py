"""For tests of flows: run one step in this process, or a whole flow in a store of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metaflow.testing.steps import StepResult, run_step
    from metaflow.testing.stores import TemporaryStore, run_in_temporary_store, temporary_store

__all__ = [
    "StepResult",
    "TemporaryStore",
    "run_in_temporary_store",
    "run_step",
    "temporary_store",
]

_STEPS = frozenset({"StepResult", "run_step"})


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for: the plug-in of pytest is loaded everywhere."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = import_module(f"{__name__}.{'steps' if name in _STEPS else 'stores'}")
    return getattr(module, name)
