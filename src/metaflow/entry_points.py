"""Which implementations installed distributions offer, found by their entry points."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUPS: Final = {
    "deploy_target": "metaflow.deploy",
    "flow_decorator": "metaflow.flow_hook",
    "secret_source": "metaflow.secret_source",
    "serializer": "metaflow.serializer",
    "step_decorator": "metaflow.step_hook",
}
"""Kind of implementation -> group of entry points."""

CACHE: Final = "entry-points.json"
"""File in the user's cache that tells, for each folder of the path, its groups."""

LARGE: Final = 50
"""Folders with more entries are remembered even if no distribution is in them."""


def offered(kind: str) -> dict[str, EntryPoint]:
    """List what is offered of a kind, by name; asking takes some milliseconds."""
    group = GROUPS.get(kind)
    if group is None:
        return {}
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=group)}


def load(kind: str, name: str) -> Any:
    """Import what a distribution offers under a name.

    Raises
    ------
    KeyError
        Nobody offers that.
    """
    return offered(kind)[name].load()


def is_offered(kind: str) -> bool:
    """Tell whether there is anything of a kind, in a fraction of a millisecond.

    What each folder of the path holds is remembered in the user's cache until the folder
    changes, as it does whenever something is installed. Only whether there is something is
    remembered, and never what: nothing is imported because of it.
    """
    folders = {folder: _changed_at(folder or ".") for folder in sys.path}
    known = _read_cache()
    found: dict[str, list[Any]] = {
        folder: known[folder]
        if known.get(folder, [0])[0] == changed
        else [changed, _groups_in(folder or ".")]
        for folder, changed in folders.items()
        if changed
    }
    # Folders that no distribution is in change often and are read quickly.
    fresh = {
        folder: entry for folder, entry in found.items() if entry[1] and known.get(folder) != entry
    }
    if fresh:
        _write_cache(known | fresh)
    return any(GROUPS[kind] in entry[1] for entry in found.values())


def _changed_at(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0


def _groups_in(folder: str) -> list[str]:
    """List the groups of a folder's distributions; the first entry says that it is worth it."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    groups = ["large"] if len(names) > LARGE else []
    for name in names:
        if name.endswith((".dist-info", ".egg-info")):
            groups = groups or ["distributions"]
            try:
                with open(os.path.join(folder, name, "entry_points.txt"), encoding="utf-8") as file:
                    lines = file.read().splitlines()
            except (OSError, UnicodeDecodeError):
                continue
            groups += [line.strip("[] ") for line in lines if line.startswith("[metaflow.")]
    return groups


def _cache_path() -> str:
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(home, "metaflow", CACHE)


def _read_cache() -> dict[str, Any]:
    import json

    try:
        with open(_cache_path(), encoding="utf-8") as file:
            known = json.load(file)
    except (OSError, ValueError):
        return {}
    is_sound = isinstance(known, dict) and all(
        isinstance(entry, list) and len(entry) == 2 and isinstance(entry[1], list)  # noqa: PLR2004 - a time and the groups
        for entry in known.values()
    )
    return known if is_sound else {}


def _write_cache(known: dict[str, Any]) -> None:
    import json

    path = _cache_path()
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(known, file)
        os.replace(temporary, path)
    except OSError:
        return  # It is found anew next time.
