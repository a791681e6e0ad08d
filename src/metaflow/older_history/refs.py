"""Makes references of ours to what older versions have stored, without touching its bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from metaflow.artifact_store.older.blobs import blob_path
from metaflow.artifact_store.older.loading import INCLUDED, PICKLE, PLUGGED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from metaflow.older_history.tasks import StoredAttempt

OWN: Final = frozenset(
    {
        "_configs_processed",
        "_control_mapper_tasks",
        "_control_task_is_mapper_zero",
        "_current_step",
        "_foreach_num_splits",
        "_foreach_stack",
        "_foreach_values",
        "_foreach_var",
        "_graph_info",
        "_iteration_stack",
        "_parallel_ubf_iter",
        "_success",
        "_task_ok",
        "_transition",
        "_unbounded_foreach",
    }
)
"""Artifacts in which older versions keep house; the client makes those that tools ask for."""

_FILES: Final = frozenset({"metaflow.includefile.IncludedFile"})


def manifest_of(
    flow: str,
    prefix: str,
    attempt: StoredAttempt,
    of_run: Mapping[str, str],
    *,
    is_first: bool,
    included: Collection[str] = (),
) -> dict[str, list[Any]]:
    """Make the manifest of an attempt.

    Parameters
    ----------
    flow : str
        Name of the flow.
    prefix : str
        What comes before a path below the root: nothing, or another root and a slash.
    attempt : StoredAttempt
        The attempt.
    of_run : mapping of str to str
        Digests of what all tasks of the run have; they need not have it again.
    is_first : bool
        It is the pseudo-task that holds what all tasks have.
    included : collection of str
        Artifacts that are texts which stand for files.
    """
    manifest = {}
    for name, digest in attempt.objects.items():
        if name in OWN and not (is_first and name == "_graph_info"):
            continue
        if not is_first and of_run.get(name) == digest:
            continue
        info = attempt.info.get(name) or {}
        kind, size = type_name(str(info.get("type", ""))), int(info.get("size", 0))
        if name == "_exception" and kind == "builtins.NoneType":
            continue
        encoding = INCLUDED if name in included else _encoding(name, kind, info)
        if encoding.startswith(PLUGGED):
            kind = str(info.get("type", ""))
        part = [digest, size, 0, 0, prefix + blob_path(flow, digest), 0]
        manifest[name] = [digest, kind, size, encoding, 1, [part]]
    return manifest


def type_name(shown: str) -> str:
    """Turn `<class 'int'>` into the qualified name `builtins.int`."""
    name = shown.removeprefix("<class '").removesuffix("'>")
    return name if "." in name or not name else f"builtins.{name}"


def _encoding(name: str, kind: str, info: Mapping[str, Any]) -> str:
    told = str(info.get("encoding", "gzip+pickle-v2"))
    if kind in _FILES:
        return INCLUDED
    if "pickle" in told:
        return PICKLE
    details = info.get("serializer_info") or {}
    source = str(details.get("source", "unknown"))
    known = {"serializer": told, "name": told, "source": source}
    about = {**known, "artifact": name, "encoding": told, "info": details}
    return f"{PLUGGED}:{json.dumps(about, separators=(',', ':'))}"
