"""What a run is asked to be: the fields of a request that `run` and `resume` fill alike."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final

from metaflow.settings.identity import get_username
from metaflow.settings.version import get_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow.cli.scope import Scope

MAX_WORKERS: Final = 16
MAX_NUM_SPLITS: Final = 100
MAX_LOG_SIZE: Final = 10
"""Defaults of the options of these names; a log's size is in megabytes."""


def common_fields(scope: Scope, values: Mapping[str, Any]) -> dict[str, Any]:
    """Settle the fields of a `RunRequest` that `run` and `resume` fill alike.

    Parameters
    ----------
    scope : Scope
        The flow, the settings and the console.
    values : mapping of str to Any
        What the common options were given.

    Returns
    -------
    dict
        Fields by name.

    Raises
    ------
    MetaflowUnknownUser
        Nothing tells who runs this.
    MetaflowTaggingError
        A tag is invalid.
    """
    identity = scope.identity
    facts = scope.declare()
    return {
        "flow": scope.flow,
        "settings": scope.settings,
        "user": get_username(scope.settings) or identity,
        "tags": checked_tags(values["tags"]),
        "system_tags": (*system_tags(identity), *(facts.system_tags if facts else ())),
        "facts": facts,
        "max_workers": values["max_workers"],
        "max_num_splits": values["max_num_splits"],
        "max_log_size_mb": values["max_log_size"],
        "run_id_file": values["run_id_file"],
        "runner_attribute_file": values["runner_attribute_file"],
        "parent_task": values["parent_task"],
        "script": os.path.basename(scope.script),
        **artifact_fields(scope),
        "package": scope.package_order() if scope.settings.code_package_mb else None,
    }


def artifact_fields(scope: Scope) -> dict[str, Any]:
    """Say where artifacts go, as fields of a `RunRequest`."""
    root = scope.artifact_root
    return {"datastore": scope.datastore, "artifact_root": root} if root else {}


def find_triggers(scope: Scope, root: str) -> str:
    """Find what is to have started the run, as it is recorded; empty if it is started by hand."""
    facts = scope.declare()
    if facts is None or not facts.started_by:
        return ""
    from metaflow.cli.flow_facts import triggered_by

    return triggered_by(facts.started_by, root)


def system_tags(identity: str) -> tuple[str, ...]:
    """Tags that every run has, whatever its user says."""
    python = ".".join(str(part) for part in sys.version_info[:3])
    return (
        identity,
        "runtime:dev",
        f"python_version:{python}",
        f"metaflow_version:{get_version()}",
    )


def checked_tags(tags: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse what can't be a tag; return the tags without repeats."""
    if not tags:
        return ()
    from metaflow.metadata_store.tags import check_tags

    return check_tags(tags)
