"""The base class that programs write their own secret sources on."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any, ClassVar


class SecretsProvider(abc.ABC):
    """A kind of place that keeps secrets.

    Subclass it, give it a `TYPE`, and name the class as an entry point of the group
    `metaflow.secret_source`, under the same type.
    """

    TYPE: ClassVar[str | None] = None
    """What users write in front of the dot: `type.id`."""

    @abc.abstractmethod
    def get_secret_as_dict(
        self, secret_id: str, options: Mapping[str, Any] = {}, role: str | None = None
    ) -> Mapping[str, str]:
        """Read a secret.

        Parameters
        ----------
        secret_id : str
            Which one.
        options : mapping, optional
            What the user says about how to read it.
        role : str, optional
            Whose rights to use.

        Returns
        -------
        mapping of str to str
            Values by the names of environment variables.
        """

    def fetch(
        self, secret_id: str, options: Mapping[str, Any], role: str | None
    ) -> Mapping[str, str]:
        """Read a secret for the framework."""
        return self.get_secret_as_dict(secret_id, options, role)
