"""What an earlier run was given: the stored values of its parameters and configs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from metaflow.engine.older import read_older
from metaflow.errors.run import OriginNotFound
from metaflow.model.artifact import manifest_from_json
from metaflow.model.records import PARAMETERS_STEP
from metaflow.session import Session


def origin_values(root: str, flow: str, run_id: str, names: Iterable[str]) -> dict[str, Any]:
    """Load values that a run was started with.

    Parameters
    ----------
    root : str
        Root of the local store.
    flow, run_id : str
        The run.
    names : iterable of str
        Attribute names of parameters or configs.

    Returns
    -------
    dict
        Values by name, of those names that the run has.

    Raises
    ------
    OriginNotFound
        There is no such run.
    """
    with Session(root) as session:
        read_older(session, flow, run_id)
        tasks = session.journal.origin_tasks(flow, run_id)
        if tasks is None:
            raise OriginNotFound(flow, run_id, session.journal.latest_run_id(flow))
        first = next((task for task in tasks if task.step == PARAMETERS_STEP), None)
        manifest = {} if first is None else manifest_from_json(json.loads(first.manifest_json))
        artifacts = session.artifacts_of(flow, run_id)
        return {name: artifacts.load(manifest[name]) for name in names if name in manifest}
