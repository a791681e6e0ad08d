"""The framework's own files in a package, so that a machine without it can run the code."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Final

from metaflow.code_package.contents import CODE, META, Contents, Made
from metaflow.code_package.contributions import add_module
from metaflow.code_package.finding import find_files

if TYPE_CHECKING:
    from importlib.metadata import Distribution

DISTRIBUTION: Final = "millrace"
EXTENSIONS: Final = "metaflow_extensions"
SUFFIXES: Final = (".py", ".sql", ".json", ".js", ".css", ".html", ".typed")
DESCRIBED_BY: Final = frozenset({"METADATA", "PKG-INFO", "entry_points.txt", "top_level.txt"})


def add_library(contents: Contents) -> None:
    """Add the framework, the extensions that are loaded, and what is known of both.

    Parameters
    ----------
    contents : Contents
        The package so far.
    """
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for found in find_files(folder, SUFFIXES):
        contents.add_file(found.renamed(f"{CODE}/metaflow/{found.name}"))
    extensions = sys.modules.get(EXTENSIONS)
    if extensions is not None:
        add_module(contents, EXTENSIONS, extensions, SUFFIXES)
    facts = json.dumps(distribution_facts(), sort_keys=True, indent=1).encode()
    contents.add_made(Made(f"{META}/DIST_INFO", facts, DISTRIBUTION))


def distribution_facts() -> dict[str, dict[str, str]]:
    """Return what `importlib.metadata` is to find of the framework and its extensions.

    Returns
    -------
    dict of str to dict
        For each distribution the texts of its description, by file name.
    """
    from importlib.metadata import distributions

    facts = {}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name == DISTRIBUTION or _has_extensions(distribution):
            texts = {file: distribution.read_text(file) for file in DESCRIBED_BY}
            facts[name] = {file: text for file, text in texts.items() if text}
    return facts


def _has_extensions(distribution: Distribution) -> bool:
    return any(
        file.parts and file.parts[0] == EXTENSIONS and EXTENSIONS in sys.modules
        for file in distribution.files or ()
    )
