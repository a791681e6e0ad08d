"""Where in a package a decorator's additions go."""

from collections.abc import Mapping
from enum import Enum

from metaflow.code_package.contents import CODE, META


class ContentType(Enum):
    """Where in a code package something goes that `add_to_package` yields."""

    USER_CONTENT = "user"
    """To the user's files, at the root of the package, whatever its suffix."""
    CODE_CONTENT = "code"
    """To the modules from elsewhere, which are importable."""
    MODULE_CONTENT = "module"
    """A module object: its files, to the modules from elsewhere."""
    OTHER_CONTENT = "other"
    """To the descriptions."""


FOLDERS: Mapping[ContentType, str] = {
    ContentType.USER_CONTENT: "",
    ContentType.CODE_CONTENT: f"{CODE}/",
    ContentType.MODULE_CONTENT: f"{CODE}/",
    ContentType.OTHER_CONTENT: f"{META}/",
}
