"""What a place that keeps secrets promises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class SecretSource(Protocol):
    """One kind of place, such as a cloud's vault; made without arguments when it is needed."""

    def fetch(
        self, secret_id: str, options: Mapping[str, Any], role: str | None
    ) -> Mapping[str, str]:
        """Read a secret.

        Parameters
        ----------
        secret_id : str
            Which one; what it looks like is the source's own affair.
        options : mapping
            What the user says about how to read it.
        role : str or None
            Whose rights to use; None for those of the process.

        Returns
        -------
        mapping of str to str
            Values by the names of environment variables.
        """
        ...
