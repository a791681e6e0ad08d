"""Secrets that a step finds among its environment variables."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from metaflow.authoring.step_decorators import DecoratorSyntax, StepDecorator
from metaflow.errors.decorator import InvalidDecoratorValue
from metaflow.errors.secrets import SecretsClash
from metaflow.protocols.step_hook import Attempt
from metaflow.settings import load_settings
from metaflow.task.secrets import (
    SecretRequest,
    fetch,
    find_source,
    masked,
    read_source,
    variable_problem,
)


class SecretsDecorator(StepDecorator):
    """Put secrets into the environment while the step runs.

    Parameters
    ----------
    sources : list of str or dict
        Which secrets: `'type.id'`, or a dict with `type`, `id`, `options` and `role`.
    role : str, optional
        Whose rights to use, where a source does not say.
    allow_override : bool, default False
        A secret may replace a variable that is set already.
    """

    name = "secrets"
    defaults: ClassVar[Mapping[str, Any]] = {"sources": [], "role": None, "allow_override": False}
    precedence = 10
    """Inside `@catch`, which may handle a missing secret, and around all other hooks."""

    @property
    def visible(self) -> Mapping[str, Any]:
        """The attributes, with whatever may be secret masked."""
        sources = self.attributes["sources"]
        if isinstance(sources, list | tuple):
            return {**self.attributes, "sources": [masked(source) for source in sources]}
        return {**self.attributes, "sources": masked(sources)}

    def check(self, step: str, node: Any) -> None:
        """Refuse sources that cannot be understood, and those that nothing here can read."""
        sources, role = self.attributes["sources"], self.attributes["role"]
        if not isinstance(sources, list | tuple):
            raise InvalidDecoratorValue(self.name, step, node, "sources=…", "`sources` is a list")
        if role is not None and not isinstance(role, str):
            raise InvalidDecoratorValue(self.name, step, node, "role=…", "`role` is a string")
        if not isinstance(self.attributes["allow_override"], bool):
            reason = "`allow_override` is True or False"
            raise InvalidDecoratorValue(self.name, step, node, "allow_override=…", reason)
        for request in self._requests():
            find_source(request.kind)

    def around(self, attempt: Attempt, proceed: Callable[[], None]) -> None:
        """Set the variables, run the step, and put things back."""
        del attempt
        secrets = self._fetch()
        before = {name: os.environ.get(name) for name in secrets}
        os.environ.update(secrets)
        try:
            proceed()
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

    def _requests(self) -> list[SecretRequest]:
        settings = load_settings()
        role = self.attributes["role"]
        return [read_source(source, role, settings) for source in self.attributes["sources"]]

    def _fetch(self) -> dict[str, str]:
        secrets: dict[str, str] = {}
        origin: dict[str, str] = {}
        for request in self._requests():
            for name, value in fetch(request).items():
                problem = variable_problem(name, value)
                if problem is not None:
                    raise SecretsClash(str(name), request.label, problem)
                if name in secrets:
                    problem = f"is also in the source `{origin[name]}`"
                    raise SecretsClash(name, request.label, problem, "give them different names")
                if name in os.environ and not self.attributes["allow_override"]:
                    raise SecretsClash(
                        name,
                        request.label,
                        "is an environment variable already",
                        "unset it, or write `@secrets(…, allow_override=True)`",
                    )
                secrets[name], origin[name] = value, request.label
        return secrets


secrets: DecoratorSyntax = DecoratorSyntax(SecretsDecorator)
