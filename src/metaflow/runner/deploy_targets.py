"""Which schedulers flows can be deployed on: built in, or brought by other packages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from metaflow import registry
from metaflow.errors.runner import DeployTargetUnavailable, DeployTargetUnknown

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from metaflow.protocols.deploy_target import DeployTarget

GROUP: Final = "metaflow.deploy"
"""Entry points of this group name classes that satisfy `DeployTarget`."""
KIND: Final = "deploy_target"
KNOWN: Final = ("airflow", "argo_workflows", "step_functions")
"""Names that programs may use; without a back end, using one is told to be just that."""


def target_names() -> list[str]:
    """List the names of all targets, those without a back end here included."""
    return sorted({*KNOWN, *registry.names(KIND), *_plugged_in()})


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
    made: DeployTarget
    if name in registry.names(KIND):
        made = registry.load(KIND, name)()
        return made
    found = _plugged_in().get(name)
    if found is None:
        if name in KNOWN:
            raise DeployTargetUnavailable(name)
        raise DeployTargetUnknown(name, target_names())
    made = found.load()()
    return made


def _plugged_in() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {found.name: found for found in entry_points(group=GROUP)}
