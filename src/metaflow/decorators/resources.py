"""What a step needs of a machine; a local run takes what there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from metaflow.authoring.step_decorators import DecoratorSyntax, StepDecorator
from metaflow.errors.decorator import InvalidDecoratorValue
from metaflow.model.spec import StepSpec


class ResourcesDecorator(StepDecorator):
    """Say what a step needs, for back ends that give each step its own machine.

    Parameters
    ----------
    cpu : int, default 1
        Number of cores.
    gpu : int, optional
        Number of GPUs.
    disk : int, optional
        Disk in megabytes.
    memory : int, default 4096
        Memory in megabytes.
    shared_memory : int, optional
        Size of `/dev/shm` in megabytes.
    """

    name = "resources"
    defaults: ClassVar[Mapping[str, Any]] = {
        "cpu": 1,
        "gpu": None,
        "disk": None,
        "memory": 4096,
        "shared_memory": None,
    }

    def check(self, step: str, node: Any) -> None:
        """Refuse what is not an amount."""
        for name, value in self.attributes.items():
            try:
                fine = value is None or float(value) >= 0
            except (TypeError, ValueError):
                fine = False
            if not fine:
                reason = "amounts are numbers, 0 or more"
                raise InvalidDecoratorValue(self.name, step, node, f"{name}={value!r}", reason)

    def declare(self, spec: StepSpec) -> StepSpec:
        """Record the amounts for back ends to read."""
        given = {name: str(value) for name, value in self.attributes.items() if value is not None}
        return spec._replace(resources=tuple(sorted(given.items())))


resources: DecoratorSyntax = DecoratorSyntax(ResourcesDecorator)
