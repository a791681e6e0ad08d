"""Secrets that stand in the flow itself: for tests, because everybody who reads it knows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from metaflow.errors.secrets import SecretSourceInvalid
from metaflow.secret_sources.provider import SecretsProvider


class InlineSource(SecretsProvider):
    """Hand out what stands in the option `env_vars`."""

    TYPE: ClassVar[str | None] = "inline"

    def get_secret_as_dict(
        self, secret_id: str, options: Mapping[str, Any] = {}, role: str | None = None
    ) -> Mapping[str, str]:
        """Return the variables."""
        del role
        values = options.get("env_vars", {})
        if not isinstance(values, Mapping):
            raise SecretSourceInvalid(f"inline.{secret_id}", "`env_vars` is a dict")
        return dict(values)
