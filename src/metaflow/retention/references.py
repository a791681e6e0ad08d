"""What the facts of runs refer to: digests of parts, names of packs and logs.

Texts are not understood, only searched. Whatever looks like a digest counts, so what is in
use is never taken for garbage because somebody has found a new place to write it down.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from metaflow.artifact_store.logs import FOLDER as LOGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow.metadata_store.facts import RunToKeep
    from metaflow.metadata_store.sqlite.removal import Removal

DIGEST_LENGTH: Final = 64
DIGEST: Final = re.compile(rf"(?<![0-9a-f])[0-9a-f]{{{DIGEST_LENGTH}}}(?![0-9a-f])")
PACK: Final = re.compile(r'\\?"(packs/(?:[^"\\]|\\u[0-9a-f]{4})*)\\?"')
"""The name of a pack as JSON writes it, perhaps inside a text that JSON has written."""
SHORT: Final = DIGEST_LENGTH // 2
"""So many digits tell any two digests apart, in half the memory."""


class References:
    """What is in use."""

    __slots__ = ("_digests", "_names")

    def __init__(self) -> None:
        self._digests: set[bytes] = set()
        self._names: set[str] = set()

    def add_run(self, store: Removal, run: RunToKeep) -> None:
        """Add what a run refers to, and what is its own."""
        self._names.update(own_names(run))
        for text in store.texts_of(run.key):
            self._digests.update(digests_in(text))
            self._names.update(packs_in(text))

    def has(self, digest: bytes) -> bool:
        """Tell whether a part with this shortened digest is in use."""
        return digest in self._digests

    def has_digest(self, digest: str) -> bool:
        """Tell whether a part with this digest is in use."""
        return short(digest) in self._digests

    def has_name(self, name: str) -> bool:
        """Tell whether a file, or a folder of files that belong together, is in use."""
        return name in self._names


def own_names(run: RunToKeep) -> tuple[str, str]:
    """Name what is a run's own, relative to a root: its pack and its log."""
    return run.pack, f"{LOGS}/{run.flow}/{run.run_id}"


def short(digest: str) -> bytes:
    """Shorten a digest to what sets hold of it."""
    return bytes.fromhex(digest[:SHORT])


def digests_in(text: str) -> Iterator[bytes]:
    """Find everything in a text that may be a digest."""
    return map(short, DIGEST.findall(text))


def packs_in(text: str) -> Iterator[str]:
    """Find the names of all packs in a text."""
    for written in PACK.findall(text):
        yield json.loads(f'"{written}"') if "\\" in written else written
