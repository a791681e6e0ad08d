"""The bridge to R, as far as Python programs ask for it: `metaflow.R`."""  # noqa: N999 - the name that programs import

from __future__ import annotations

from typing import Any

from metaflow.errors.feature import NotAvailableYet

__all__ = ["run", "use_r"]


def use_r() -> bool:
    """Tell whether this process runs a flow that is written in R: never, in this version."""
    return False


def run(*arguments: Any, **options: Any) -> None:
    """Run a flow that is written in R.

    Raises
    ------
    NotAvailableYet
        Always, in this version.
    """
    del arguments, options
    raise NotAvailableYet("metaflow.R.run", "flows written in R")
