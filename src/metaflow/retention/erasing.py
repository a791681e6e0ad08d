"""Erases a run at once, with all that only it refers to, and leaves a receipt.

The receipt is written first and completed last. An erasure that was interrupted is finished by
the next one, or by the next collection of garbage.
"""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from metaflow.artifact_store.opening import is_remote
from metaflow.artifact_store.writing import storage_error
from metaflow.errors.retention import OlderRunNotErased, RunGoesOn, RunPinned
from metaflow.retention.inventory import stored_files
from metaflow.retention.references import digests_in, own_names, packs_in, short
from metaflow.retention.remote_objects import delete_objects, objects_of
from metaflow.retention.rules import is_pinned
from metaflow.retention.sweeping import delete_unless_touched, empty_unused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow.metadata_store.facts import RunToKeep
    from metaflow.retention.keeping import Keeping
    from metaflow.retention.references import References

OLDER_BLOB: Final = re.compile(r"/data/[0-9a-f]{2}/[0-9a-f]{40}\b")
"""Where older versions keep bytes."""

RECEIPTS: Final = "receipts"
"""Folder of the receipts, below the root."""


def erase_run(
    keeping: Keeping, flow: str, run_id: str, by: str, reason: str, *, exclusive: bool = False
) -> dict[str, Any]:
    """Erase one run.

    Parameters
    ----------
    keeping : Keeping
        The root.
    flow, run_id : str
        The run.
    by : str
        Who wants it.
    reason : str
        Why; may be empty.
    exclusive : bool, default False
        For a run in an object store: no other metadata store refers to that place, so blobs
        that only this run refers to may go as well.

    Returns
    -------
    dict
        The receipt: what was erased, when, by whom and why, which files are gone, and which
        runs still refer to some of the same bytes.

    Raises
    ------
    ObjectNotFound
        There is no such run.
    RunGoesOn, RunPinned, OlderRunNotErased
        It cannot be erased now.
    """
    run = keeping.find(flow, run_id)
    pathspec = f"{flow}/{run_id}"
    if keeping.is_open(run):
        raise RunGoesOn(pathspec)
    if is_pinned(run):
        raise RunPinned(pathspec)
    others = [other for other in keeping.runs() if other.key != run.key]
    used = keeping.references(others)
    texts = list(keeping.store.texts_of(run.key))
    older = keeping.store.older_state(run.key)
    if older is not None and any(map(OLDER_BLOB.search, texts)):
        raise OlderRunNotErased(pathspec, f"{older[1] or keeping.root}/{pathspec}")
    own = {digest for text in texts for digest in digests_in(text)}
    # Packs of runs that went before it, of which this was the last to refer to anything.
    packs = {pack for text in texts for pack in packs_in(text)}
    owned = {other.pack for other in others}
    files = [*own_names(run), *sorted(packs - owned - {run.pack})]
    files += [
        file.name
        for file in stored_files(keeping.root)
        if file.digest and short(file.digest) in own and not file.is_used(used)
    ]
    url = keeping.store.run_fact(flow, run_id, "ds-root") or ""
    objects = objects_of(url, run, texts, used, exclusive=exclusive) if is_remote(url) else []
    receipt = {
        "run": pathspec,
        "began_at": run.created_at,
        "erased_at": time.time(),
        "erased_by": by,
        "reason": reason,
        "files": files,
        "objects_in": url if is_remote(url) else "",
        "objects": objects,
        "shared_with": sorted(_sharing(keeping, run, others, own)),
        "complete": False,
    }
    path = _write(keeping.root, receipt)
    keeping.forget([run])
    return _finish(keeping, path, receipt, used)


def finish_erasures(keeping: Keeping) -> list[str]:
    """Finish erasures that were interrupted; return the pathspecs of the runs."""
    finished = []
    for path, receipt in _incomplete(keeping.root):
        flow, _, run_id = receipt["run"].partition("/")
        runs = keeping.runs()
        again = next((run for run in runs if (run.flow, run.run_id) == (flow, run_id)), None)
        if again is not None:
            keeping.forget([again])
        used = keeping.references(run for run in runs if run is not again)
        _finish(keeping, path, receipt, used)
        finished.append(receipt["run"])
    return finished


def _finish(
    keeping: Keeping, path: str, receipt: dict[str, Any], used: References
) -> dict[str, Any]:
    root = keeping.root
    for name in receipt["files"]:
        if used.has_name(name):
            empty_unused(root, name, used)
            continue
        with suppress(FileNotFoundError):
            delete_unless_touched(root, name, os.stat(f"{root}/{name}").st_mtime_ns)
    if receipt["objects"]:
        delete_objects(receipt["objects_in"], receipt["objects"])
    receipt["complete"] = True
    _replace(path, receipt)
    return receipt


def _sharing(
    keeping: Keeping, run: RunToKeep, others: list[RunToKeep], own: set[bytes]
) -> Iterator[str]:
    for other in others:
        for text in keeping.store.texts_of(other.key):
            if run.pack in packs_in(text) or not own.isdisjoint(digests_in(text)):
                yield f"{other.flow}/{other.run_id}"
                break


def _write(root: str, receipt: dict[str, Any]) -> str:
    name = receipt["run"].replace("%", "%25").replace("/", "%2F")
    path = f"{root}/{RECEIPTS}/{name}.json"
    _replace(path, receipt)
    return path


def _replace(path: str, receipt: dict[str, Any]) -> None:
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(receipt, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise storage_error(error, path) from error


def _incomplete(root: str) -> Iterator[tuple[str, dict[str, Any]]]:
    with suppress(FileNotFoundError):
        for name in sorted(os.listdir(f"{root}/{RECEIPTS}")):
            path = f"{root}/{RECEIPTS}/{name}"
            if not name.endswith(".json"):
                continue
            with open(path, encoding="utf-8") as file:
                receipt = json.load(file)
            if not receipt["complete"]:
                yield path, receipt
