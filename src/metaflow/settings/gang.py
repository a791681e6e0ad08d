"""What a scheduler tells a member of a gang by its environment: where the others are."""

# No postponed annotations here: a NamedTuple would compile each of them at import.
import os
from collections.abc import Mapping
from typing import NamedTuple


class GangEnvironment(NamedTuple):
    """Variables that describe a gang; empty or 0 where the scheduler has not set them."""

    main_ip: str
    """MF_PARALLEL_MAIN_IP: address of node 0."""
    control_id: str
    """MF_PARALLEL_CONTROL_TASK_ID: id of the control task."""
    port: int
    """MASTER_PORT: where the members meet."""


def gang_environment(environ: Mapping[str, str] | None = None) -> GangEnvironment:
    """Read what this process was told of its gang.

    Parameters
    ----------
    environ : mapping of str to str, optional
        The variables; those of this process by default.
    """
    known = os.environ if environ is None else environ
    port = known.get("MASTER_PORT", "")
    return GangEnvironment(
        known.get("MF_PARALLEL_MAIN_IP", ""),
        known.get("MF_PARALLEL_CONTROL_TASK_ID", ""),
        int(port) if port.isdecimal() else 0,
    )
