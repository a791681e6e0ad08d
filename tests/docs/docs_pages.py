"""Finds the pages of the documentation and the blocks of code in them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).parents[2]
PAGES = sorted([REPOSITORY / "README.md", *(REPOSITORY / "docs").rglob("*.md")])
FENCE = re.compile(r"^```(\S+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block: `language words`, the words being what comes after the language."""

    language: str
    words: str
    text: str
    line: int

    @property
    def reason_not_to_run(self) -> str | None:
        """What follows `no-run:`."""
        _, found, reason = self.words.partition("no-run:")
        return reason.strip() if found else None

    @property
    def flow(self) -> str | None:
        """Name of the file that the block is."""
        return self._value("flow")

    @property
    def exit_code(self) -> int:
        """How the block ends."""
        return int(self._value("exit") or 0)

    @property
    def is_output(self) -> bool:
        """The block shows what the one before it prints."""
        return self.words.split() == ["output"]

    def _value(self, name: str) -> str | None:
        found = re.search(rf"\b{name}=(\S+)", self.words)
        return None if found is None else found[1]


def name_of(page: Path) -> str:
    """Path of a page as people write it."""
    return str(page.relative_to(REPOSITORY))


def blocks_of(page: Path) -> list[Block]:
    """All fenced blocks of a page that say what language they are in."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(found[1], found[2].strip(), found[3], text.count("\n", 0, found.start()) + 1)
        for found in FENCE.finditer(text)
    ]
