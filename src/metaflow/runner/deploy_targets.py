"""Which schedulers flows can be deployed on: built in, or brought by other packages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from metaflow import registry
from metaflow.errors.runner import DeployTargetUnavailable, DeployTargetUnknown

if TYPE_CHECKING:
    from metaflow.protocols.deploy_target import DeployTarget

KIND: Final = "deploy_target"
"""What the registry has under this kind are classes that satisfy `DeployTarget`; packages
bring them by entry points of the group `metaflow.deploy`."""
KNOWN: Final = ("airflow", "argo_workflows", "step_functions")
"""Names that programs may use; without a back end, using one is told to be just that."""


def target_names() -> list[str]:
    """List the names of all targets, those without a back end here included."""
    return sorted({*KNOWN, *registry.names(KIND)})


def find_target(name: str) -> DeployTarget:
    """Make the back end of a scheduler.

    Parameters
    ----------
    name : str
        Its name.

    Returns
    -------
    DeployTarget
        The back end.

    Raises
    ------
    DeployTargetUnknown
        There is no such target.
    DeployTargetUnavailable
        It is known, but this installation has no back end for it.
    """
    try:
        target = registry.load(KIND, name)
    except KeyError:
        if name in KNOWN:
            raise DeployTargetUnavailable(name) from None
        raise DeployTargetUnknown(name, target_names()) from None
    made: DeployTarget = target()
    return made
