"""Environment variables that are there before the flow file is imported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from metaflow.authoring.step_decorators import DecoratorSyntax, StepDecorator
from metaflow.errors.decorator import InvalidDecoratorValue
from metaflow.model.spec import StepSpec


class EnvironmentDecorator(StepDecorator):
    """Set environment variables for a step.

    Parameters
    ----------
    vars : dict
        Values by name; they are turned into strings.
    """

    name = "environment"
    defaults: ClassVar[Mapping[str, Any]] = {"vars": {}}

    def check(self, step: str, node: Any) -> None:
        """Refuse what is no mapping, and names that no environment can hold."""
        given = self.attributes["vars"]
        if not isinstance(given, Mapping):
            reason = "`vars` is a dict of names and values"
            raise InvalidDecoratorValue(self.name, step, node, f"vars={given!r}", reason)
        for name, value in given.items():
            if not isinstance(name, str) or not name or "=" in name or "\0" in name + str(value):
                reason = "names are strings without `=`, and no value has a zero byte"
                raise InvalidDecoratorValue(self.name, step, node, f"vars={{{name!r}: …}}", reason)

    def declare(self, spec: StepSpec) -> StepSpec:
        """Ask for a process that starts with these variables."""
        given = {name: str(value) for name, value in self.attributes["vars"].items()}
        return spec._replace(env=tuple(sorted({**dict(spec.env), **given}.items())))


environment: DecoratorSyntax = DecoratorSyntax(EnvironmentDecorator)
