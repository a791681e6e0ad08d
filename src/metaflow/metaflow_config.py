"""Settings under the names that programs import from `metaflow.metaflow_config`.

Each name is read when it is first asked for, from the environment, the project's and the
profile's files, and then stays as it is for the life of the process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from metaflow.model.spec import MAX_ATTEMPTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    CLICK_API_PROCESS_CONFIG: bool
    CONTACT_INFO: Mapping[str, str]
    DATASTORE_SYSROOT_LOCAL: str | None
    DATASTORE_SYSROOT_SPIN: str | None
    DEFAULT_DATASTORE: str
    DEFAULT_DECOSPECS: str
    DEFAULT_ENVIRONMENT: str
    DEFAULT_EVENT_LOGGER: str
    DEFAULT_METADATA: str
    DEFAULT_MONITOR: str
    DEFAULT_PACKAGE_SUFFIXES: str
    FEAT_ALWAYS_UPLOAD_CODE_PACKAGE: bool
    INCLUDE_FOREACH_STACK: bool
    MAXIMUM_FOREACH_VALUE_CHARS: int
    SPIN_ALLOWED_DECORATORS: str
    SPIN_DISALLOWED_DECORATORS: str
    SPIN_PERSIST: bool
    TEMPDIR: str
    UI_URL: str | None
    USER: str | None

__all__ = [
    "CLICK_API_PROCESS_CONFIG",
    "CONTACT_INFO",
    "DATASTORE_SYSROOT_LOCAL",
    "DATASTORE_SYSROOT_SPIN",
    "DEFAULT_DATASTORE",
    "DEFAULT_DECOSPECS",
    "DEFAULT_ENVIRONMENT",
    "DEFAULT_EVENT_LOGGER",
    "DEFAULT_METADATA",
    "DEFAULT_MONITOR",
    "DEFAULT_PACKAGE_SUFFIXES",
    "FEAT_ALWAYS_UPLOAD_CODE_PACKAGE",
    "INCLUDE_FOREACH_STACK",
    "MAXIMUM_FOREACH_VALUE_CHARS",
    "MAX_ATTEMPTS",
    "SPIN_ALLOWED_DECORATORS",
    "SPIN_DISALLOWED_DECORATORS",
    "SPIN_PERSIST",
    "TEMPDIR",
    "UI_URL",
    "USER",
]

_SEPARATORS = {
    "DEFAULT_DECOSPECS": " ",
    "DEFAULT_PACKAGE_SUFFIXES": ",",
    "SPIN_ALLOWED_DECORATORS": ",",
    "SPIN_DISALLOWED_DECORATORS": ",",
}
"""Lists are one text here, as they are in the environment."""


def __getattr__(name: str) -> Any:
    """Read a setting when it is first asked for."""
    from metaflow import registry

    extensions = registry.added.extensions
    if extensions is not None and not name.startswith("__"):
        added = extensions.values("config")
        if name in added:
            return added[name]
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from metaflow.settings.load import load_settings

    value = getattr(load_settings(), name.lower())
    if name in _SEPARATORS:
        value = _SEPARATORS[name].join(value)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the names of the settings."""
    return sorted({*globals(), *__all__})
