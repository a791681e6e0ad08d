"""For tests: one step in this process, a whole flow in its own store, stores of objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metaflow.testing.faulty_objects import FaultyObjectStore, Injected, Rates
    from metaflow.testing.object_conformance import object_store_conformance
    from metaflow.testing.steps import StepResult, run_step
    from metaflow.testing.stores import TemporaryStore, run_in_temporary_store, temporary_store

__all__ = [
    "FaultyObjectStore",
    "Injected",
    "Rates",
    "StepResult",
    "TemporaryStore",
    "object_store_conformance",
    "run_in_temporary_store",
    "run_step",
    "temporary_store",
]

_MODULES = {
    "FaultyObjectStore": "faulty_objects",
    "Injected": "faulty_objects",
    "Rates": "faulty_objects",
    "StepResult": "steps",
    "object_store_conformance": "object_conformance",
    "run_step": "steps",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for: the plug-in of pytest is loaded everywhere."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = import_module(f"{__name__}.{_MODULES.get(name, 'stores')}")
    return getattr(module, name)
