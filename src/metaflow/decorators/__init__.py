"""The built-in step decorators, one per file, and what plug-ins derive theirs from."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metaflow.decorators.plugin_flows import FlowDecorator as FlowDecorator
    from metaflow.decorators.plugin_steps import StepDecorator as StepDecorator
    from metaflow.errors.definition import (
        BadFlowDecoratorException as BadFlowDecoratorException,
    )
    from metaflow.errors.definition import (
        BadStepDecoratorException as BadStepDecoratorException,
    )
    from metaflow.errors.definition import (
        DuplicateFlowDecoratorException as DuplicateFlowDecoratorException,
    )
    from metaflow.errors.definition import (
        DuplicateStepDecoratorException as DuplicateStepDecoratorException,
    )
    from metaflow.errors.definition import (
        UnknownFlowDecoratorException as UnknownFlowDecoratorException,
    )
    from metaflow.errors.definition import (
        UnknownStepDecoratorException as UnknownStepDecoratorException,
    )

_HOMES = {
    "BadFlowDecoratorException": "metaflow.errors.definition",
    "BadStepDecoratorException": "metaflow.errors.definition",
    "DuplicateFlowDecoratorException": "metaflow.errors.definition",
    "DuplicateStepDecoratorException": "metaflow.errors.definition",
    "FlowDecorator": "metaflow.decorators.plugin_flows",
    "StepDecorator": "metaflow.decorators.plugin_steps",
    "UnknownFlowDecoratorException": "metaflow.errors.definition",
    "UnknownStepDecoratorException": "metaflow.errors.definition",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605 - computed, so that no name is listed twice


def __getattr__(name: str) -> Any:
    """Import a name of plug-ins when it is first asked for."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
