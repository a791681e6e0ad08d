"""How the environment says where extension packages are, and whether their loading is shown."""

from __future__ import annotations

import os
from typing import Final

from metaflow.settings.load import truth

SEARCH_DIRS: Final = "METAFLOW_EXTENSIONS_SEARCH_DIRS"
SHOWN: Final = "METAFLOW_DEBUG_EXT"


def search_dirs() -> list[str]:
    """Folders to look for extension packages in; none for all that is on the path."""
    return [folder for folder in os.environ.get(SEARCH_DIRS, "").split(os.pathsep) if folder]


def shows_loading() -> bool:
    """Tell whether each module of an extension package that is loaded shall be shown."""
    return truth(os.environ.get(SHOWN, ""))
