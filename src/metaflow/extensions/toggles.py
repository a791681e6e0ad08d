"""Which plug-ins of a category are on: all, an exact list, or all with exceptions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any


def toggled(
    known: set[str], settings: Mapping[str, str], category: str, said: Iterable[Any]
) -> set[str]:
    """Decide which plug-ins of a category are on.

    Parameters
    ----------
    known : set of str
        Names of all of them, built-in ones included.
    settings : mapping of str to str
        All settings by name; `ENABLED_<category>` and `TOGGLE_<category>` count.
    category : str
        Such as `STEP_DECORATOR`.
    said : iterable of list of str
        What extensions say in their `TOGGLE_<category>`.

    Returns
    -------
    set of str
        Names of those that are on.
    """
    enabled = set(known)
    for entries in said:
        enabled = _switch(enabled, known, list(entries))
    exact = _entries(settings.get(f"ENABLED_{category}", ""))
    if exact:
        if all(entry[0] in "+-" for entry in exact):
            enabled = _switch(enabled, known, exact)
        else:
            enabled = _switch(set(), known, exact)
    return _switch(enabled, known, _entries(settings.get(f"TOGGLE_{category}", "")))


def _switch(enabled: set[str], known: set[str], entries: list[str]) -> set[str]:
    chosen = set(enabled)
    for entry in entries:
        if entry.startswith("-"):
            chosen.discard(entry[1:])
        else:
            chosen.add(entry.removeprefix("+"))
    return chosen & known


def _entries(text: str) -> list[str]:
    """Read a list as a setting has it: a JSON list, or words with commas or spaces."""
    if text.lstrip().startswith("["):
        return [str(entry) for entry in json.loads(text) if entry]
    return text.replace(",", " ").split()
