"""The code package of a local run: made only when something has changed since the last one.

Next to the blobs there is one small file per flow that says what the flow's files looked like
when they were last packed, and which package came of it. As long as they still look so, no
file is read.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from metaflow.artifact_store.hashing import blob_name, digest_of
from metaflow.artifact_store.opening import is_remote, open_artifact_store
from metaflow.authoring.composition import config_values
from metaflow.code_package.collecting import check_size, collect
from metaflow.code_package.contents import Contents
from metaflow.code_package.contributors import contributors_to
from metaflow.code_package.environment import environment_info, git_info
from metaflow.code_package.finding import find_files
from metaflow.code_package.repository import repository_of
from metaflow.errors.base import MetaflowException
from metaflow.protocols.workers import CodePacked

if TYPE_CHECKING:
    from metaflow.code_package.git import GitState
    from metaflow.model.package import PackageOrder

FOLDER: Final = "code"
"""Where the small files are, below the root of the store."""
PACKAGE, GIT = "code-package", "git-info"
"""Facts of a run."""
FEW_ENTRIES: Final = 200
"""Looking at so many takes a millisecond at most."""
SETTLED_NS: Final = 50_000_000
"""A file that has changed just now may change again without looking any different."""


def take_snapshot(order: PackageOrder, flow: type, root: str) -> CodePacked:
    """Pack the code like `snapshot`; what goes wrong is part of the answer.

    Parameters
    ----------
    order, flow, root
        As for `snapshot`.
    """
    try:
        return CodePacked(tuple(snapshot(order, flow, root).items()))
    except MetaflowException as error:
        hint = f" ({error.hint})" if error.hint else ""
        return CodePacked((), error.message + hint)
    except Exception as error:  # decorators of the user's may raise anything
        return CodePacked((), f"{type(error).__name__}: {error}")


def snapshot(order: PackageOrder, flow: type, root: str) -> dict[str, str]:
    """See to it that the store has a package of the user's code as it is now.

    Parameters
    ----------
    order : PackageOrder
        What to pack.
    flow : type
        The flow class, with all decorators attached.
    root : str
        Root of the local store.

    Returns
    -------
    dict of str to str
        Facts about the run, as JSON texts: where its package is, and what Git knows.

    Raises
    ------
    MetaflowException
        There is too much to pack, or no room for it.
    OSError
        A file cannot be read.
    """
    contents = collect(order, flow)
    check_size(contents, order)
    state = _State(order, flow, root, contents)
    facts = state.known_facts()
    if facts is not None:
        return facts
    settled = _newest(contents) < time.time_ns() - SETTLED_NS
    facts, complete = _pack(order, state)
    if settled and complete:
        _remember(state.index, state.seen, facts)
    return facts


def known_snapshot(order: PackageOrder, flow: type, root: str) -> CodePacked | None:
    """Find the package of code that has not changed, where that takes no time.

    Parameters
    ----------
    order, flow, root
        As for `snapshot`.

    Returns
    -------
    CodePacked or None
        None when the code has changed, when there are many files, when decorators have a
        say or an object store has to be asked: then it takes a process of its own.
    """
    if order.artifact_root:
        return None
    try:
        if any(contributors_to(flow, order.folder)):
            return None
        contents = Contents(find_files(order.folder, order.suffixes, FEW_ENTRIES))
        facts = _State(order, flow, root, contents).known_facts()
    except Exception:  # whatever it is, the process of its own will tell
        return None
    return None if facts is None else CodePacked(tuple(facts.items()))


class _State:
    """All that a package depends on, as it is now, and what is known of an equal state."""

    __slots__ = ("configs", "contents", "git", "index", "place", "seen")

    def __init__(self, order: PackageOrder, flow: type, root: str, contents: Contents) -> None:
        self.contents = contents
        self.git = repository_of(order.folder)
        self.configs = plain_configs(flow)
        known = environment_info(order, self.git, uncommitted=None)
        depends_on = repr([contents.fingerprint(), self.git, known, self.configs])
        self.seen = digest_of(depends_on.encode(errors="surrogateescape"))
        self.index = _index_path(order, flow, root)
        self.place = order.artifact_root or root

    def known_facts(self) -> dict[str, str] | None:
        """Return the facts of an equal state, if its package is still there."""
        try:
            with open(self.index, encoding="utf-8") as file:
                entry = json.load(file)
            if entry["seen"] != self.seen:
                return None
            facts: dict[str, str] = entry["facts"]
            package = json.loads(facts[PACKAGE])
            store = open_artifact_store(self.place)
            stored = store.has_blob(package["sha"], package["size"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return facts if stored else None


def _pack(order: PackageOrder, state: _State) -> tuple[dict[str, str], bool]:
    """Store a package; return its facts, and whether they hold for as long as nothing changes."""
    from metaflow.code_package.packing import add_descriptions, make_package

    contents, git = state.contents, state.git
    uncommitted = None
    if git is not None:
        from metaflow.code_package.git import has_uncommitted_changes

        uncommitted = has_uncommitted_changes(git, order.folder, contents.user_names)
    info = environment_info(order, git, uncommitted=uncommitted)
    add_descriptions(contents, info, state.configs)
    data, unchanged = make_package(contents)
    facts = _store(data, git, state.place, uncommitted=uncommitted)
    return facts, unchanged and (git is None or uncommitted is not None)


def _store(
    data: bytes, git: GitState | None, place: str, *, uncommitted: bool | None
) -> dict[str, str]:
    part = open_artifact_store(place).save_blob(data)
    location = blob_name(part.digest, part.codec)
    kind = "local"
    if is_remote(place):
        from metaflow.settings.artifact_roots import datastore_of

        kind, location = datastore_of(place), f"{place}/{location}"
    package = {"ds_type": kind, "sha": part.digest, "size": part.size, "location": location}
    facts = {PACKAGE: json.dumps(package)}
    if git is not None:
        facts[GIT] = json.dumps(git_info(git, uncommitted=uncommitted))
    return facts


def _newest(contents: Contents) -> int:
    return max((file.mtime_ns for file in contents.files.values()), default=0)


def plain_configs(flow: type) -> dict[str, Any]:
    """Values of the flow's configs, as far as they are plain data."""
    values = dict(config_values(flow))
    plain: dict[str, Any] = json.loads(json.dumps(values, default=repr))
    return plain


def _index_path(order: PackageOrder, flow: type, root: str) -> str:
    known_by = [order.folder, order.script, order.suffixes, flow.__name__]
    if order.artifact_root:
        known_by.append(order.artifact_root)
    key = json.dumps(known_by)
    return f"{root}/{FOLDER}/{digest_of(key.encode())[:32]}.json"


def _remember(index: str, seen: str, facts: dict[str, str]) -> None:
    """Note the state; a run whose package is stored does not fail for want of the note."""
    temporary = f"{index}.{os.getpid()}.tmp"
    with suppress(OSError):
        os.makedirs(os.path.dirname(index), exist_ok=True)
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump({"seen": seen, "facts": facts}, file)
        os.replace(temporary, index)
